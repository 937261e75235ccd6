"""The formats of a document: those of the zoo, to which plugins add their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypeAlias

from zoo.document.blocks import Document

Renderer: TypeAlias = Callable[[Document], str]
"""A format: a document in, the text of a file out."""

FORMATS: Mapping[str, str] = {
    "terminal": "zoo.document.text:render",
    "markdown": "zoo.document.markdown:render",
    "html": "zoo.document.html:render",
    "latex": "zoo.document.latex:render",
    "csv": "zoo.document.data:render_csv",
    "json": "zoo.document.data:render_json",
}
"""By name, where the renderer is; it is imported when it is needed."""


def renderer(name: str) -> Renderer:
    """A format of the zoo, which needs no plugin. Raises KeyError for another."""
    module, _, function = FORMATS[name].partition(":")
    found: Renderer = getattr(import_module(module), function)
    return found
