"""Parts that several papers share, for plugins to build with."""

from zoo.blocks.activation import Activation, activation
from zoo.blocks.attention import SelfAttention, attend
from zoo.blocks.corruption import corrupted
from zoo.blocks.dropout import Dropout
from zoo.blocks.embedding import SummedEmbedding
from zoo.blocks.features import Features, LayerMix
from zoo.blocks.feedforward import FeedForward, GatedFeedForward
from zoo.blocks.init import initialise, settings_that_reach
from zoo.blocks.layer import (
    AttentionBlock,
    FeedForwardBlock,
    Layer,
    LayerStack,
    PreNormAttentionBlock,
    PreNormFeedForwardBlock,
)
from zoo.blocks.masked_tokens import MaskedTokens
from zoo.blocks.mixture import mixed, mixed_loss
from zoo.blocks.pair import PairObjective, compared
from zoo.blocks.pooler import NormedPooler, Pooler
from zoo.blocks.relative import by_key, log_bucket
from zoo.blocks.rotary import Rotary
from zoo.blocks.token_embedding import TokenEmbedding
from zoo.blocks.token_prediction import (
    TokenPrediction,
    log_frequencies,
    next_tokens,
    predict_next_tokens,
    predict_targets,
    predict_tokens,
    wide_linear,
)

__all__ = [
    "Activation",
    "AttentionBlock",
    "Dropout",
    "Features",
    "FeedForward",
    "FeedForwardBlock",
    "GatedFeedForward",
    "Layer",
    "LayerMix",
    "LayerStack",
    "MaskedTokens",
    "NormedPooler",
    "PairObjective",
    "Pooler",
    "PreNormAttentionBlock",
    "PreNormFeedForwardBlock",
    "Rotary",
    "SelfAttention",
    "SummedEmbedding",
    "TokenEmbedding",
    "TokenPrediction",
    "activation",
    "attend",
    "by_key",
    "compared",
    "corrupted",
    "initialise",
    "log_bucket",
    "log_frequencies",
    "mixed",
    "mixed_loss",
    "next_tokens",
    "predict_next_tokens",
    "predict_targets",
    "predict_tokens",
    "settings_that_reach",
    "wide_linear",
]
