"""Token embeddings alone."""

from __future__ import annotations

import zoo.blocks
from zoo import Dims


class TokenEmbedding(zoo.blocks.TokenEmbedding):
    """Tokens, a norm without bias, dropout; Warner et al. 2024, section 2.1.1."""

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims, norm_bias=False)
