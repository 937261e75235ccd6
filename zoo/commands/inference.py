"""`zoo encode`, `zoo fill` and `zoo predict`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, ending, print_json, show_table, split
from zoo.core.errors import visible
from zoo.core.specs import InferencePrecision
from zoo.document import Table

Device = Annotated[
    str | None,
    typer.Option(
        help="The device to compute on: auto, cpu, cuda, cuda:1 or mps. "
        "[dim](default: auto, which is cuda if there is a GPU)[/dim]"
    ),
]
InPrecision = Annotated[
    InferencePrecision,
    typer.Option(help="Number format: fp32, bf16, fp16, or auto, the fastest here whose error is small."),
]
FEW_SHAPES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
"""How many shapes of its arguments oneDNN keeps code for: its 1,024 would take more memory the longer a file is."""

Folder = Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")]


def encode(
    folder: Folder,
    text: Annotated[Path, typer.Option(help="A file with one text per line. [dim](e.g. texts.txt)[/dim]")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write. [dim](e.g. vectors.safetensors)[/dim]")],
    pool: Annotated[
        str | None,
        typer.Option(
            help="The pooling: mean, cls, max, ..., several such as cls,mean, or none for one vector per token. "
            "[dim](default: the folder's, else mean)[/dim]"
        ),
    ] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Each line is two texts separated by a tab.")] = False,
    max_length: Annotated[
        int | None,
        typer.Option(
            min=3, help="The maximum number of tokens per text, special tokens included. [dim](e.g. 128)[/dim]"
        ),
    ] = None,
    normalize: Annotated[
        bool | None, typer.Option("--normalize/--no-normalize", help="Scale vectors to length 1.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help='Text to put before each text; "" for none. [dim](e.g. "query: ")[/dim]')
    ] = None,
    prompt_name: Annotated[
        str | None, typer.Option(help="The name of one of the folder's prompts. [dim](e.g. query)[/dim]")
    ] = None,
    device: Device = None,
    precision: InPrecision = "fp32",
) -> None:
    """Write one vector per line of a text file.

    A sentence encoder's folder sets the defaults of pooling, maximum length, prompt and scaling. For other models,
    the vector is the mean over all tokens, up to the model's maximum length, without a prompt or scaling.

    Example: zoo encode runs/mine/model --text texts.txt --out vectors.safetensors
    """
    import zoo

    os.environ.setdefault(*FEW_SHAPES)
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
        device=device,
        precision=precision,
        progress=True,
    )
    ending({f"{n_texts:,} vectors": out})


def fill(
    folder: Folder,
    text: Annotated[str, typer.Argument(help='A text with a mask. [dim](e.g. "Paris is in \\[MASK].")[/dim]')],
    top: Annotated[int, typer.Option(min=1, max=1_000, help="Number of tokens per mask.")] = 5,
    device: Device = None,
    precision: InPrecision = "fp32",
    as_json: AsJson = False,
) -> None:
    """Print the most probable tokens for each mask in a text.

    Example: zoo fill runs/mine/model "The cook \\[MASK]."
    """
    from dataclasses import asdict

    import zoo

    filled = zoo.fill(folder, text, top=top, device=device, precision=precision)
    masks = filled.masks
    print(filled.usage, file=sys.stderr)
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
    file: Annotated[
        Path, typer.Argument(help="A file with one item per line; with --task, in the format of the task's files.")
    ],
    task: Annotated[
        str | None,
        typer.Option(
            help="A task with the model's labels, by name or by the file that describes one. [dim](e.g. rte)[/dim]",
            autocompletion=COMPLETIONS["tasks"],
        ),
    ] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Each line is two texts separated by a tab.")] = False,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Names for the model's labels, in its order. [dim](e.g. entailment,neutral,contradiction)[/dim]"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write. [dim](default: the terminal; e.g. predictions.tsv)[/dim]"),
    ] = None,
    device: Device = None,
    precision: InPrecision = "fp32",
) -> None:
    """Print the predictions of a model's task head for each line of a file; with --task, score them too.

    A line holds a text; for question answering, a question, a tab and a text; for multiple choice, a text and its
    choices, separated by tabs. With --task squad, --out FILE.json has the format of SQuAD's official
    evaluation, and a file in this format can be given instead of FOLDER, to score it. With a SuperGLUE task,
    --out FILE.jsonl has the format of its leaderboard.

    Example: zoo predict runs/mine/finetuned/MODEL texts.txt
    """
    import zoo
    from zoo.core.files import write_text

    names = split(labels) if labels is not None else None
    predictions = zoo.predict_file(
        folder, file, task=task, pairs=pairs, labels=names, device=device, precision=precision
    )
    table = "".join("\t".join(map(visible, row)) + "\n" for row in (predictions.columns, *predictions.rows))
    if out is None:
        print(table, end="")
    else:
        files = predictions.files if out.suffix in predictions.files else {}
        for end, text in (files or {out.suffix: table}).items():
            write_text(out.with_suffix(end), text)
        ending({f"{len(predictions.rows):,} predictions": out})
        if predictions.usage is not None:
            print(predictions.usage, file=sys.stderr)
    if predictions.scores:
        print(predictions.scored, file=sys.stderr)
