"""Parts that several papers share, for plugins to build with."""

from zoo.blocks.activation import Activation, activation
from zoo.blocks.attention import SelfAttention
from zoo.blocks.dropout import Dropout
from zoo.blocks.feedforward import FeedForward
from zoo.blocks.init import initialise
from zoo.blocks.layer import AttentionBlock, FeedForwardBlock, Layer
from zoo.blocks.pair import PairObjective
from zoo.blocks.pooler import Pooler
from zoo.blocks.token_prediction import TokenPrediction, predict_tokens

__all__ = [
    "Activation",
    "AttentionBlock",
    "Dropout",
    "FeedForward",
    "FeedForwardBlock",
    "Layer",
    "PairObjective",
    "Pooler",
    "SelfAttention",
    "TokenPrediction",
    "activation",
    "initialise",
    "predict_tokens",
]
