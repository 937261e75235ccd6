"""`zoo encode`, `zoo fill` and `zoo predict`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text as Styled

from zoo.errors import ZooError, printable

if TYPE_CHECKING:
    from zoo.inference.vectors import Text
    from zoo.model import Model

Folder = Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")]


class Pooling(StrEnum):
    """What becomes of a text's tokens."""

    mean = "mean"
    cls = "cls"
    none = "none"


def encode(
    folder: Folder,
    text: Annotated[Path, typer.Option(help="A file of texts, one a line; with --pairs two, a tab between them.")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    pool: Annotated[
        Pooling, typer.Option(help="The mean of a text's tokens, its first, or all of them.")
    ] = Pooling.mean,
    pairs: Annotated[bool, typer.Option("--pairs", help="A line is two texts.")] = False,
    max_length: Annotated[
        int | None, typer.Option(min=3, help="Tokens of a text; the model's most if not given.")
    ] = None,
) -> None:
    """Write a vector for each line of a file."""
    from zoo.inference.vector_file import VectorFile
    from zoo.inference.vectors import vectors

    model = _load(folder)
    made_by = {"model": model.origin.folder if model.origin else folder, "pool": pool.value}
    size = text.stat().st_size if text.is_file() else 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.fields[n]} texts"), BarColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        VectorFile(out, model.variant.dims.hidden_width, several=pool is Pooling.none, metadata=made_by) as file,
    ):
        task = progress.add_task("", total=size, n=0)
        n_texts, read = 0, 0

        def lines() -> Iterator[Text]:
            nonlocal read
            for line, n_bytes in _lines(text, pairs):
                read += n_bytes
                yield line

        for window in vectors(model, lines(), pool=pool.value, max_length=max_length):
            file.add(window)
            n_texts += len(window)
            progress.update(task, completed=read, n=n_texts)
    print(f"{out}: {n_texts:,} texts")


def fill(
    folder: Folder,
    text: Annotated[str, typer.Argument(help='A text with a mask, as "The capital of France is [MASK]."')],
    top: Annotated[int, typer.Option(min=1, max=1_000, help="How many words for each mask.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the most probable words for each mask of a text."""
    from dataclasses import asdict

    from zoo.inference.fill import fill as do

    found = do(_load(folder), text, top=top)
    if as_json:
        print(json.dumps([[asdict(candidate) for candidate in mask] for mask in found], indent=1, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("mask", "piece", "probability"):
        table.add_column(column, justify="right" if column == "probability" else "left")
    for number, mask in enumerate(found, 1):
        for candidate in mask:
            table.add_row(str(number), Styled(printable(candidate.piece)), f"{candidate.probability:.4f}")
    Console().print(table)


def predict(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="A file of texts, an item a line; with --task, laid out as the task's.")],
    task: Annotated[str | None, typer.Option(help="A task with the model's labels, whose files are read.")] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="A line is two texts, a tab between them.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where to write; the terminal if not given.")] = None,
) -> None:
    """Print what the model's own head says of each line of a file; with --task, the task's predictions and scores.

    A line is a text; for answer spans a question, a tab and a text; for multiple choice a text and, after tabs, its
    choices.
    """
    from zoo.files import write_text

    columns, rows, note = _own_predictions(folder, file, pairs) if task is None else _predictions(folder, file, task)
    table = "".join("\t".join(row) + "\n" for row in (columns, *rows))
    if out is None:
        print(table, end="")
    else:
        write_text(out, table)
    if note:
        print(note, file=sys.stderr)


Told = tuple[tuple[str, ...], list[tuple[str, ...]], str]
"""Columns, rows, and what else is to be said."""


def _own_predictions(folder: str, file: Path, pairs: bool) -> Told:
    from zoo.inference.own_head import check_row, head_for_text, predict_texts
    from zoo.text.lines import read_lines

    model = _load(folder)
    kind = head_for_text(model).use.kind
    several = pairs or kind in ("span", "choice")
    items = [
        check_row(kind, tuple(line.split("\t")) if several else (line,), f"{file}:{number}", pairs=pairs)
        for number, line in read_lines(file)
    ]
    made = predict_texts(model, items)
    length = model.variant.dims.max_length
    note = f"{made.n_cut:,} of {len(items):,} items were cut to {length} tokens" if made.n_cut else ""
    return made.columns, made.rows, note


def _predictions(folder: str, file: Path, task: str) -> Told:
    from zoo.catalog import Catalog
    from zoo.inference.task import predict_task
    from zoo.tasks import metrics
    from zoo.tasks.tsv import TsvTask

    found = Catalog.installed().task(task)
    if not isinstance(found, TsvTask):
        raise ZooError(f"task {task!r} is made on the spot and not read from files")
    examples = found.read(file)
    made = predict_task(_load(folder), found, examples)
    rows: list[tuple[str, ...]] = [
        (str(index), found.labels[int(value)] if found.labels else f"{value:.4f}") for index, value in enumerate(made)
    ]
    labels = [example.label for example in examples]
    scores = metrics.score(found, labels, made) if None not in labels else {}
    return ("index", "prediction"), rows, ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def _load(folder: str) -> Model:
    from zoo.checkpoints import load

    return load(folder)


def _lines(path: Path, pairs: bool) -> Iterator[tuple[Text, int]]:
    """Each line's text or pair, and its bytes."""
    from zoo.text.lines import read_lines

    for number, line in read_lines(path):
        n_bytes = len(line.encode()) + 1
        if not pairs:
            yield line, n_bytes
            continue
        first, *others = line.split("\t")
        if len(others) != 1:
            raise ZooError(f"{path}:{number}: has {len(others) + 1} texts; --pairs needs two, a tab between them")
        yield (first, others[0]), n_bytes
