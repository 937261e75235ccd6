"""The questions the zoo asks its plugins: no arguments, answers by name, nothing to mutate.

A part is offered as a class, or as a function of no arguments that imports and returns one,
so that listing a plugin need not import torch. Part names begin with the plugin's entry-point name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pluggy

from zoo.specs import Variant
from zoo.tasks.task import Task

if TYPE_CHECKING:
    from zoo.interfaces import Embedding, Encoder, Masking, Objective, Packing, Tokenizer

PROJECT = "zoo"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

T = TypeVar("T")
Parts: TypeAlias = dict[str, type[T] | Callable[[], type[T]]]


@hookspec
def zoo_tokenizers() -> Parts[Tokenizer]:  # type: ignore[empty-body]
    """Tokenizers by name."""


@hookspec
def zoo_packings() -> Parts[Packing]:  # type: ignore[empty-body]
    """Packings by name."""


@hookspec
def zoo_maskings() -> Parts[Masking]:  # type: ignore[empty-body]
    """Maskings by name."""


@hookspec
def zoo_embeddings() -> Parts[Embedding]:  # type: ignore[empty-body]
    """Embeddings by name."""


@hookspec
def zoo_encoders() -> Parts[Encoder]:  # type: ignore[empty-body]
    """Encoders by name."""


@hookspec
def zoo_objectives() -> Parts[Objective]:  # type: ignore[empty-body]
    """Objectives by name."""


@hookspec
def zoo_variants() -> list[Variant]:  # type: ignore[empty-body]
    """Variants."""


@hookspec
def zoo_tasks() -> list[Task]:  # type: ignore[empty-body]
    """Tasks."""
