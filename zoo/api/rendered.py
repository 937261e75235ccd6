"""Documents in any format, and what prints as a report. No statistics are imported here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from zoo.core.files import refuse_no_file, write_text
from zoo.document import Document
from zoo.document.formats import FORMATS, Renderer, renderer
from zoo.document.html import fragment
from zoo.document.text import text
from zoo.registry.catalog import Catalog

ENDINGS = {".md": "markdown", ".tex": "latex", ".txt": "terminal"}
"""The formats of files that do not end with a format's name."""


def render(document: Document, format: str) -> str:
    """A document in a format, which a plugin may bring. Raises UnknownName for another."""
    return _renderer(format)(document)


def save(document: Document, path: str | Path, format: str | None) -> Path:
    """Write a document to a file, in the format that its name ends with if none is given."""
    refuse_no_file(Path(path))
    ending = Path(path).suffix.lower()
    write_text(Path(path), render(document, format or ENDINGS.get(ending, ending.lstrip("."))))
    return Path(path)


def _renderer(name: str) -> Renderer:
    """A format of the zoo, without loading plugins, or of a plugin. Raises UnknownName if there is none."""
    if name in FORMATS:
        return renderer(name)
    found: Renderer = Catalog.installed().report_format(name)
    return found


class Rendered(ABC):
    """What has a report: it prints as its tables, and is written in any format."""

    @property
    @abstractmethod
    def document(self) -> Document:
        """The report as sections."""

    def render(self, format: str = "terminal", sections: Sequence[str] = ()) -> str:
        """The report in a format: terminal, markdown, csv, json, html, latex, or one that a plugin brings.

        With `sections`, only those of these ids. Raises UnknownName for another format or section.
        """
        return render(self.document.only(sections) if sections else self.document, format)

    def save(self, path: str | Path, format: str | None = None, sections: Sequence[str] = ()) -> Path:
        """Write the report to a file, in the format that its name ends with if none is given."""
        return save(self.document.only(sections) if sections else self.document, path, format)

    def __repr__(self) -> str:
        return text(self.document.brief, 100).rstrip()

    def _repr_html_(self) -> str:
        return fragment(self.document.brief.sections)
