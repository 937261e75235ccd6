"""The encoder of the Transformer: sinusoidal positions, scaled tokens, norms after, attention without biases.

Vaswani et al. 2017, arXiv:1706.03762. The decoder is not part of it.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        embeddings={"transformer.sinusoidal": "zoo_transformer.layers:SinusoidalEmbedding"},
        encoders={"transformer.stack": "zoo_transformer.layers:Stack"},
        formulas={f"transformer.{name}": f"zoo_transformer.formulas:{name}" for name in ("sinusoidal", "stack")},
        variants="zoo_transformer.variants:VARIANTS",
    )
