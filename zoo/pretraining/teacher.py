"""Pre-training beside a teacher, a model in a folder."""

from __future__ import annotations

from pathlib import Path

import torch

from zoo.checkpoints import load, tokenizer_of
from zoo.core.errors import ZooError
from zoo.core.interfaces import Tokenizer
from zoo.model import Model
from zoo.pretraining.settings import InitialWeights
from zoo.registry.catalog import Catalog
from zoo.text.cache import hash_tokenizer
from zoo.train.distillation import Lesson, Student, predicts_tokens, take_layers
from zoo.weights.folder import CheckpointFolder
from zoo.weights.hub import hub_name


def teacher_of(catalog: Catalog, tokenizer: Tokenizer | None, folder: Path) -> InitialWeights:
    """The teacher in a folder. Raises ZooError if it reads text with another tokenizer than this."""
    opened = CheckpointFolder(folder)
    its = tokenizer_of(opened, catalog)
    if its is None or tokenizer is None or hash_tokenizer(its) != hash_tokenizer(tokenizer):
        raise ZooError(f"the tokenizer of the teacher in {folder} is another, and both must read the same tokens")
    return InitialWeights(source=hub_name(folder) or str(folder.resolve()), content_hash=opened.weights_hash)


def load_teacher(student: Model, folder: Path, catalog: Catalog) -> Model:
    """The teacher in a folder, from whose layers a student starts if its variant says so. Raises ZooError if they
    don't fit."""
    teacher = load(folder, dtype=torch.float32, catalog=catalog)
    for tensor in (*teacher.parameters(), *teacher.buffers()):
        tensor.data = tensor.data.clone()  # bits may depend on where in a file they are mapped from
    if numbers := student.variant.distillation.layer_numbers:
        take_layers(student, teacher, numbers)
    return teacher


def taught(student: Model, teacher: Model, seed: int) -> Student:
    """A student that is on its device, beside its teacher, which may know more ids than the tokenizer has."""
    n_ids = student.variant.dims.vocab_size
    lesson = Lesson(
        student.variant.distillation,
        predicts_tokens(student),
        predicts_tokens(teacher),
        lambda logits: logits[:, :n_ids],
    )
    return Student(student, teacher.to(next(student.parameters()).device), lesson, seed)
