"""The generator: masked-language modeling by a small network beside the encoder; Clark et al. 2020, section 3."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor, nn

from zoo import Batch, Dims, Output
from zoo.blocks import AttentionBlock, FeedForwardBlock, Layer, LayerStack, MaskedTokens, corrupted
from zoo_electra.embedding import ProjectedEmbedding
from zoo_electra.formulas import generator_dims


class GeneratorAlone(MaskedTokens):
    """Predict masked tokens from the encoder itself, through a head with GELU: a generator as it was released."""

    def __init__(self, dims: Dims, *, bias: Literal["zero", "unigram"] = "zero", tied: bool = True) -> None:
        super().__init__(dims, bias=bias, tied=tied, activation="gelu")


class Generator(MaskedTokens):
    """Predict masked tokens with a small network, and put tokens drawn from its predictions in their place.

    It is `size` times as wide as the encoder and `depth` times as deep (generator_hidden_size and generator_layers of
    google-research/electra). It shares the model's embedding if `shared`, all tables and the norm, as released; else it
    has its own. No gradient flows through what is drawn.
    """

    reads = "embedded"
    fills_masks = False

    def __init__(
        self,
        dims: Dims,
        *,
        size: float = 0.25,
        depth: float = 1.0,
        shared: bool = True,
        bias: Literal["zero", "unigram"] = "zero",
    ) -> None:
        small = generator_dims(dims, size, depth)
        super().__init__(small, bias=bias, activation="gelu")
        self.embedding = (
            None if shared else ProjectedEmbedding(dims.model_copy(update={"hidden_width": small.embedding_width}))
        )
        widths = small.embedding_width, small.hidden_width
        self.project = nn.Linear(*widths) if widths[0] != widths[1] else nn.Identity()
        self.encoder = LayerStack(Layer(AttentionBlock(small), FeedForwardBlock(small)) for _ in range(small.n_layers))

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """Embeddings [T, E] to logits [M, V], and a batch in which M tokens are drawn from them."""
        own = self.embedding
        narrow, table = (hidden, token_table) if own is None else (own(batch), own.tokens.weight)
        made = super().forward(self.encoder(self.project(narrow), batch.layout), batch, table)
        return replace(made, corrupted=corrupted(batch, made.logits.detach()))
