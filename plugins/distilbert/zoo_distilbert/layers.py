"""BERT's embedding without segments, and its layers without dropout after attention."""

from __future__ import annotations

from zoo import Dims
from zoo.blocks import AttentionBlock, FeedForwardBlock, Layer, LayerStack, SummedEmbedding
from zoo.formulas import one_width


class UnsegmentedEmbedding(SummedEmbedding):
    """The sum of token and learned absolute position, then norm and dropout; Sanh et al. 2019, section 3."""

    def __init__(self, dims: Dims) -> None:
        one_width(dims)
        super().__init__(dims)


class Stack(LayerStack):
    """L post-norm layers; Sanh et al. 2019, section 3.

    As in the released code, the output of attention is not dropped out (huggingface/transformers,
    modeling_distilbert.py, TransformerBlock).
    """

    def __init__(self, dims: Dims) -> None:
        attention = dims.model_copy(update={"dropout": 0.0})
        super().__init__(Layer(AttentionBlock(attention), FeedForwardBlock(dims)) for _ in range(dims.n_layers))
