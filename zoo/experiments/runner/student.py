"""The model of a fine-tuning job beside its teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.checkpoints import load as load_model
from zoo.core.errors import ZooError
from zoo.core.files import make_folder, write_bytes
from zoo.core.specs import Finetuning
from zoo.experiments.plan.job import slug
from zoo.experiments.plan.planned import hash_json
from zoo.experiments.runner.context import JobContext
from zoo.heads import TaskHead
from zoo.inference.predict_task import class_order, in_order
from zoo.inference.predict_text import head_for_text
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, task_kind
from zoo.tasks.task import Example, Task
from zoo.text.cache import hash_tokenizer
from zoo.train.distillation import Lesson, LogitCache, Student, asked_once
from zoo.train.finetune import logits_of
from zoo.weights.checkpoint import weights_hash


def has_cached_teacher(work: JobContext, head: TaskHead, recipe: Finetuning) -> bool:
    """Whether a job's model has a teacher that is asked once for each training item."""
    record = work.plan.variant(work.job.system).distillation
    return record.in_finetuning and asked_once(record, head, recipe)


@contextmanager
def taught(work: JobContext, model: Model, head: TaskHead, task: Task, items: Sequence[Example]) -> Iterator[Model]:
    """The model as it is trained on these items: with its teacher, if its variant has one."""
    record, recipe = work.plan.variant(work.job.system).distillation, model.variant.finetuning
    if not record.in_finetuning:
        yield model
        return
    device = work.how.compute.torch_device
    teacher = load_model(work.teacher(), dtype=torch.float32, catalog=work.catalog)
    for tensor in (*teacher.parameters(), *teacher.buffers()):
        tensor.data = tensor.data.clone()  # bits may depend on where in a file they are mapped from
    its = head_for_text(teacher.to(device))
    order = partial(in_order, order=class_order(its.config, task))
    if not has_cached_teacher(work, head, recipe):
        if hash_tokenizer(teacher.text_tokenizer) != hash_tokenizer(model.text_tokenizer):
            raise ZooError(
                f"{record.teacher} has another tokenizer than {model.variant.name}, and items that are changed or "
                "mixed must be read by both; leave that out of what is tuned"
            )
        name = next(name for name in teacher.objective_names if teacher.objective(name) is its)
        yield Student(model, teacher, Lesson(record, task.name, name, order), work.job.seed)
        return
    length, kind = min(recipe.max_length, teacher.variant.dims.max_length), task_kind(task, recipe)

    def logits(encoded: Sequence[EncodedItem]) -> list[Tensor]:
        with work.how.compute.autocast():
            return [order(logits) for logits in logits_of(teacher, its, encoded)]

    answers = Answers(logits, _shared_file(work, teacher))

    def ask(numbers: Sequence[int]) -> list[Tensor]:
        return answers.of(kind.encode([items[number] for number in numbers], teacher.text_tokenizer, length)[0])

    yield Student(model, None, Lesson(record, task.name, cache=LogitCache(ask)), work.job.seed)
    answers.keep()


def _shared_file(work: JobContext, teacher: Model) -> Path | None:
    """Where a teacher's logits on a task are kept, if it has other students in the run."""
    plan, name = work.plan, work.plan.teacher_of(work.job.system)
    if [plan.teacher_of(other) for other in plan.learners].count(name) < 2:
        return None
    known_by = f"{slug(str(work.job.task))}-{weights_hash(teacher.state_dict())[:16]}"
    return work.shared / "teachers" / f"{known_by}.safetensors"


class Answers:
    """A teacher's logits of groups of items, found in a file or asked for and kept there.

    A group is known by its tokens and spans, in order: what is found has the bits that the teacher would give again.
    """

    def __init__(self, ask: Callable[[Sequence[EncodedItem]], list[Tensor]], file: Path | None) -> None:
        self._ask, self._file = ask, file
        self._known, self._new = _read(file), False

    def of(self, items: Sequence[EncodedItem]) -> list[Tensor]:
        """The logits of each item, on the CPU."""
        key = _content(items)
        if key not in self._known:
            found = [each.cpu() for each in self._ask(items)]
            padded = pad_sequence(found, batch_first=True, padding_value=-torch.inf) if found[0].ndim else None
            self._known[key], self._new = torch.stack(found) if padded is None else padded, True
        return [row[row > -torch.inf] if row.ndim == 1 else row for row in self._known[key]]

    def keep(self) -> None:
        """Write what is new, beside what other jobs have written since."""
        if self._file is not None and self._new:
            make_folder(self._file.parent)
            write_bytes(self._file, save(_read(self._file) | self._known))


def _read(file: Path | None) -> dict[str, Tensor]:
    try:
        return load(file.read_bytes()) if file is not None and file.is_file() else {}
    except (OSError, SafetensorError):  # what is damaged is asked for again
        return {}


def _content(items: Sequence[EncodedItem]) -> str:
    """A SHA-256 over what a model reads of items, by item: the tokens, and the places of their spans."""
    return hash_json([[_read_of(part) for part in item.parts] for item in items])


def _read_of(part: EncodedItem) -> list[list[int]]:
    arrays = [array for each in part.encodings for array in (each.ids, each.segments)]
    return [array.tolist() for array in (*arrays, part.places) if array is not None]
