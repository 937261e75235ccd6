"""The model of a fine-tuning job beside its teacher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from zoo.checkpoints import load as load_model
from zoo.core.errors import ZooError
from zoo.core.specs import Finetuning
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.kept_logits import KeptLogits, file_of
from zoo.heads import TaskHead
from zoo.inference.predict_task import class_order, in_order
from zoo.inference.predict_text import head_for_text
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, task_kind
from zoo.tasks.task import Example, Task
from zoo.text.cache import hash_tokenizer
from zoo.train.distillation import Lesson, LogitCache, Student, asked_once
from zoo.train.finetune import logits_of


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

    answers = KeptLogits(logits, file_of(work, teacher) if _is_shared(work) else None)

    def ask(numbers: Sequence[int]) -> list[Tensor]:
        return answers.of(kind.encode([items[number] for number in numbers], teacher.text_tokenizer, length)[0])

    yield Student(model, None, Lesson(record, task.name, cache=LogitCache(ask)), work.job.seed)
    answers.keep()


def _is_shared(work: JobContext) -> bool:
    """Whether a job's teacher has other students in the run."""
    plan, name = work.plan, work.plan.teacher_of(work.job.system)
    return [plan.teacher_of(other) for other in plan.learners].count(name) > 1
