"""The eleven files that GLUE's leaderboard takes, and a check of them.

Names, header and label words as in jiant's evaluate.py (v1.3.0).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.tasks.glue import TASKS

LARGEST = 100_000_000
"""The most bytes of a file; QQP's, the largest, has 4 MB."""

HEADER = "index\tprediction"
LOWEST, HIGHEST = 0.0, 5.0
"""The range of STS-B's scores."""

_LABELS = {task.name: task.labels for task in TASKS}


@dataclass(frozen=True)
class GlueFile:
    """A file of a submission: whose predictions of which split, how many rows, and what fills it if a run has none."""

    name: str
    task: str
    split: str
    n_rows: int
    default: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The words that it may hold; none if it holds scores."""
        return _LABELS[self.task]


FILES = (
    GlueFile("CoLA.tsv", "cola", "test", 1_063, "1"),
    GlueFile("SST-2.tsv", "sst2", "test", 1_821, "1"),
    GlueFile("MRPC.tsv", "mrpc", "test", 1_725, "1"),
    GlueFile("STS-B.tsv", "stsb", "test", 1_379, "2.500"),
    GlueFile("QQP.tsv", "qqp", "test", 390_965, "0"),
    GlueFile("MNLI-m.tsv", "mnli", "test", 9_796, "entailment"),
    GlueFile("MNLI-mm.tsv", "mnli", "test_mismatched", 9_847, "entailment"),
    GlueFile("QNLI.tsv", "qnli", "test", 5_463, "entailment"),
    GlueFile("RTE.tsv", "rte", "test", 3_000, "entailment"),
    GlueFile("WNLI.tsv", "wnli", "test", 146, "0"),
    GlueFile("AX.tsv", "mnli", "diagnostic", 1_104, "entailment"),
)
"""With as many rows as the test splits of GLUE's official files have items."""


def table(answers: Sequence[str]) -> str:
    """The text of a file with these answers."""
    return "".join(f"{line}\n" for line in (HEADER, *(f"{index}\t{answer}" for index, answer in enumerate(answers))))


def check(path: Path) -> list[str]:
    """What is wrong with a submission's folder or zip, one line per file; empty if nothing is.

    Raises ZooError if there is neither.
    """
    found = _contents(path)
    known = {file.name: file for file in FILES}
    unknown = [f"{name}: not a file of a submission" for name in found if name not in known]
    missing = [f"{name}: is missing" for name in known if name not in found]
    wrong = (next(_problems(file, found[name]), None) for name, file in known.items() if name in found)
    return [*missing, *unknown, *filter(None, wrong)]


def _contents(path: Path) -> dict[str, bytes]:
    """The tables of a folder, or everything in a zip."""
    try:
        if path.is_dir():
            return {file.name: file.read_bytes() for file in sorted(path.glob("*.tsv"))}
        with zipfile.ZipFile(path) as archive:
            largest = max((entry.file_size for entry in archive.infolist()), default=0)
            if largest > LARGEST:
                raise ZooError(f"{path} holds a file of {largest:,} bytes, larger than any submission's")
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path} is neither a folder nor a zip of a submission: {error}") from error


def _problems(file: GlueFile, content: bytes) -> Iterator[str]:
    """What is wrong with one file, from its beginning."""
    try:
        lines = content.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        yield f"{file.name}: is not UTF-8 at byte {error.start}"
        return
    if lines[:1] != [HEADER]:
        yield f"{file.name}:1: must be the header {HEADER!r}, and is {lines[0]!r:.60}"
    if len(lines) - 1 != file.n_rows:
        yield f"{file.name}: has {max(0, len(lines) - 1):,} rows and must have {file.n_rows:,}"
    for index, line in enumerate(lines[1:]):
        number, _, answer = line.partition("\t")
        if number != str(index):
            yield f"{file.name}:{index + 2}: must begin with index {index} and a tab, and is {line!r:.60}"
        elif not _allowed(file, answer):
            allowed = ", ".join(file.labels) or f"a number from {LOWEST:g} to {HIGHEST:g}"
            yield f"{file.name}:{index + 2}: predicts {answer!r:.40}, and may predict {allowed}"


def _allowed(file: GlueFile, answer: str) -> bool:
    if file.labels:
        return answer in file.labels
    try:
        return LOWEST <= float(answer) <= HIGHEST
    except ValueError:
        return False
