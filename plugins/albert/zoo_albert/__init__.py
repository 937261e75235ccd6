"""What ALBERT adds to BERT: a factorized embedding, layers that share weights, sentence order and n-gram masks.

Lan et al. 2020, arXiv:1909.11942.
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
    """A unigram language model over pieces, as SentencePiece makes it."""
    return {"albert.unigram": "zoo_albert.tokenizer:Unigram"}


@hookimpl
def zoo_maskings() -> Parts:
    """Runs of one to three whole words."""
    return {"albert.ngram": "zoo_albert.masking:NGramMasking"}


@hookimpl
def zoo_embeddings() -> Parts:
    """A narrow table and a projection."""
    return {"albert.factorized": "zoo_albert.embedding:FactorizedEmbedding"}


@hookimpl
def zoo_encoders() -> Parts:
    """Layers that share attention, feed-forward, both or nothing."""
    return {"albert.shared": "zoo_albert.encoder:SharedStack"}


@hookimpl
def zoo_objectives() -> Parts:
    """Sentence order."""
    return {"albert.sop": "zoo_albert.objective:SentenceOrder"}


@hookimpl
def zoo_formulas() -> Formulas:
    """Of the embedding, the encoder and the objective."""
    return {
        "albert.factorized": "zoo_albert.formulas:factorized",
        "albert.shared": "zoo_albert.formulas:shared",
        "albert.sop": "zoo_albert.formulas:sop",
    }


@hookimpl
def zoo_published_counts() -> list[Published]:
    """What papers and model cards print."""
    from zoo_albert.published import PUBLISHED

    return PUBLISHED


@hookimpl
def zoo_variants() -> list[Variant]:
    """The released sizes, and ours for CPUs."""
    from zoo_albert.variants import VARIANTS

    return VARIANTS


@hookimpl
def zoo_ablations() -> list[PaperTable]:
    """Tables 3, 4 and 5."""
    from zoo_albert.ablations import TABLES

    return TABLES


@hookimpl
def zoo_grids() -> list[Grid]:
    """Of the paper, task by task."""
    from zoo_albert.grids import GRIDS

    return GRIDS


@hookimpl
def zoo_checkpoints() -> list[CheckpointFormat]:
    """ALBERT's checkpoints of the Hugging Face format."""
    from zoo_albert.weights import FORMAT

    return [FORMAT]
