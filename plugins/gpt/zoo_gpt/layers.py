"""The embedding of GPT and GPT-2, and GPT-2's layers; GPT's are BERT's, read from left to right."""

from __future__ import annotations

from torch import nn

from zoo import Dims
from zoo.blocks import Layer, LayerStack, PreNormAttentionBlock, PreNormFeedForwardBlock, SummedEmbedding
from zoo.formulas import one_width


class PlainEmbedding(SummedEmbedding):
    """The sum of token and learned absolute position, then dropout, without norm; Radford et al. 2018, section 3.1."""

    def __init__(self, dims: Dims) -> None:
        one_width(dims)
        super().__init__(dims, norm=False)


class PreNormStack(LayerStack):
    """L layers with the norm before each half, and a norm after the last; Radford et al. 2019, section 2.3."""

    def __init__(self, dims: Dims) -> None:
        layers = (Layer(PreNormAttentionBlock(dims), PreNormFeedForwardBlock(dims)) for _ in range(dims.n_layers))
        super().__init__(layers, norm=nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps))
