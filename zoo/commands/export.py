"""`zoo export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import AsJson, ending, print_json, quoted


class Target(StrEnum):
    """What can be written."""

    onnx = "onnx"
    sentence_transformers = "sentence-transformers"


class Precision(StrEnum):
    """The numbers of a program."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"
    int8_weights = "int8-weights"


def export(
    source: Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    to: Annotated[
        Target,
        typer.Option(help="onnx, a program for onnxruntime, or a sentence-transformers folder. [dim](e.g. onnx)[/dim]"),
    ] = Target.onnx,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Number format of the program; int8-weights stores integers and computes with floating-point "
            "numbers. [dim](e.g. int8)[/dim]"
        ),
    ] = Precision.fp32,
    vectors: Annotated[
        bool,
        typer.Option("--vectors", help="Export hidden states and sentence vectors, even if the model has a task head."),
    ] = False,
    pool: Annotated[
        str | None,
        typer.Option(
            help="Pooling of the sentence-transformers folder; by default that of the source, else mean. "
            "[dim](e.g. cls)[/dim]"
        ),
    ] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Scale sentence vectors to length 1.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export a model as an ONNX program, checked against the model, or as a sentence-transformers folder.

    Example: zoo export runs/mine/finetuned/finetune-bert-tiny-rte-s0 rte-onnx --precision int8
    """
    import zoo

    done = zoo.export(
        source,
        out,
        to=to.value,
        precision=precision.value,
        vectors=vectors,
        pool=pool,
        normalize=normalize,
        replace=replace,
    )
    if as_json:
        print_json({"folder": str(done)} if isinstance(done, Path) else done.model_dump(mode="json"))
    else:
        print(done)
    if isinstance(done, Path):
        ending({}, f"zoo encode {quoted(out)} --text TEXTS --out vectors.safetensors")
