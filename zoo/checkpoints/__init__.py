"""Models from folders and back: the zoo's own folders, and those of the Hugging Face world.

What needs torch is imported when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.checkpoints.converting import convert
    from zoo.checkpoints.reading import Contents, inspect, load, tokenizer_of
    from zoo.checkpoints.writing import save

_LATER = {
    "zoo.checkpoints.converting": ("convert",),
    "zoo.checkpoints.reading": ("Contents", "inspect", "load", "tokenizer_of"),
    "zoo.checkpoints.writing": ("save",),
}

__all__ = ["Contents", "convert", "inspect", "load", "save", "tokenizer_of"]


def __getattr__(name: str) -> object:
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'zoo.checkpoints' has no attribute {name!r}")
