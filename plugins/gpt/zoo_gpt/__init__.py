"""What GPT and GPT-2 add: text read from left to right, a tied output layer without a head, norms after or before.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training"; Radford et al. 2019, "Language
Models are Unsupervised Multitask Learners".
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"gpt.bytes": "zoo_gpt.tokenizer:GPT2Bytes", "gpt.words": "zoo_gpt.tokenizer:GPTWords"},
        embeddings={"gpt.absolute": "zoo_gpt.layers:PlainEmbedding"},
        encoders={"gpt.pre_norm": "zoo_gpt.layers:PreNormStack"},
        objectives={"gpt.lm": "zoo_gpt.objective:LanguageModel"},
        formulas={f"gpt.{name}": f"zoo_gpt.formulas:{name}" for name in ("absolute", "pre_norm", "lm")},
        published_counts="zoo_gpt.published:PUBLISHED",
        variants="zoo_gpt.variants:VARIANTS",
        checkpoint_formats="zoo_gpt.weights:FORMATS",
    )
