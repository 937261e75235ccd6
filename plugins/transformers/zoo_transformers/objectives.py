"""What a model of the library was pre-trained to do, which the zoo does not repeat."""

from __future__ import annotations

from torch import Tensor

from zoo import Batch, Dims, Objective, Output
from zoo.blocks import predict_tokens
from zoo_transformers.heads import KINDS, MASKED, LibraryHead
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


class MaskedTokens(Objective):
    """Masked tokens, predicted by the library's class for them; Wolf et al. 2020, section 3."""

    fills_masks = True
    keeps_own_init = True
    cannot_pretrain = TAKEN

    def __init__(self, dims: Dims, *, config: Config | None = None) -> None:
        super().__init__()
        found = config_of(dims, config)
        self.head = LibraryHead(found, KINDS[MASKED][type(found)].__name__)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V] at the tokens that have a target, M of them."""
        return predict_tokens(self, hidden, batch, token_table)

    def wide_logits(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H], [V, E] -> [M, V]"""
        return self.head(hidden[None], token_table)[0][0]  # type: ignore[no-any-return]
