"""`zoo encode`, `zoo fill` and `zoo predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from zoo.commands.console import console, print_json, split
from zoo.core.errors import ZooError, visible
from zoo.progress import Pace, Shown

if TYPE_CHECKING:
    from zoo.model import Model
    from zoo.text.encoding import Text

Folder = Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")]


def encode(
    folder: Folder,
    text: Annotated[Path, typer.Option(help="A file of texts, one a line; with --pairs two, a tab between them.")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    pool: Annotated[
        str | None,
        typer.Option(help="What of a text's tokens is taken: mean, cls, max, ..., several as cls,mean; none: all."),
    ] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="A line is two texts.")] = False,
    max_length: Annotated[int | None, typer.Option(min=3, help="The most tokens of a text, special ones too.")] = None,
    normalize: Annotated[
        bool | None, typer.Option("--normalize/--no-normalize", help="Scale vectors to length 1.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help='Text to put before each text, as "query: "; "" for none.')] = None,
    prompt_name: Annotated[str | None, typer.Option(help="The folder's prompt of this name.")] = None,
) -> None:
    """Write a vector for each line of a file.

    What is not given is as the folder of a sentence encoder says, and else the mean of all tokens, as many as the
    model reads, without a prompt, vectors as they are.
    """
    from zoo.inference.vector_file import VectorFile
    from zoo.pooling.config import vector_config

    model = _load(folder)
    config = vector_config(
        model.sentence,
        model.variant.dims,
        pool=split(pool) if pool is not None else None,
        max_length=max_length,
        normalize=normalize,
        prompt=prompt,
        prompt_name=prompt_name,
    )
    made_by = {"model": model.origin.folder if model.origin else folder, "pool": ",".join(config.poolings)}
    size = text.stat().st_size if text.is_file() else 0
    pace = Pace(size)
    with (
        Shown(Console(stderr=True)) as shown,
        VectorFile(out, config.width, several=config.keeps_tokens, metadata=made_by) as file,
    ):
        row, n_texts = shown.bars.add(f"encoding {text}", size, lambda: pace), 0

        def lines() -> Iterator[Text]:
            for line, n_bytes in _lines(text, pairs):
                pace.done += n_bytes
                yield line

        for window in model.embed(lines(), config):
            file.add(window)
            n_texts += len(window)
            shown.bars.move(row, pace.done, f"{n_texts:,} texts")
    print(f"{out}: {n_texts:,} texts")


def fill(
    folder: Folder,
    text: Annotated[str, typer.Argument(help='A text with a mask, as "The capital of France is [MASK]."')],
    top: Annotated[int, typer.Option(min=1, max=1_000, help="How many words for each mask.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the most probable words for each mask of a text."""
    from dataclasses import asdict

    from zoo.inference.fill_mask import fill as do

    found = do(_load(folder), text, top=top)
    if as_json:
        print_json([[asdict(candidate) for candidate in mask] for mask in found])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("mask", "piece", "probability"):
        table.add_column(column, justify="right" if column == "probability" else "left")
    for number, mask in enumerate(found, 1):
        for candidate in mask:
            table.add_row(str(number), Styled(visible(candidate.piece)), f"{candidate.probability:.4f}")
    console().print(table)


def predict(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="A file of texts, an item a line; with --task, laid out as the task's.")],
    task: Annotated[str | None, typer.Option(help="A task with the model's labels, whose files are read.")] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="A line is two texts, a tab between them.")] = False,
    labels: Annotated[
        str | None, typer.Option(help="The model's labels in its order, as entailment,neutral,contradiction.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; the terminal if not given.")] = None,
) -> None:
    """Print what the model's own head says of each line of a file; with --task, the task's predictions and scores.

    A line is a text; for answer spans a question, a tab and a text; for multiple choice a text and, after tabs, its
    choices.
    """
    from zoo.core.files import write_text

    names = split(labels) if labels is not None else None
    if task is None:
        columns, rows, note = *_own_predictions(folder, file, pairs, names), ""
    else:
        columns, rows, note = _predictions(folder, file, task, names)
    table = "".join("\t".join(map(visible, row)) + "\n" for row in (columns, *rows))
    if out is None:
        print(table, end="")
    else:
        write_text(out, table)
    if note:
        print(note, file=sys.stderr)


Rows = list[tuple[str, ...]]


def _own_predictions(folder: str, file: Path, pairs: bool, labels: list[str] | None) -> tuple[tuple[str, ...], Rows]:
    from zoo.inference.predict_text import check_row, head_for_text, predict_texts
    from zoo.text.lines import read_lines

    model = _load(folder)
    kind = head_for_text(model).config.kind
    several = pairs or kind in ("question-answering", "multiple-choice")
    items = [
        check_row(kind, tuple(line.split("\t")) if several else (line,), f"{file}:{number}", pairs=pairs)
        for number, line in read_lines(file)
    ]
    made = predict_texts(model, items, labels=labels)
    return made.columns, made.rows


def _predictions(folder: str, file: Path, task: str, labels: list[str] | None) -> tuple[tuple[str, ...], Rows, str]:
    """Columns, rows, and the scores in words."""
    from zoo.inference.predict_task import predict_task
    from zoo.registry.catalog import Catalog
    from zoo.tasks import metrics
    from zoo.tasks.tsv import TsvTask

    found = Catalog.installed().task(task)
    if not isinstance(found, TsvTask):
        raise ZooError(f"task {task!r} is made on the spot and not read from files")
    examples = found.read(file)
    made = predict_task(_load(folder), found, examples, labels=labels)
    rows: Rows = [
        (str(index), found.labels[int(value)] if found.labels else f"{value:.4f}") for index, value in enumerate(made)
    ]
    gold = [example.label for example in examples]
    scores = metrics.score(found, gold, made) if None not in gold else {}
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
