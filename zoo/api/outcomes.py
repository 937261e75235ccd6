"""What the functions of the API return: records that print as a few useful lines, and as HTML in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.core.files import refuse_no_file, write_text
from zoo.document import Document
from zoo.document.formats import FORMATS, Renderer, renderer
from zoo.document.html import fragment
from zoo.document.text import text
from zoo.experiments.report.build import document, write_report
from zoo.experiments.results.beside_models import write_model_scores
from zoo.experiments.results.folder import read_made
from zoo.experiments.results.records import FailedResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects
from zoo.experiments.statistics.analysis import Analysis, analyse
from zoo.experiments.statistics.verdicts import Comparisons
from zoo.registry.catalog import Catalog

if TYPE_CHECKING:
    from zoo.checkpoints.converting import Moved
    from zoo.core.specs import Variant
    from zoo.experiments.verify.files import Check
    from zoo.inference.fill_mask import Candidate
    from zoo.model import Model
    from zoo.pretraining.outcome import Summary
    from zoo.text.cache import CorpusFacts

ENDINGS = {".md": "markdown", ".tex": "latex", ".txt": "terminal"}
"""The formats of files that do not end with a format's name."""


def render(document: Document, format: str) -> str:
    """A document in a format, which a plugin may bring. Raises UnknownName for another."""
    return _renderer(format)(document)


def save(document: Document, path: str | Path, format: str | None) -> Path:
    """Write a document to a file, in the format that its name ends with if none is given."""
    refuse_no_file(Path(path))
    ending = Path(path).suffix
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
    """Files for GLUE's leaderboard: the zip to upload, and the source of each file's predictions."""

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


@dataclass(frozen=True)
class Pretrained:
    """A finished pre-training: its folder and its outcome. `is_main` is true only in the first process."""

    folder: Path
    summary: Summary
    is_main: bool = True

    @property
    def model_folder(self) -> Path:
        """The folder of the model, accepted wherever a variant is."""
        return self.folder / "model"

    def load(self) -> Model:
        """The trained model, with its tokenizer."""
        from zoo.checkpoints import load

        return load(self.model_folder)

    def draw(self) -> None:
        """Write the loss curve into the folder, as curve.svg."""
        from zoo.pretraining.curves import draw

        draw([self.folder], self.folder / "curve.svg", [self.summary.variant.name])

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
    """Statistics of a corpus, as a variant tokenizes and packs it.

    `share_read` is the share of the tokens that an epoch reads; None, with a `complaint`, if the variant cannot pack
    the text.
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


@dataclass(frozen=True)
class Filled:
    """The most probable tokens for each mask of a text, best first."""

    text: str
    masks: list[list[Candidate]]

    def __repr__(self) -> str:
        return "\n".join(
            f"mask {number}: " + ", ".join(f"{one.piece!r} {one.probability:.4f}" for one in candidates)
            for number, candidates in enumerate(self.masks, 1)
        )


@dataclass(frozen=True)
class Conversion:
    """The folder written, and what became of each stored tensor."""

    folder: Path
    tensors: list[Moved]

    def __repr__(self) -> str:
        kept = sum(one.after is not None for one in self.tensors)
        left = f", {len(self.tensors) - kept} left out" if kept < len(self.tensors) else ""
        return f"{self.folder}: {kept} tensors{left}"
