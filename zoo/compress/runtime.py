"""Models as programs, and what runs them in place of the model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from zoo.compress.integers import padded
from zoo.compress.onnx_file import gives_the_same, program_file
from zoo.compress.program import PaddedProgram
from zoo.core.batch import Batch
from zoo.core.files import make_folder, write_bytes
from zoo.heads import QuestionAnswering, TaskHead
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, task_kind
from zoo.train.finetune import logits_by

CPU = torch.device("cpu")


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
