"""Layers that share their weights."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from zoo import Dims, Encoder, Layout
from zoo.blocks import AttentionBlock, FeedForwardBlock
from zoo_albert.formulas import check_groups


class SharedStack(Encoder):
    """L layers of which attention, feed-forward, both or neither are shared; Lan et al. 2020, sections 3.1 and 4.5.

    Layers are divided evenly into `n_groups` groups that share within; with `inner_layers`, one layer is that many
    in a row (google-research/albert, num_hidden_groups and inner_group_num).
    """

    can_be_causal = True

    def __init__(
        self,
        dims: Dims,
        *,
        share: Literal["all", "attention", "ffn", "none"] = "all",
        n_groups: int = 1,
        inner_layers: int = 1,
    ) -> None:
        super().__init__()
        check_groups(dims, n_groups, inner_layers)
        groups = [layer * n_groups // dims.n_layers for layer in range(dims.n_layers)]
        alone = list(range(dims.n_layers))
        self.attention_of = _with_inner(groups if share in ("all", "attention") else alone, inner_layers)
        self.feedforward_of = _with_inner(groups if share in ("all", "ffn") else alone, inner_layers)
        self.attentions = nn.ModuleList(AttentionBlock(dims) for _ in set(self.attention_of))
        self.feedforwards = nn.ModuleList(FeedForwardBlock(dims) for _ in set(self.feedforward_of))

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        for attention, feedforward in zip(self.attention_of, self.feedforward_of, strict=True):
            hidden = self.feedforwards[feedforward](self.attentions[attention](hidden, layout))
        return hidden


def _with_inner(stored: list[int], inner_layers: int) -> list[int]:
    """The stored block of each application in turn, when each layer is several in a row."""
    return [block * inner_layers + inner for block in stored for inner in range(inner_layers)]
