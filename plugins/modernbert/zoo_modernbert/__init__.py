"""What ModernBERT brings: rotary positions, local and global attention in turn, gated feed-forward without biases.

Warner et al. 2024, arXiv:2412.13663. Objective, packing and masking are BERT's and RoBERTa's.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"modernbert.bytes": "zoo_modernbert.tokenizer:ByteLevelBPE"},
        embeddings={"modernbert.tokens": "zoo.blocks:TokenEmbedding"},
        encoders={"modernbert.alternating": "zoo_modernbert.encoder:AlternatingStack"},
        formulas={
            "modernbert.tokens": "zoo.formulas:token_embedding",
            "modernbert.alternating": "zoo_modernbert.formulas:alternating",
        },
        published_counts="zoo_modernbert.published:PUBLISHED",
        variants="zoo_modernbert.variants:VARIANTS",
        checkpoint_formats="zoo_modernbert.weights:FORMATS",
    )
