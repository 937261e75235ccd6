"""What RoBERTa adds to BERT: byte-level BPE, no segments, full sentences and dynamic masks; it drops NSP.

Liu et al. 2019, arXiv:1907.11692. There is no encoder here: the variants name BERT's. XLM-R and CamemBERT are RoBERTa
with a vocabulary of SentencePiece, trained on other languages.
"""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={
            "roberta.bytes": "zoo_roberta.tokenizer:ByteLevelBPE",
            "roberta.xlm_unigram": "zoo_roberta.unigram:XLMRobertaUnigram",
            "roberta.camembert_unigram": "zoo_roberta.unigram:CamembertUnigram",
        },
        packings={
            "roberta.full_sentences": "zoo_roberta.packing:FullSentences",
            "roberta.doc_sentences": "zoo_roberta.packing:DocSentences",
            "roberta.sentence_pair": "zoo_roberta.packing:SentencePair",
        },
        maskings={"roberta.dynamic": "zoo_roberta.masking:DynamicMasking"},
        embeddings={"roberta.absolute": "zoo_roberta.embedding:OffsetEmbedding"},
        formulas={"roberta.absolute": "zoo_roberta.formulas:absolute"},
        published_counts="zoo_roberta.published:PUBLISHED",
        variants="zoo_roberta.variants:VARIANTS",
        paper_tables="zoo_roberta.ablations:TABLES",
        search_grids="zoo_roberta.grids:GRIDS",
        checkpoint_formats="zoo_roberta.weights:FORMATS",
    )
