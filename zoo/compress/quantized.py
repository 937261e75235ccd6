"""Models in 8-bit integers, by onnxruntime's own tools, and what runs them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.compress.onnx_file import gives_the_same, program_file, quietly
from zoo.compress.program import PaddedProgram
from zoo.core.batch import Batch
from zoo.core.compression import Quantization
from zoo.core.files import make_folder, write_bytes
from zoo.heads import QuestionAnswering, TaskHead
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, task_kind
from zoo.train.finetune import logits_by

CPU = torch.device("cpu")

LEAST_VALUES = 1_024
"""The smallest tensor whose values are stored as integers when weights alone are."""


class Runtime:
    """An ONNX program of a model with a task head, run by onnxruntime on a CPU."""

    def __init__(self, file: Path, head: TaskHead, n_threads: int = 1) -> None:
        runtime = import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = n_threads
        self.bytes, self.head = file.stat().st_size, head
        self._session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._reads = {given.name for given in self._session.get_inputs()}

    def logits(self, batch: Batch) -> Tensor:
        """The head's logits of a batch."""
        found = [torch.from_numpy(value) for value in self._session.run(None, padded(batch, self._reads))]
        scores = torch.stack(found, dim=-1) if isinstance(self.head, QuestionAnswering) else found[0]
        if self.head.reads_tokens:
            scores = batch.layout.pack(scores)
        return _with_scores(self.head, scores).logits(scores, batch)

    def logits_of(self, items: Sequence[EncodedItem]) -> list[Tensor]:
        """The logits of each item by itself, in order."""
        return logits_by(self.logits, self.head, items, CPU)

    def predict(self, items: Sequence[EncodedItem]) -> list[Any]:
        """The prediction for each item, in order."""
        kind = task_kind(self.head.config)
        return [kind.decode(item, its) for item, its in zip(items, self.logits_of(items), strict=True)]


def _with_scores(head: TaskHead, scores: Tensor) -> TaskHead:
    """The head with scores that are known: a program ends where the kinds of head begin to differ."""
    alike = copy.copy(head)
    object.__setattr__(alike, "scores", lambda hidden, batch: scores)
    return alike


def padded(batch: Batch, reads: Iterable[str]) -> dict[str, np.ndarray[Any, Any]]:
    """What a program is given for a packed batch. [B, S] each"""
    ids, mask = batch.layout.pad(batch.ids)
    types, _ = batch.layout.pad(batch.token_types)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return {name: given[name].long().numpy() for name in reads}


def float_program(model: Model, file: Path) -> Path:
    """A model's program in float32: what the file holds, if that gives the model's values, or else made and kept there.

    Raises ZooError if the model has an operation that cannot be exported.
    """
    with model.eval_mode():
        program = PaddedProgram(model)
        if not (file.is_file() and gives_the_same(program, file)):
            with TemporaryDirectory() as place:
                made = program_file(program, Path(place))
                make_folder(file.parent)
                write_bytes(file, made.read_bytes())
    return file


def quantized(file: Path, target: Path, how: Quantization, batches: Sequence[Batch] = ()) -> Path:
    """The program in 8-bit integers, in the target; activations are calibrated on batches if they are to be."""
    tools = import_module("onnxruntime.quantization")
    with quietly():
        if how == "int8-weights":
            _store_integers(file, target)
        elif how == "int8-dynamic":
            tools.quantize_dynamic(file, target, per_channel=True)
        else:
            tools.quantize_static(
                file,
                target,
                _calibration(tools, file, batches),
                quant_format=tools.QuantFormat.QDQ,
                per_channel=True,
                op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            )
    return target


def _calibration(tools: Any, file: Path, batches: Sequence[Batch]) -> Any:
    session = import_module("onnxruntime").InferenceSession(str(file), providers=["CPUExecutionProvider"])
    reads = {given.name for given in session.get_inputs()}

    class Reader(tools.CalibrationDataReader):  # type: ignore[misc]
        """What the tool asks for, batch by batch."""

        def __init__(self) -> None:
            self._left = iter(batches)

        def get_next(self) -> Mapping[str, Any] | None:
            """What the program is given next."""
            batch = next(self._left, None)
            return None if batch is None else padded(batch, reads)

    return Reader()


def _store_integers(file: Path, target: Path) -> None:
    """Store every matrix as 8-bit integers with a scale per row; the program turns them into floats when it is loaded.

    w is about s·q with s = max|w| / 127, which is symmetric; Jacob et al. 2018, arXiv:1712.05877, section 2.1.
    """
    onnx = import_module("onnx")
    model = onnx.load(str(file))
    graph, nodes = model.graph, []
    for tensor in list(graph.initializer):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim != 2 or values.size < LEAST_VALUES:
            continue
        scales = np.maximum(np.abs(values).max(axis=1), np.finfo(np.float32).tiny) / 127
        whole = np.rint(values / scales[:, None]).astype(np.int8)
        names = [f"{tensor.name}_int8", f"{tensor.name}_scales"]
        graph.initializer.remove(tensor)
        for name, part in zip(names, (whole, scales.astype(np.float32)), strict=True):
            graph.initializer.append(onnx.numpy_helper.from_array(part, name))
        nodes.append(onnx.helper.make_node("DequantizeLinear", names, [tensor.name], axis=0))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.save(model, str(target))
