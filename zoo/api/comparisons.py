"""What comparisons, submissions and verifications return: records that print as a few useful lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.api.rendered import Rendered
from zoo.document import Document
from zoo.experiments.report.build import document, write_report
from zoo.experiments.results.beside_models import write_model_scores
from zoo.experiments.results.folder import read_made
from zoo.experiments.results.records import FailedResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects
from zoo.experiments.statistics.analysis import Analysis, analyse
from zoo.experiments.statistics.verdicts import Comparisons

if TYPE_CHECKING:
    from zoo.experiments.verify.files import Check


@dataclass(frozen=True, repr=False)
class Comparison(Rendered):
    """A finished comparison or ablation, with its statistics."""

    folder: Path | None
    run: ComparisonRun

    @cached_property
    def analysis(self) -> Analysis:
        """The statistics of the results."""
        return analyse(self.run)

    @property
    def statistics(self) -> Comparisons:
        """Which differences are significant."""
        return self.analysis.comparisons

    @property
    def effects(self) -> Effects | None:
        """The effect of each edge of an ablation."""
        return self.analysis.effects

    @cached_property
    def document(self) -> Document:
        """The report as sections, an ablation's effects first."""
        return document(self.analysis, read_made(self.folder) if self.folder else None)

    @property
    def failures(self) -> tuple[FailedResult, ...]:
        """The failed jobs."""
        return self.run.failures

    def write_report(self) -> None:
        """Write results.json and report.md into the run folder."""
        assert self.folder is not None
        write_report(self.analysis, self.folder)
        write_model_scores(self.analysis.run, self.folder)

    def __repr__(self) -> str:
        return f"{super().__repr__()}\nrun folder: {self.folder}"


@dataclass(frozen=True)
class Submission:
    """Files for a leaderboard: the zip to upload, and the source of each file's predictions."""

    path: Path
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Verification:
    """The result of a verification: each number checked, and whether it was confirmed."""

    folder: Path
    checks: tuple[Check, ...]
    has_models: bool = True
    """Whether there are models to be checked further."""

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers were confirmed, contradicted and not decidable."""
        counts = Counter(check.finding for check in self.checks)
        return {name: counts[name] for name in ("confirmed", "contradicted", "not decidable")}

    @property
    def contradicted(self) -> list[Check]:
        """The numbers that do not follow from their sources."""
        return [check for check in self.checks if check.finding == "contradicted"]

    def __repr__(self) -> str:
        lines = [f"{check.finding}: {check.where}: {check.detail}" for check in self.contradicted[:10]]
        return "\n".join([*lines, ", ".join(f"{name} {n:,}" for name, n in self.counts.items())])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"
