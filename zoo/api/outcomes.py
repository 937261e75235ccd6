"""What the functions of the API return: records that print as a few useful lines, and as HTML in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

from zoo.core.files import write_text
from zoo.document import Document
from zoo.document.formats import renderer
from zoo.document.html import fragment
from zoo.document.text import text
from zoo.experiments.report.build import document, write_report
from zoo.experiments.results.records import FailedResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects
from zoo.experiments.statistics.analysis import Analysis, analyse
from zoo.experiments.statistics.verdicts import Comparisons
from zoo.experiments.verify.files import Check

ENDINGS = {".md": "markdown", ".tex": "latex", ".txt": "terminal"}
"""The formats of files that do not end with a format's name."""


@dataclass(frozen=True)
class Comparison:
    """A comparison or an ablation that was carried out, with its statistics."""

    folder: Path | None
    run: ComparisonRun

    @cached_property
    def analysis(self) -> Analysis:
        """All that the results show."""
        return analyse(self.run)

    @property
    def statistics(self) -> Comparisons:
        """Which differences are significant."""
        return self.analysis.comparisons

    @property
    def effects(self) -> Effects | None:
        """What each edge does, of an ablation."""
        return self.analysis.effects

    @cached_property
    def document(self) -> Document:
        """The report as sections, an ablation's effects first."""
        return document(self.analysis)

    @property
    def failures(self) -> tuple[FailedResult, ...]:
        """The jobs that could not be finished."""
        return self.run.failures

    def render(self, format: str = "terminal", sections: Sequence[str] = ()) -> str:
        """The report in a format: terminal, markdown, csv, json, html, latex, or one that a plugin brings.

        With `sections`, only those of these ids. Raises UnknownName for another format or section.
        """
        shown = self.document.only(sections) if sections else self.document
        return renderer(format)(shown)

    def save(self, path: str | Path, format: str | None = None, sections: Sequence[str] = ()) -> Path:
        """Write the report to a file, in the format that its name ends with if none is given."""
        ending = Path(path).suffix
        write_text(Path(path), self.render(format or ENDINGS.get(ending, ending.lstrip(".")), sections))
        return Path(path)

    def write_report(self) -> None:
        """Write results.json and report.md into the run folder."""
        assert self.folder is not None
        write_report(self.analysis, self.folder)

    def __repr__(self) -> str:
        return f"{text(self.document.brief, 100)}run folder: {self.folder}"

    def _repr_html_(self) -> str:
        return fragment(self.document.brief.sections)


@dataclass(frozen=True)
class Submission:
    """Files for GLUE's leaderboard: the zip to upload, and of each file where its predictions come from."""

    path: Path
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Verification:
    """What a run's numbers were checked against, and whether each was confirmed."""

    folder: Path
    checks: tuple[Check, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers were confirmed, contradicted and not decidable."""
        counts = Counter(check.finding for check in self.checks)
        return {name: counts[name] for name in ("confirmed", "contradicted", "not decidable")}

    @property
    def contradicted(self) -> list[Check]:
        """The numbers that do not follow from what they were made of."""
        return [check for check in self.checks if check.finding == "contradicted"]

    def __repr__(self) -> str:
        lines = [f"{check.finding}: {check.where}: {check.detail}" for check in self.contradicted[:10]]
        return "\n".join([*lines, ", ".join(f"{name} {n:,}" for name, n in self.counts.items())])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"
