"""The questions the zoo asks its plugins: no arguments, answers by name, nothing to mutate.

A part is offered as a class, or as "module:Class", which is imported when the part is first built, so that
listing a plugin need not import torch. Part names begin with the plugin's entry-point name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import pluggy

from zoo.core.specs import Variant
from zoo.formulas import Component, Published
from zoo.registry.paper_tables import PaperTable
from zoo.registry.search_grids import Grid
from zoo.tasks.task import Task
from zoo.weights.format import CheckpointFormat

if TYPE_CHECKING:
    from zoo.core.interfaces import Embedding, Encoder, Masking, Objective, Packing, Tokenizer

    Part: TypeAlias = (
        type[Tokenizer] | type[Packing] | type[Masking] | type[Embedding] | type[Encoder] | type[Objective]
    )

PROJECT = "zoo"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Parts: TypeAlias = "dict[str, Part | str]"
Formula: TypeAlias = Callable[..., Sequence[Component]]
Formulas: TypeAlias = dict[str, Formula | str]


@hookspec
def zoo_tokenizers() -> Parts:  # type: ignore[empty-body]
    """Tokenizers by name."""


@hookspec
def zoo_packings() -> Parts:  # type: ignore[empty-body]
    """Packings by name."""


@hookspec
def zoo_maskings() -> Parts:  # type: ignore[empty-body]
    """Maskings by name."""


@hookspec
def zoo_embeddings() -> Parts:  # type: ignore[empty-body]
    """Embeddings by name."""


@hookspec
def zoo_encoders() -> Parts:  # type: ignore[empty-body]
    """Encoders by name."""


@hookspec
def zoo_objectives() -> Parts:  # type: ignore[empty-body]
    """Objectives by name."""


@hookspec
def zoo_variants() -> list[Variant]:  # type: ignore[empty-body]
    """Variants."""


@hookspec
def zoo_tasks() -> list[Task]:  # type: ignore[empty-body]
    """Tasks."""


@hookspec
def zoo_checkpoints() -> list[CheckpointFormat]:  # type: ignore[empty-body]
    """Layouts of checkpoints, one for each model_type of config.json."""


@hookspec
def zoo_formulas() -> Formulas:  # type: ignore[empty-body]
    """What embeddings, encoders and objectives are made of, by the part's name.

    A function, or "module:function", that takes the dims and the part's own options and imports no torch.
    """


@hookspec
def zoo_published_counts() -> list[Published]:  # type: ignore[empty-body]
    """Parameter counts that papers and model cards print."""


@hookspec
def zoo_ablations() -> list[PaperTable]:  # type: ignore[empty-body]
    """Tables in which papers take their designs apart, with the variants that repeat them."""


@hookspec
def zoo_grids() -> list[Grid]:  # type: ignore[empty-body]
    """Settings of fine-tuning to try."""
