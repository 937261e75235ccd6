"""What ALBERT adds to BERT: a factorized embedding, layers that share weights, sentence order and n-gram masks.

Lan et al. 2020, arXiv:1909.11942.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"albert.unigram": "zoo_albert.tokenizer:Unigram"},
        maskings={"albert.ngram": "zoo_albert.masking:NGramMasking"},
        embeddings={"albert.factorized": "zoo_albert.embedding:FactorizedEmbedding"},
        encoders={"albert.shared": "zoo_albert.encoder:SharedStack"},
        objectives={"albert.sop": "zoo_albert.objective:SentenceOrder"},
        formulas={f"albert.{name}": f"zoo_albert.formulas:{name}" for name in ("factorized", "shared", "sop")},
        published_counts="zoo_albert.published:PUBLISHED",
        variants="zoo_albert.variants:VARIANTS",
        paper_tables="zoo_albert.ablations:TABLES",
        search_grids="zoo_albert.grids:GRIDS",
        checkpoint_formats="zoo_albert.weights:FORMATS",
    )
