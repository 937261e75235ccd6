"""Writing models for other runtimes and libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from zoo.api.models import AnyModel
from zoo.checkpoints import load
from zoo.compress.onnx_file import Exported, NumberFormat, export_onnx
from zoo.compress.sentence_folder import export_sentence_folder
from zoo.core.errors import UnknownName, ZooError
from zoo.model import Model

Target = Literal["onnx", "sentence-transformers"]


def export(
    model: AnyModel,
    out: str | Path,
    *,
    to: Target = "onnx",
    precision: NumberFormat = "fp32",
    vectors: bool = False,
    pool: str | Sequence[str] | None = None,
    normalize: bool = False,
    replace: bool = False,
) -> Exported | Path:
    """Export a model to another runtime or library; as `zoo export`.

    With `to="onnx"`, writes a folder with the tokenizer and a program, checked against the model, for the
    predictions of its head or, with `vectors`, for its hidden states and sentence vectors. With
    `to="sentence-transformers"`, writes a folder of that library, with pooling `pool` and, if `normalize`,
    vectors of length 1. Raises ZooError if `out` exists (unless `replace`) or a part of the model cannot be
    exported, and RunFailed if the program's outputs differ from the model's.
    """
    for what, value, known in (("target", to, get_args(Target)), ("precision", precision, get_args(NumberFormat))):
        if value not in known:
            raise UnknownName(what, value, known)
    of_onnx, of_sentences = precision != "fp32" or vectors, pool is not None or normalize
    if of_sentences if to == "onnx" else of_onnx:
        given = "pool and normalize" if to == "onnx" else "precision and vectors"
        raise ZooError(f"{given} are not for {to}; leave them out")
    loaded = model if isinstance(model, Model) else load(model)
    if to == "onnx":
        return export_onnx(loaded, Path(out), number_format=precision, vectors=vectors, replace=replace)
    export_sentence_folder(loaded, Path(out), pool=pool, normalize=normalize, replace=replace)
    return Path(out)
