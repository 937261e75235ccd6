"""The small BERT of a textbook: words as tokens, no norm over the embedding, a masked-token head with ReLU.

Zhang et al. 2021, "Dive into Deep Learning", arXiv:2106.11342, chapter 15, sections 8 to 10.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"d2l.words": "zoo_d2l.tokenizer:Words"},
        packings={"d2l.sentence_pairs": "zoo_d2l.packing:SentencePairs"},
        embeddings={"d2l.absolute": "zoo_d2l.embedding:PlainEmbedding"},
        formulas={"d2l.absolute": "zoo_d2l.formulas:absolute"},
        variants="zoo_d2l.variants:VARIANTS",
    )
