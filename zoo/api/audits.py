"""Parameters counted four ways, of one variant, of a few, or of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.api.rendered import render, save
from zoo.api.signature import takes
from zoo.auditing import tables
from zoo.auditing.audit import Audit, Settings, audited
from zoo.auditing.expectations import moved, read_expectations
from zoo.auditing.report import as_json, details, notes, overviews, page, with_notes
from zoo.auditing.request import AuditRequest
from zoo.document import Document, Section
from zoo.document.html import fragment
from zoo.document.text import text
from zoo.registry.catalog import Catalog


@dataclass(frozen=True)
class Audits(Sequence[Audit]):
    """Audits of the given names, or of every variant: counts, whether they agree, and why if they do not."""

    audits: tuple[Audit, ...]
    named: bool
    catalog: Catalog

    def __len__(self) -> int:
        return len(self.audits)

    def __getitem__(self, index: Any) -> Any:
        return self.audits[index]

    @property
    def good(self) -> list[Audit]:
        """The audits that succeeded."""
        return [audit for audit in self.audits if audit.error is None or audit.file is not None]

    @property
    def errors(self) -> list[str]:
        """Why the others failed."""
        named = [(f"{audit.name}: " if audit.file else "", audit.error) for audit in self.audits if audit.error]
        return [f"{name}{error}" for name, error in named]

    @cached_property
    def sections(self) -> list[Section]:
        """All tables, then notes."""
        shown = details(self.good) if self.named else overviews(self.catalog, self.good)
        return with_notes(shown, notes(self.good))

    @property
    def document(self) -> Document:
        """A page with the chart of components first."""
        return page(self.good, self.sections)

    @property
    def brief(self) -> Document:
        """The printed output: everything for given names, one table for all variants."""
        shown = self.sections if self.named else with_notes([tables.overview(self.good)], notes(self.good))
        return Document("", tuple(shown))

    def as_json(self) -> list[dict[str, object]]:
        """The audits for other programs, as `zoo audit --json` prints them."""
        return as_json(self.audits)

    def render(self, format: str = "terminal") -> str:
        """All of it in a format: terminal, markdown, csv, json, html, latex, or one that a plugin brings."""
        return render(self.document, format)

    def save(self, path: str | Path, format: str | None = None) -> Path:
        """Write all of it to a file, in the format that its name ends with if none is given."""
        return save(self.document, path, format)

    def __repr__(self) -> str:
        return "\n".join([*self.errors, text(self.brief, 100).rstrip()])

    def _repr_html_(self) -> str:
        return fragment(self.brief.sections)


@takes(AuditRequest)
def audit(*names: str, catalog: Catalog | None = None, **options: Any) -> Audits:
    """Count parameters by formula, on the module, in a checkpoint and as published; as `zoo audit`.

    `names` are variants, expressions, folders or safetensors files; by default, every variant. An audit that failed
    says why in `error`.
    """
    asked, catalog = AuditRequest.of(options), catalog or Catalog.installed()
    settings = _settings(asked, named=bool(names))
    audits = tuple(audited(catalog, name, settings, names) for name in names or catalog.variants)
    return Audits(audits, bool(names), catalog)


@takes(AuditRequest)
def check_audit(
    expected: str | Path, *names: str, catalog: Catalog | None = None, **options: Any
) -> dict[str, list[str] | Audit]:
    """By name, the changes since `zoo audit --json` wrote a file, one line each; or the audit, if it failed."""
    asked, catalog = AuditRequest.of(options), catalog or Catalog.installed()
    settings, changes = _settings(asked, named=bool(names)), {}
    for before in read_expectations(Path(expected)):
        if not names or before.name in names:
            now = audited(catalog, before.name, settings)
            changes[before.name] = moved(before, now) if now.error is None else now
    return changes


def _settings(asked: AuditRequest, named: bool) -> Settings:
    return Settings(named if asked.module is None else asked.module, asked.length, asked.batch, asked.figure)
