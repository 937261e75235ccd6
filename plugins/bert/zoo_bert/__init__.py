"""What BERT adds: WordPiece, segment embeddings, a post-norm stack, masked tokens and next sentences.

Devlin et al. 2019, arXiv:1810.04805.
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
    """WordPiece."""
    return {"bert.wordpiece": "zoo_bert.tokenizer:WordPiece"}


@hookimpl
def zoo_packings() -> Parts:
    """Two consecutive segments of one document."""
    return {"bert.segment_pair": "zoo_bert.packing:SegmentPair"}


@hookimpl
def zoo_maskings() -> Parts:
    """Masks drawn in advance and reused, of tokens or whole words; and none."""
    return {
        "bert.static": "zoo_bert.masking:StaticMasking",
        "bert.whole_word": "zoo_bert.masking:WholeWordMasking",
        "bert.unmasked": "zoo_bert.masking:Unmasked",
    }


@hookimpl
def zoo_embeddings() -> Parts:
    """Tokens, segments and learned absolute positions."""
    return {"bert.absolute": "zoo_bert.embedding:AbsoluteEmbedding"}


@hookimpl
def zoo_encoders() -> Parts:
    """A stack of post-norm layers."""
    return {"bert.stack": "zoo_bert.encoder:Stack"}


@hookimpl
def zoo_objectives() -> Parts:
    """Masked tokens and next sentences, and the left-to-right model of the ablation."""
    return {
        "bert.mlm": "zoo_bert.objective:MaskedTokens",
        "bert.nsp": "zoo_bert.objective:NextSentence",
        "bert.ltr": "zoo_bert.objective:NextToken",
    }


@hookimpl
def zoo_formulas() -> Formulas:
    """Of the embedding, the encoder and the objectives."""
    return {
        "bert.absolute": "zoo_bert.formulas:absolute",
        "bert.stack": "zoo_bert.formulas:stack",
        "bert.mlm": "zoo_bert.formulas:mlm",
        "bert.nsp": "zoo_bert.formulas:nsp",
        "bert.ltr": "zoo_bert.formulas:ltr",
    }


@hookimpl
def zoo_published_counts() -> list[Published]:
    """What papers and model cards print."""
    from zoo_bert.published import PUBLISHED

    return PUBLISHED


@hookimpl
def zoo_variants() -> list[Variant]:
    """The released sizes, and ours for CPUs."""
    from zoo_bert.variants import VARIANTS

    return VARIANTS


@hookimpl
def zoo_ablations() -> list[PaperTable]:
    """Tables 5, 6 and 8."""
    from zoo_bert.ablations import TABLES

    return TABLES


@hookimpl
def zoo_grids() -> list[Grid]:
    """Of the paper, and of the small models."""
    from zoo_bert.grids import GRIDS

    return GRIDS


@hookimpl
def zoo_checkpoints() -> list[CheckpointFormat]:
    """BERT's checkpoints of the Hugging Face format."""
    from zoo_bert.weights import FORMAT

    return [FORMAT]
