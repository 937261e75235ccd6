"""What ELECTRA adds to BERT: a small generator replaces masked tokens, and the encoder finds out which were replaced.

Clark et al. 2020, arXiv:2003.10555.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        embeddings={"electra.projected": "zoo_electra.embedding:ProjectedEmbedding"},
        objectives={
            "electra.generator": "zoo_electra.generator:Generator",
            "electra.mlm": "zoo_electra.generator:GeneratorAlone",
            "electra.original": "zoo_electra.original:OriginalTokens",
            "electra.rtd": "zoo_electra.discriminator:ReplacedTokens",
        },
        formulas={
            f"electra.{name}": f"zoo_electra.formulas:{name}"
            for name in ("projected", "generator", "mlm", "original", "rtd")
        },
        paper_tables="zoo_electra.ablations:TABLES",
        published_counts="zoo_electra.published:PUBLISHED",
        variants="zoo_electra.variants:VARIANTS",
        checkpoint_formats="zoo_electra.weights:FORMATS",
    )
