"""Models as ONNX files, each compared with the model before it is called done."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from zoo.compress.integers import quantized, quietly
from zoo.compress.program import PaddedProgram
from zoo.core.batch import Encoding
from zoo.core.errors import RunFailed, ZooError
from zoo.core.files import write_folder
from zoo.core.layout import Unrecordable
from zoo.core.specs import Record
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.text.collate import collate

NumberFormat: TypeAlias = Literal["fp32", "fp16", "int8", "int8-weights"]
"""The numbers of a program; int8 is what a comparison calls int8-dynamic."""

FILE, RECORD = "model.onnx", "export.json"

OPSET = 20

TOLERANCE = 1e-5
"""The largest difference of a float32 program's values from the model's, as a share of the largest value, or of 1."""

SHAPES = ((1, 2), (3, 7), (4, 24), (8, 16))
"""Sequences and longest length of the batches on which a program is compared with its model."""


class Exported(Record):
    """What was exported, and how far its outputs are from the model's.

    `largest_difference` is by output; `same_choice` is the share of sequences or tokens whose largest logit is of the
    same class, if the outputs are logits.
    """

    folder: str
    variant: str
    kind: str | None
    labels: tuple[str, ...]
    max_length: int
    number_format: NumberFormat
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    bytes: int
    largest_difference: dict[str, float]
    same_choice: float | None

    def __repr__(self) -> str:
        differences = ", ".join(f"{name} {value:.1e}" for name, value in self.largest_difference.items())
        same = "" if self.same_choice is None else f"; the same choice for {self.same_choice:.2%}"
        return (
            f"{self.folder}/{FILE}: {self.variant}, {self.number_format}, {self.bytes / 1e6:.2f} MB\n"
            f"inputs {', '.join(self.inputs)}; outputs {', '.join(self.outputs)}\n"
            f"largest difference from the model: {differences}{same}"
        )

    __str__ = __repr__


def export_onnx(
    model: Model,
    folder: Path,
    *,
    number_format: NumberFormat = "fp32",
    vectors: bool = False,
    replace: bool = False,
) -> Exported:
    """Write a folder with a model as an ONNX program, its tokenizer, and a record of inputs, outputs and labels.

    Batch and length are free. The program is run with onnxruntime and compared with the packed model first. Raises
    ZooError if the folder exists, packages are missing, or the model has an operation that cannot be exported, and
    RunFailed if the program's values differ.
    """
    if not replace and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} exists; give a new name, or allow to replace it")
    _refuse_missing()
    with model.eval_mode() as device, tempfile.TemporaryDirectory() as place:
        if device.type != "cpu":
            raise ZooError("models are exported on a CPU; load it with device='cpu'")
        program = PaddedProgram(model, vectors)
        made = _reduced(program_file(program, Path(place)), number_format)
        try:
            differences, same = compared(program, made)
        except Exception as error:  # onnxruntime has no class for what a program does not run on
            reason = str(error).strip().split("\n")[0]
            raise ZooError(f"{_parts(model)} cannot be exported for all batches: {reason:.200}") from error
        if number_format == "fp32" and max(differences.values()) > TOLERANCE:
            worst = max(differences, key=lambda name: differences[name])
            raise RunFailed(f"the program's {worst} differs from the model's by {differences[worst]:.1e} of its size")
        record = Exported(
            folder=str(folder),
            variant=model.variant.name,
            kind=program.objective.config.kind if isinstance(program.objective, TaskHead) else None,
            labels=program.objective.config.labels if isinstance(program.objective, TaskHead) else (),
            max_length=model.variant.dims.max_length,
            number_format=number_format,
            inputs=_inputs(program),
            outputs=program.output_names,
            bytes=made.stat().st_size,
            largest_difference=differences,
            same_choice=same,
        )

        def fill(target: Path) -> None:
            (target / FILE).write_bytes(made.read_bytes())
            (target / RECORD).write_text(record.model_dump_json(indent=1, exclude={"folder"}) + "\n", encoding="utf-8")
            if model.tokenizer is not None:
                model.tokenizer.save(target)

        write_folder(folder, fill)
    return record


@torch.no_grad()
def compared(program: PaddedProgram, file: Path) -> tuple[dict[str, float], float | None]:
    """How far a file's outputs are from the packed model's, by output, as a share of the largest value or of 1; and
    how often logits choose the same class.
    """
    session = import_module("onnxruntime").InferenceSession(str(file), providers=["CPUExecutionProvider"])
    wanted = {given.name for given in session.get_inputs()}
    differences = dict.fromkeys(program.output_names, 0.0)
    same: list[bool] = []
    for sequences in _examples(program):
        batch = collate(sequences)
        expected = program.run_packed(batch)
        given, mask = _padded([sequences[place] for place in batch.order])
        found = session.run(None, {name: value.numpy() for name, value in given.items() if name in wanted})
        for name, value in zip(program.output_names, found, strict=True):
            ours, theirs = expected[name].float(), _packed(torch.from_numpy(value).float(), mask, len(expected[name]))
            distance = (ours - theirs).abs().max() / ours.abs().max().clamp(min=1)
            differences[name] = max(differences[name], float(distance))
            if name.endswith("logits") and ours.ndim > 1 and ours.shape[-1] > 1:
                same += (ours.argmax(-1) == theirs.argmax(-1)).tolist()
    return differences, sum(same) / len(same) if same else None


def gives_the_same(program: PaddedProgram, file: Path) -> bool:
    """Whether a file, which may hold anything, is a program with the model's values."""
    try:
        return max(compared(program, file)[0].values()) <= TOLERANCE
    except Exception:  # onnxruntime has no class for what is no program, or does not run
        return False


def _packed(value: Tensor, mask: Tensor, n: int) -> Tensor:
    """What is of tokens without its padding; what is of sequences as it is."""
    return value if value.shape[: mask.ndim] != mask.shape or len(value) == n else value[mask.bool()]


def _examples(program: PaddedProgram) -> Iterator[list[Encoding]]:
    """Batches of random sequences, the second half of each in the second segment where there are two."""
    dims, pairs = program.model.variant.dims, program.model.embedding.reads_pairs
    rng = np.random.default_rng(0)
    for n, longest in SHAPES:
        lengths = rng.integers(2, min(longest, dims.max_length) + 1, n)
        lengths[0] = min(longest, dims.max_length)
        sequences = []
        for length in lengths.tolist():
            ids = rng.integers(0, dims.vocab_size, length).astype(np.int32)
            segments = (np.arange(length) >= (length + 1) // 2).astype(np.int32) * pairs
            special = np.isin(ids, program.special_ids.numpy())  # type: ignore[operator]
            sequences.append(Encoding(ids, segments, special))
        yield sequences


def _padded(sequences: list[Encoding]) -> tuple[dict[str, Tensor], Tensor]:
    """What a program is given for sequences; and the mask."""
    longest = max(map(len, sequences))
    ids, mask, types = (torch.zeros(len(sequences), longest, dtype=torch.int64) for _ in range(3))
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.from_numpy(sequence.ids)
        types[row, : len(sequence)] = torch.from_numpy(sequence.segments)
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}, mask


def _inputs(program: PaddedProgram) -> tuple[str, ...]:
    """The inputs on which outputs depend."""
    ids = torch.full((1, 4), min(7, program.model.variant.dims.vocab_size - 1))
    types = torch.tensor([[0, 0, 1, 1]]) * program.model.embedding.reads_pairs
    one, other = program(ids, torch.ones_like(ids), torch.zeros_like(ids)), program(ids, torch.ones_like(ids), types)
    differs = any(not torch.equal(a, b) for a, b in zip(one, other, strict=True))
    return ("input_ids", "attention_mask", *["token_type_ids"] * differs)


def program_file(program: PaddedProgram, place: Path) -> Path:
    """The program in float32."""
    given, _ = _padded(next(iter(list(_examples(program))[1:2])))
    free = {name: {0: "batch", 1: "length"} for name in given}
    try:
        inputs = _inputs(program)
        with quietly():
            made = torch.onnx.export(
                program,
                kwargs=given,
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=free,
                output_names=[*program.output_names],
                verbose=False,
            )
    except Unrecordable as error:
        raise ZooError(f"{_parts(program.model)} cannot be exported: {error}") from None
    except Exception as error:
        reason = str(error.__cause__ or error).strip().split("\n")[0]
        raise ZooError(f"{_parts(program.model)} cannot be exported: {reason:.300}") from error
    assert made is not None
    graph = made.model.graph
    graph.inputs[:] = [value for value in graph.inputs if value.name in inputs]
    file = place / FILE
    made.save(str(file))
    return file


def _parts(model: Model) -> str:
    variant = model.variant
    name = model.origin.folder if model.origin else variant.name
    return f"{name} (embedding {variant.embedding.name}, encoder {variant.encoder.name})"


def _reduced(file: Path, number_format: NumberFormat) -> Path:
    """The program with other numbers, by onnxruntime's own tools."""
    if number_format == "fp32":
        return file
    target = file.with_name(f"{number_format}.onnx")
    if number_format != "fp16":
        return quantized(file, target, "int8-weights" if number_format == "int8-weights" else "int8-dynamic")
    with quietly():
        onnx, tool = import_module("onnx"), import_module("onnxruntime.transformers.float16")
        onnx.save(tool.convert_float_to_float16(onnx.load(file), keep_io_types=True), target)
    return target


def _refuse_missing() -> None:
    """Raises ZooError if a package that is needed is not installed."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(name)
        except ImportError:
            raise ZooError(
                f"the package {name} is not installed; install encoder-zoo with its extra, such as encoder-zoo[onnx]"
            ) from None
