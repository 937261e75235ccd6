"""What BERT adds: WordPiece, segment embeddings, a post-norm stack, masked tokens and next sentences.

Devlin et al. 2019, arXiv:1810.04805.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"bert.wordpiece": "zoo_bert.tokenizer:WordPiece"},
        packings={"bert.segment_pair": "zoo_bert.packing:SegmentPair"},
        maskings={
            "bert.static": "zoo_bert.masking:StaticMasking",
            "bert.whole_word": "zoo_bert.masking:WholeWordMasking",
            "bert.unmasked": "zoo.text.masking:Unmasked",
        },
        embeddings={"bert.absolute": "zoo_bert.embedding:AbsoluteEmbedding"},
        encoders={"bert.stack": "zoo_bert.encoder:Stack"},
        objectives={
            "bert.mlm": "zoo_bert.objective:MaskedTokens",
            "bert.nsp": "zoo_bert.objective:NextSentence",
            "bert.ltr": "zoo_bert.objective:NextToken",
        },
        formulas={f"bert.{name}": f"zoo_bert.formulas:{name}" for name in ("absolute", "stack", "mlm", "nsp", "ltr")},
        published_counts="zoo_bert.published:PUBLISHED",
        variants="zoo_bert.variants:VARIANTS",
        paper_tables="zoo_bert.ablations:TABLES",
        search_grids="zoo_bert.grids:GRIDS",
        checkpoint_formats="zoo_bert.weights:FORMATS",
    )
