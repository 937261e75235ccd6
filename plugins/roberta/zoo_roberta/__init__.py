"""What RoBERTa adds to BERT: byte-level BPE, no segments, full sentences and masks drawn anew; it drops NSP.

Liu et al. 2019, arXiv:1907.11692. There is no encoder here: the variants name BERT's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import Formulas, Parts, Variant, hookimpl
from zoo.formulas import Published
from zoo.registry.paper_tables import PaperTable
from zoo.registry.search_grids import Grid

if TYPE_CHECKING:
    from zoo.weights.format import CheckpointFormat


@hookimpl
def zoo_tokenizers() -> Parts:
    """Byte-level BPE."""
    return {"roberta.bytes": "zoo_roberta.tokenizer:ByteLevelBPE"}


@hookimpl
def zoo_packings() -> Parts:
    """The input formats of section 4.2 that are not BERT's."""
    return {
        "roberta.full_sentences": "zoo_roberta.packing:FullSentences",
        "roberta.doc_sentences": "zoo_roberta.packing:DocSentences",
        "roberta.sentence_pair": "zoo_roberta.packing:SentencePair",
    }


@hookimpl
def zoo_maskings() -> Parts:
    """Masks drawn anew each time a sequence is seen."""
    return {"roberta.dynamic": "zoo_roberta.masking:DynamicMasking"}


@hookimpl
def zoo_embeddings() -> Parts:
    """Tokens and positions, without segments."""
    return {"roberta.absolute": "zoo_roberta.embedding:OffsetEmbedding"}


@hookimpl
def zoo_formulas() -> Formulas:
    """Of the embedding."""
    return {"roberta.absolute": "zoo_roberta.formulas:absolute"}


@hookimpl
def zoo_published_counts() -> list[Published]:
    """What papers and model cards print."""
    from zoo_roberta.published import PUBLISHED

    return PUBLISHED


@hookimpl
def zoo_variants() -> list[Variant]:
    """The released sizes, and ours for CPUs."""
    from zoo_roberta.variants import VARIANTS

    return VARIANTS


@hookimpl
def zoo_ablations() -> list[PaperTable]:
    """Tables 1 and 2."""
    from zoo_roberta.ablations import TABLES

    return TABLES


@hookimpl
def zoo_grids() -> list[Grid]:
    """Of the paper."""
    from zoo_roberta.grids import GRIDS

    return GRIDS


@hookimpl
def zoo_checkpoints() -> list[CheckpointFormat]:
    """RoBERTa's checkpoints of the Hugging Face format."""
    from zoo_roberta.weights import FORMAT

    return [FORMAT]
