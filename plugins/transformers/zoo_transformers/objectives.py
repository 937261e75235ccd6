"""What a model of the library was pre-trained to do, which the zoo does not repeat."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from zoo import IGNORE, Batch, Dims, Objective, Output
from zoo.blocks import next_tokens, predict_next_tokens, predict_tokens
from zoo_transformers.heads import KINDS, MASKED, NEXT, LibraryHead
from zoo_transformers.library import Config, config_of

TAKEN = "a model of the transformers library is taken over with its weights; name its folder, without --from-scratch"


class TakenOver(Objective):
    """Stands for what a folder was pre-trained on, where it holds no head for that."""

    cannot_pretrain = TAKEN

    def __init__(self, dims: Dims) -> None:
        super().__init__()

    def n_targets(self, batch: Batch) -> Tensor:
        """None. Scalar."""
        return batch.targets.new_zeros(())

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to a loss of zero; no target counts."""
        return Output((hidden * 0).sum(), hidden[:0], batch.targets[:0])


class OfClass(Objective):
    """Tokens, predicted by what a class of the library's has on top of its encoder; Wolf et al. 2020, section 3."""

    kind: ClassVar[str]
    fills_masks = True
    keeps_own_init = True
    cannot_pretrain = TAKEN

    def __init__(self, dims: Dims, *, config: Config | None = None) -> None:
        super().__init__()
        found = config_of(dims, config)
        self.head = LibraryHead(found, KINDS[self.kind][type(found)].__name__)

    def wide_logits(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H], [V, E] -> [M, V]"""
        return self.head(hidden[None], token_table)[0][0]  # type: ignore[no-any-return]


class MaskedTokens(OfClass):
    """Masked tokens."""

    kind = MASKED

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V] at the tokens that have a target, M of them."""
        return predict_tokens(self, hidden, batch, token_table)


class NextTokens(OfClass):
    """Each token from those before it."""

    kind = NEXT
    causal = True
    counts_targets_only = True

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token but the first of its sequence. Scalar."""
        return (next_tokens(batch) != IGNORE).sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V], M = T - B."""
        return predict_next_tokens(self, hidden, batch, token_table)
