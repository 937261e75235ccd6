"""Layers that share their weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from zoo import Dims, Layout
from zoo.blocks import AttentionBlock, FeedForwardBlock, LayerStack
from zoo_albert.formulas import check_groups


class SharedStack(LayerStack):
    """L layers of which attention, feed-forward, both or neither are shared; Lan et al. 2020, sections 3.1 and 4.5.

    Layers are divided evenly into `n_groups` groups that share within; with `inner_layers`, one layer is that many
    in a row (google-research/albert, num_hidden_groups and inner_group_num).
    """

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
        self.attention_of = groups if share in ("all", "attention") else alone
        self.feedforward_of = groups if share in ("all", "ffn") else alone
        self.attentions = nn.ModuleList(
            nn.ModuleList(AttentionBlock(dims) for _ in range(inner_layers)) for _ in set(self.attention_of)
        )
        self.feedforwards = nn.ModuleList(
            nn.ModuleList(FeedForwardBlock(dims) for _ in range(inner_layers)) for _ in set(self.feedforward_of)
        )

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer, inner ones too."""
        for attention, feedforward in zip(self.attention_of, self.feedforward_of, strict=True):
            blocks = self.attentions[attention].children(), self.feedforwards[feedforward].children()
            for attend, feed in zip(*blocks, strict=True):
                hidden = feed(attend(hidden, layout))
                yield hidden
