"""One call of `zoo audit`, from what was asked to what is printed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.auditing import tables
from zoo.auditing.audit import (
    Audit,
    PublishedCount,
    Settings,
    Sources,
    audit_checkpoint,
    audit_variant,
    printed_elsewhere,
)
from zoo.auditing.checkpoint import is_path
from zoo.auditing.counts import Counts
from zoo.auditing.expectations import moved, read_expectations
from zoo.auditing.report import page, with_notes, write_markdown
from zoo.commands.console import print_json
from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.document import Document, Section
from zoo.document import html as html_pages
from zoo.document.markdown import sections as markdown
from zoo.document.text import terminal_width, text
from zoo.registry.catalog import Catalog
from zoo.weights.hub import is_hub_name


@dataclass(frozen=True)
class Outputs:
    """What to print, and the files to write; a table on the terminal if nothing else."""

    json: bool = False
    markdown: bool = False
    html: Path | None = None
    chart: Path | None = None
    update: Path | None = None

    @property
    def terminal(self) -> bool:
        """Whether nothing else was asked for."""
        return not (self.json or self.markdown or self.html or self.chart or self.update)


@dataclass(frozen=True)
class Asked:
    """The command line of `zoo audit`."""

    names: tuple[str, ...]
    module: bool
    lengths: tuple[int, ...]
    batch: int
    figures: tuple[str, ...]
    outputs: Outputs

    @property
    def settings(self) -> Settings:
        """What each audit needs to know."""
        return Settings(self.module, self.lengths, self.batch, self.figures)


def report(catalog: Catalog, asked: Asked) -> int:
    """Audit what is named, or every variant, and show it. 2 where some name could not be audited."""
    audits = [audited(catalog, name, asked.settings, asked.names) for name in asked.names or catalog.variants]
    good = [audit for audit in audits if audit.error is None or audit.file is not None]
    show(catalog, audits, good, asked)
    for audit in audits:
        if audit.error is not None:
            where = f"{audit.name}: " if audit.file else ""
            print(f"error: {where}{audit.error}", file=sys.stderr)
    return 0 if all(audit.error is None for audit in audits) else ZooError.exit_code


def audited(catalog: Catalog, name: str, settings: Settings, beside: Sequence[str] = ()) -> Audit:
    """The audit of a name, or the reason why there is none."""
    try:
        own, meant = catalog.named(name)
        exchanged = catalog.folder(name) is not None and not (Path(meant).exists() or is_hub_name(meant))
        if meant not in catalog.variants and is_path(meant) and not exchanged:
            audit = audit_checkpoint(catalog, meant, settings)
            return audit.model_copy(update={"name": own}) if own else audit
        return audit_variant(catalog, catalog.variant(name, beside), settings)
    except ZooError as error:
        reason = " ".join(str(error).split())
        return Audit(name=name, counts=Counts(), sources=Sources(), agrees=False, formulas={}, error=reason)


def check(catalog: Catalog, asked: Asked, path: Path) -> int:
    """0 where everything is as a file expects, 1 where something moved, 2 where something cannot be audited."""
    status = 0
    for expected in read_expectations(path):
        if asked.names and expected.name not in asked.names:
            continue
        audit = audited(catalog, expected.name, asked.settings)
        if audit.error is not None:
            print(f"error: {audit.error}", file=sys.stderr)
            status = ZooError.exit_code
            continue
        lines = moved(expected, audit)
        print("\n".join(lines) if lines else f"{expected.name}: as expected")
        status = status or int(bool(lines))
    return status


def show(catalog: Catalog, audits: Sequence[Audit], good: Sequence[Audit], asked: Asked) -> None:
    """Print and write what was asked for."""
    outputs = asked.outputs
    if outputs.json:
        print_json(as_json(audits))
    if outputs == Outputs(json=True) or not good:
        return
    alone = outputs.terminal and not asked.names
    tables_of = [tables.overview(good)] if alone else _details(good) if asked.names else _overviews(catalog, good)
    shown = with_notes(tables_of, _notes(good))
    if outputs.terminal:
        print(text(Document("", tuple(shown)), terminal_width()))
    if outputs.markdown:
        print(markdown(shown, level=3), end="")
    if outputs.update:
        write_markdown(outputs.update, markdown(shown, level=3))
    if outputs.chart:
        from zoo.auditing.chart import draw
        from zoo.document.plotting import svg

        write_text(outputs.chart, svg(lambda: draw(good)))
    if outputs.html:
        write_text(outputs.html, html_pages.render(page(good, shown)))


def as_json(audits: Sequence[Audit]) -> list[dict[str, object]]:
    """The audits for other programs; the second of two tells its difference from the first."""
    objects = [audit.model_dump(mode="json") for audit in audits]
    if len(audits) == 2 and all(audit.breakdown for audit in audits):
        objects[1]["difference"] = tables.differences(*audits)
    return objects


def _overviews(catalog: Catalog, audits: Sequence[Audit]) -> list[Section]:
    """A row a variant, and all that is published, of the rows of ablations too."""
    return [
        tables.overview(audits),
        tables.published([*_printed(audits), *printed_elsewhere(catalog)]),
        tables.components(audits),
        tables.sharing(audits),
        tables.costs(audits),
    ]


def _details(audits: Sequence[Audit]) -> list[Section]:
    compared = [tables.difference(*audits)] if len(audits) == 2 and all(audit.breakdown for audit in audits) else []
    shown = [tables.definitions(audits), tables.published(_printed(audits)), *compared, tables.breakdown(audits)]
    return [part for part in (*shown, tables.sharing(audits), tables.costs(audits)) if part.tables[0].rows]


def _printed(audits: Sequence[Audit]) -> list[tuple[str, PublishedCount]]:
    return [(audit.name, count) for audit in audits for count in audit.sources.published]


def _notes(audits: Sequence[Audit]) -> list[str]:
    notes = [f"{audit.name}: {note}" for audit in audits for note in audit.notes]
    for audit in audits:
        for d in audit.disagreements:
            causes = ", ".join(d.causes)
            notes.append(f"{audit.name}: {d.source} gives {d.found:,} for {d.definition}, not {d.expected:,}: {causes}")
    return notes
