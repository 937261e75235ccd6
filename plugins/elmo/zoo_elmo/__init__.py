"""ELMo: words from their characters, an LSTM each way, language models in both directions, layers mixed for each task.

Peters et al. 2018, arXiv:1802.05365.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        embeddings={"elmo.characters": "zoo_elmo.embedding:CharacterEmbedding"},
        encoders={"elmo.bilstm": "zoo_elmo.encoder:BothWays"},
        objectives={"elmo.bilm": "zoo_elmo.objective:BothLanguageModels"},
        formulas={f"elmo.{name}": f"zoo_elmo.formulas:{name}" for name in ("characters", "bilstm", "bilm")},
        published_counts="zoo_elmo.published:PUBLISHED",
        variants="zoo_elmo.variants:VARIANTS",
    )
