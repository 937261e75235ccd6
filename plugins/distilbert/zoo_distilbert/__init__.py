"""What DistilBERT changes in BERT: half of the layers, no segments, no pooler; it drops NSP.

Sanh et al. 2019, arXiv:1910.01108.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        embeddings={"distilbert.absolute": "zoo_distilbert.layers:UnsegmentedEmbedding"},
        encoders={"distilbert.stack": "zoo_distilbert.layers:Stack"},
        formulas={f"distilbert.{name}": f"zoo_distilbert.formulas:{name}" for name in ("absolute", "stack")},
        published_counts="zoo_distilbert.published:PUBLISHED",
        variants="zoo_distilbert.variants:VARIANTS",
        checkpoint_formats="zoo_distilbert.weights:FORMATS",
    )
