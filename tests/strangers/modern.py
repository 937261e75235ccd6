"""An encoder of ModernBERT's kind: Warner et al. 2024, arXiv:2412.13663, section 2.1."""

from __future__ import annotations

from torch import Tensor, nn

from zoo import Batch, Dims, Embedding
from zoo.blocks import (
    Dropout,
    GatedFeedForward,
    Layer,
    LayerStack,
    PreNormAttentionBlock,
    PreNormFeedForwardBlock,
    Rotary,
    SelfAttention,
)
from zoo.formulas import head_width, one_width


class ModernStack(LayerStack):
    """Rotary positions, norms before, gated feed-forward, no biases; all layers but every n-th see a window only."""

    def __init__(self, dims: Dims, *, window: int = 64, global_every: int = 3, global_base: float = 160_000.0) -> None:
        def layer(index: int) -> Layer:
            sees_all = index % global_every == 0
            attention = SelfAttention(
                dims,
                positions=Rotary(head_width(dims), global_base if sees_all else 10_000.0),
                window=None if sees_all else window,
                bias=False,
            )
            first = nn.Identity() if index == 0 else norm()  # the embedding's norm serves
            return Layer(
                PreNormAttentionBlock(dims, attention, first),
                PreNormFeedForwardBlock(dims, GatedFeedForward(dims, bias=False), norm()),
            )

        def norm() -> nn.Module:
            return nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps, bias=False)

        super().__init__([layer(index) for index in range(dims.n_layers)], norm())


class ScaledStack(ModernStack):
    """The same, what is added to the residual stream starting the smaller the more layers there are."""

    keeps_own_init = True

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        for name, weight in self.named_parameters():
            if name.endswith(("output.weight", "down.weight")):
                weight.data.div_((2 * dims.n_layers) ** 0.5)


class TokenEmbedding(Embedding):
    """Tokens alone, normed: positions are the attention's affair, and texts have no segments."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.tokens = nn.Embedding(dims.vocab_size, one_width(dims))
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps, bias=False)
        self.dropout = Dropout(dims.dropout)

    def forward(self, batch: Batch) -> Tensor:
        out: Tensor = self.dropout(self.norm(self.tokens(batch.ids)))
        return out
