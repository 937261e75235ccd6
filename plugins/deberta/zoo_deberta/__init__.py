"""What DeBERTa brings: attention by contents and relative positions kept apart, in versions 2 and 3.

He et al. 2021, arXiv:2006.03654; He et al. 2023, arXiv:2111.09543.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"deberta.unigram": "zoo_deberta.tokenizer:Unigram"},
        embeddings={
            "deberta.tokens": "zoo.blocks:TokenEmbedding",
            "deberta.gdes": "zoo_deberta.replaced:GradientDisentangledEmbedding",
        },
        encoders={"deberta.disentangled": "zoo_deberta.encoder:DisentangledStack"},
        objectives={
            "deberta.emd": "zoo_deberta.decoder:EnhancedMaskDecoder",
            "deberta.generator": "zoo_deberta.replaced:Generator",
            "deberta.rtd": "zoo_deberta.replaced:ReplacedTokens",
        },
        formulas={
            "deberta.tokens": "zoo.formulas:token_embedding",
            "deberta.gdes": "zoo_deberta.formulas:gradient_disentangled",
            **{
                f"deberta.{name}": f"zoo_deberta.formulas:{name}"
                for name in ("disentangled", "emd", "generator", "rtd")
            },
        },
        paper_tables="zoo_deberta.ablations:TABLES",
        published_counts="zoo_deberta.published:PUBLISHED",
        variants="zoo_deberta.variants:VARIANTS",
        checkpoint_formats="zoo_deberta.weights:FORMATS",
    )
