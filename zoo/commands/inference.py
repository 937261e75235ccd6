"""`zoo encode`, `zoo fill` and `zoo predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.commands.console import AsJson, print_json, show_table, split
from zoo.core.errors import ZooError, visible
from zoo.document import Table

if TYPE_CHECKING:
    from zoo.model import Model

Folder = Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")]


def encode(
    folder: Folder,
    text: Annotated[Path, typer.Option(help="A file with one text per line. [dim](e.g. texts.txt)[/dim]")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write. [dim](e.g. vectors.safetensors)[/dim]")],
    pool: Annotated[
        str | None,
        typer.Option(
            help="How tokens become a vector: mean, cls, max, ..., several as cls,mean; none keeps all. "
            "[dim](default: as the folder says, else mean)[/dim]"
        ),
    ] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Each line is two texts, a tab between them.")] = False,
    max_length: Annotated[
        int | None, typer.Option(min=3, help="The most tokens of a text, special ones too. [dim](e.g. 128)[/dim]")
    ] = None,
    normalize: Annotated[
        bool | None, typer.Option("--normalize/--no-normalize", help="Scale vectors to length 1.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help='Text to put before each text; "" for none. [dim](e.g. "query: ")[/dim]')
    ] = None,
    prompt_name: Annotated[
        str | None, typer.Option(help="The folder's prompt of this name. [dim](e.g. query)[/dim]")
    ] = None,
) -> None:
    """Write a vector for each line of a file.

    What is not given is as the folder of a sentence encoder says, and else the mean of all tokens, as many as the
    model reads, without a prompt, vectors as they are.

    Example: zoo encode runs/mine/model --text texts.txt --out vectors.safetensors
    """
    import zoo

    n_texts = zoo.encode_file(
        folder,
        text,
        out,
        pool=split(pool) if pool is not None else None,
        pairs=pairs,
        max_length=max_length,
        normalize=normalize,
        prompt=prompt,
        prompt_name=prompt_name,
        progress=True,
    )
    print(f"{out}: {n_texts:,} texts")


def fill(
    folder: Folder,
    text: Annotated[str, typer.Argument(help='A text with a mask. [dim](e.g. "Paris is in \\[MASK].")[/dim]')],
    top: Annotated[int, typer.Option(min=1, max=1_000, help="How many tokens per mask.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Print the most probable tokens for each mask of a text.

    Example: zoo fill runs/mine/model "The cook \\[MASK]."
    """
    from dataclasses import asdict

    import zoo

    masks = zoo.fill(folder, text, top=top).masks
    if as_json:
        print_json([[asdict(candidate) for candidate in mask] for mask in masks])
        return
    rows = tuple(
        (str(number), candidate.piece, f"{candidate.probability:.4f}")
        for number, mask in enumerate(masks, 1)
        for candidate in mask
    )
    show_table(Table(("mask", "piece", "probability"), rows, words={"piece"}))


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
    from zoo.inference.predict_text import example_of, head_for_text, predict_examples
    from zoo.text.lines import read_lines

    model = _load(folder)
    head = head_for_text(model, labels)
    items = [example_of(head, line, f"{file}:{number}", pairs=pairs) for number, line in read_lines(file)]
    made = predict_examples(model, head, items)
    return made.columns, made.rows


def _predictions(folder: str, file: Path, task: str, labels: list[str] | None) -> tuple[tuple[str, ...], Rows, str]:
    """Columns, rows, and the scores in words."""
    from zoo.inference.predict_task import predict_task
    from zoo.registry.catalog import Catalog
    from zoo.tasks.kinds import task_kind
    from zoo.tasks.scoring import score
    from zoo.tasks.tsv import TsvTask

    found = Catalog.installed().task(task)
    if not isinstance(found, TsvTask):
        raise ZooError(f"task {task!r} is made on the spot and not read from files")
    examples = found.read(file)
    made = predict_task(_load(folder), found, examples, labels=labels)
    kind = task_kind(found)
    rows: Rows = [(str(index), kind.shown(value)) for index, value in enumerate(made)]
    gold = [kind.to_json(example.label) for example in examples]
    scores = score(found, gold, made) if None not in gold else {}
    return ("index", "prediction"), rows, ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def _load(folder: str) -> Model:
    from zoo.checkpoints import load

    return load(folder)
