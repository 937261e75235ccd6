"""The formats of a document: those of the zoo, to which plugins add their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypeAlias

from zoo.core.errors import UnknownName
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


def renderer(name: str, others: Mapping[str, Renderer] | None = None) -> Renderer:
    """The format of a name, one of the zoo's or of others. Raises UnknownName where there is none."""
    if name in FORMATS:
        module, _, function = FORMATS[name].partition(":")
        found: Renderer = getattr(import_module(module), function)
        return found
    if others and name in others:
        return others[name]
    raise UnknownName("report format", name, [*FORMATS, *(others or ())])
