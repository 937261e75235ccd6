"""Programs in 8-bit integers, by onnxruntime's own tools."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from zoo.core.batch import Batch
from zoo.core.compression import Quantization

LEAST_VALUES = 1_024
"""The smallest tensor whose values are stored as integers when weights alone are."""


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


def padded(batch: Batch, reads: Iterable[str]) -> dict[str, np.ndarray[Any, Any]]:
    """What a program is given for a packed batch. [B, S] each"""
    ids, mask = batch.layout.pad(batch.ids)
    types, _ = batch.layout.pad(batch.token_types)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return {name: given[name].long().numpy() for name in reads}


@contextmanager
def quietly() -> Iterator[None]:
    """Without the notices and warnings of the tools, nor the graph that torch prints where an export fails."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
