"""What the functions of the API return: records that print as a few useful lines, and as HTML in a notebook."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from zoo.core.errors import UnknownName
from zoo.core.files import write_text
from zoo.experiments.report.ablation import effects_markdown, plain_effects, print_effects
from zoo.experiments.report.build import markdown, plain, print_table, write_report
from zoo.experiments.report.html import html
from zoo.experiments.report.latex import latex
from zoo.experiments.report.results_json import csv_rows, json_text
from zoo.experiments.results.records import FailedResult, Run
from zoo.experiments.statistics.ablation import Effects, ablation_path, effects
from zoo.experiments.statistics.verdicts import Verdicts, judge
from zoo.experiments.verify.files import Check

if TYPE_CHECKING:
    from zoo.core.specs import Variant
    from zoo.model import Model
    from zoo.pretraining.run import Summary
    from zoo.text.cache import CorpusFacts

FORMATS = ("terminal", "markdown", "csv", "json", "html", "latex")


@dataclass(frozen=True)
class Comparison:
    """A comparison or an ablation that was carried out, with its statistics."""

    folder: Path | None
    run: Run

    @cached_property
    def statistics(self) -> Verdicts:
        """Which differences are significant."""
        return judge(self.run)

    @cached_property
    def effects(self) -> Effects | None:
        """What each edge does, of an ablation."""
        return effects(self.run, self.run.plan.ablation) if self.run.plan.ablation else None

    @property
    def failures(self) -> list[FailedResult]:
        """The jobs that could not be finished."""
        return self.run.failures

    def print(self, console: Console) -> None:
        """Print the report on a terminal; an ablation's effects first."""
        if self.effects:
            print_effects(self.run, self.effects, console)
        print_table(self.run, self.statistics, console)

    def render(self, format: str = "terminal") -> str:
        """The report in a format: terminal, markdown, csv, json, html or latex. Raises UnknownName for another."""
        if format not in FORMATS:
            raise UnknownName("report format", format, FORMATS)
        run, found, edges = self.run, self.statistics, self.effects
        made = {
            "terminal": lambda: (plain_effects(run, edges) if edges else "") + plain(run, found),
            "markdown": lambda: markdown(run, found) + (effects_markdown(run, edges) if edges else ""),
            "csv": lambda: csv_rows(run),
            "json": lambda: json_text(run, found),
            "html": lambda: html(run, found),
            "latex": lambda: latex(run, found),
        }
        return made[format]()

    def save(self, path: str | Path, format: str | None = None) -> Path:
        """Write the report to a file, in the format that its name ends with if none is given."""
        by_ending = {".md": "markdown", ".tex": "latex", ".txt": "terminal"}
        ending = Path(path).suffix
        write_text(Path(path), self.render(format or by_ending.get(ending, ending.lstrip("."))))
        return Path(path)

    def write_report(self) -> None:
        """Write results.json, report.md and an ablation's effects into the run folder."""
        assert self.folder is not None
        write_report(self.run, self.statistics, self.folder)
        if self.effects:
            write_text(ablation_path(self.folder), self.effects.model_dump_json(indent=1) + "\n")
            write_text(self.folder / "ablation.md", effects_markdown(self.run, self.effects))

    def __repr__(self) -> str:
        text = StringIO()
        self.print(Console(file=text, width=100))
        return f"{text.getvalue()}run folder: {self.folder}"

    def _repr_html_(self) -> str:
        return self.render("html")


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


@dataclass(frozen=True)
class Pretrained:
    """A finished pre-training: its folder, and what came of it. `is_main` is false in all processes but the first."""

    folder: Path
    summary: Summary
    is_main: bool = True

    @property
    def model_folder(self) -> Path:
        """The folder of the model, which stands wherever a variant does."""
        return self.folder / "model"

    def load(self) -> Model:
        """The trained model, with its tokenizer."""
        from zoo.checkpoints import load

        return load(self.model_folder)

    def draw(self) -> None:
        """Write the loss curve into the folder. Raises ZooError where matplotlib is not installed."""
        from zoo.pretraining.curves import draw

        names = [self.folder / "curve.svg", self.folder / "curve.png"]
        draw([self.folder], names, [self.summary.variant.name])

    def __repr__(self) -> str:
        from zoo.pretraining.display import describe

        done = self.summary
        scores = [f"  {name}: {describe(score)}" for name, score in done.held_out.items()]
        head = f"{done.variant.name}: {done.tokens:,} tokens in {done.steps:,} steps, {done.seconds:,.0f} s"
        return "\n".join([head, *(["on held-out text:", *scores] if scores else []), f"model: {self.model_folder}"])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True)
class CorpusCounts:
    """What a corpus holds, as a variant tokenizes and packs it.

    `share_read` is the share of the tokens that an epoch reads; None, with a `complaint`, where the variant cannot
    pack the text.
    """

    n_files: int
    facts: CorpusFacts
    vocab_size: int
    variant: Variant
    share_read: float | None
    complaint: str = ""

    def as_json(self) -> dict[str, Any]:
        """The counts for other programs; shares are between 0 and 1."""
        return {
            **self.facts.model_dump(),
            "vocab_size": self.vocab_size,
            "unknown_share": self.facts.unknown / self.facts.tokens,
            "sequence_length": self.variant.pretraining.sequence_length,
            "share_read": self.share_read,
        }

    def __repr__(self) -> str:
        facts, packing = self.facts, self.variant.packing.name
        packed = f"{packing} in sequences of {self.variant.pretraining.sequence_length} tokens"
        read = self.complaint if self.share_read is None else f"an epoch reads {self.share_read:.1%} of the text"
        return (
            f"{self.n_files:,} files, {facts.documents:,} documents, {facts.sentences:,} sentences, {facts.tokens:,} "
            f"tokens of {self.vocab_size:,} pieces, {100 * facts.unknown / facts.tokens:.3f}% of them unknown\n"
            f"{packed}: {read}"
        )
