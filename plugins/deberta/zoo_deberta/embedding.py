"""Token embeddings alone: positions are in the attention."""

from __future__ import annotations

import zoo.blocks


class TokenEmbedding(zoo.blocks.TokenEmbedding):
    """Tokens, norm and dropout; the two texts of a pair are told apart by the separator."""

    def __init__(self, dims: zoo.Dims) -> None:
        super().__init__(dims)
