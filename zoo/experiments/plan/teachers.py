"""The teachers of a plan's variants: found by name, and checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.lazy import imported
from zoo.core.specs import Distillation, Variant
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import is_learnt, task_kind
from zoo.tasks.task import Task
from zoo.weights.folder import CheckpointFolder


@dataclass
class Taught:
    """Variants whose teachers are called as the plan calls them; the teachers that are not compared, by the expression
    that names each; and the folders of these that hold trained weights, some with a task head.
    """

    variants: list[Variant]
    teachers: dict[str, Variant] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    with_head: set[str] = field(default_factory=set)

    @property
    def trained(self) -> list[str]:
        """What is not pre-trained: it starts from a folder, or from a teacher's layers."""
        return [*self.folders, *(variant.name for variant in self.variants if variant.distillation.inherits)]


def with_teachers(catalog: Catalog, variants: Sequence[Variant], folders: Mapping[str, Path]) -> Taught:
    """The variants, and the teachers that they and their teachers name: a compared variant by its name, or any other.

    Raises ZooError if there is no such variant, or a variant would learn from itself.
    """
    known = {variant.name: variant for variant in variants}
    own = {name: folder for name, folder in folders.items() if not known[name].distillation.inherits}
    taught = Taught([], folders=own)

    def resolved(student: Variant) -> Variant:
        name = student.distillation.teacher
        if name is None or name in known:
            return student
        try:
            found = catalog.variant(name)
        except ZooError as error:
            raise ZooError(f"distillation.teacher of {student.name}: {error}") from None
        folder = catalog.folder(name)
        if found.name not in known:
            known[found.name] = found
            if folder:
                taught.folders[found.name] = folder
                taught.with_head |= {found.name} if _has_head(catalog, folder) else set()
            known[found.name] = taught.teachers[name] = resolved(found)
        elif folder != taught.folders.get(found.name) or known[found.name] != found:
            raise ZooError(
                f"distillation.teacher={name} of {student.name} and another variant are both called {found.name}; "
                f"rename the other, for example mine=VARIANT"
            )
        record = student.distillation.model_copy(update={"teacher": found.name})
        return student.model_copy(update={"distillation": record})

    taught.variants = [resolved(variant) for variant in variants]
    _refuse_circles(known | {variant.name: variant for variant in taught.variants})
    return taught


def _has_head(catalog: Catalog, folder: Path) -> bool:
    from zoo.checkpoints.reading import head_of
    from zoo.pretraining.misfits import in_folder

    return head_of(in_folder(catalog, folder)) is not None


def _refuse_circles(variants: Mapping[str, Variant]) -> None:
    for name, variant in variants.items():
        way, teacher = [name], variant.distillation.teacher
        while teacher is not None:
            if teacher in way:
                raise ZooError(f"{' learns from '.join([*way, teacher])}; give one of them another teacher")
            way.append(teacher)
            teacher = variants[teacher].distillation.teacher


def refuse_unfit_teachers(
    catalog: Catalog, variants: Iterable[Variant], folders: Mapping[str, Path], tasks: Iterable[Task]
) -> None:
    """Raises ZooError if a variant, or a teacher of one, cannot learn on these tasks what its record says."""
    by_name = {variant.name: variant for variant in variants}
    learned = [task for task in tasks if is_learnt(task)]
    for student in by_name.values():
        record = student.distillation
        if record.teacher is None:
            continue
        teacher = by_name[record.teacher]
        if record.in_pretraining and student.name in folders:
            raise ZooError(
                f"{student.name} starts from {folders[student.name]} and is not pre-trained here, so it cannot learn "
                "in pre-training; give distillation.phase=finetuning, or train it with zoo pretrain"
            )
        for misfit in _misfits(catalog, student, teacher, record, learned, folders):
            raise ZooError(f"{student.name} cannot learn from {teacher.name}: {misfit}")
        for why in _reads_the_same(student, record, learned):
            if _tokenizers_differ(catalog, student, teacher, folders):
                raise ZooError(
                    f"{student.name} cannot learn from {teacher.name}: their tokenizers differ, and both must read the "
                    f"same tokens {why}; {_how_alike(catalog, student, teacher, folders)}"
                )


def _reads_the_same(student: Variant, record: Distillation, tasks: Sequence[Task]) -> Iterator[str]:
    """Why teacher and student must read the same tokens; nothing if the teacher is asked once for each item."""
    from zoo.train.distillation import asked_once

    if record.layers:
        yield "as the embedding is the teacher's"
    if record.in_pretraining:
        yield "in pre-training"
    if record.reads_layers:
        yield "to compare what is inside layers"
    for task in tasks if record.in_finetuning else ():
        if not asked_once(record, imported(task_kind(task).head), student.finetuning):
            reads = imported(task_kind(task).head).reads_tokens
            yield f"as {task.name} asks for tokens" if reads else "of items that are changed or mixed"


def _tokenizers_differ(catalog: Catalog, student: Variant, teacher: Variant, folders: Mapping[str, Path]) -> bool:
    record = student.distillation
    if (record.inherits or record.in_pretraining) and teacher.name in folders:  # it takes the folder's
        return student.tokenizer.name != teacher.tokenizer.name
    return _tokenizer(catalog, student, folders) != _tokenizer(catalog, teacher, folders)


def _misfits(
    catalog: Catalog,
    student: Variant,
    teacher: Variant,
    record: Distillation,
    tasks: Sequence[Task],
    folders: Mapping[str, Path],
) -> Iterator[str]:
    from zoo.pretraining.misfits import misfits, predicts_no_tokens

    if teacher.is_compressed:
        yield "it is pruned or quantized, and teaches before that; name the variant without"
    yield from misfits(catalog, student, teacher)
    if record.in_pretraining:
        for variant in (student, teacher):
            if why := predicts_no_tokens(catalog, variant, folders.get(variant.name)):
                yield why
    if not record.in_finetuning:
        tasks = ()
    if not (record.learns or record.layers):
        yield "all weights of the teacher are 0; give distillation.logits, hidden, attention or relations a weight"
    for task in tasks if record.logits else ():
        from zoo.train.distances import answers_of

        try:
            answers_of(imported(task_kind(task).head))
        except ZooError as error:
            yield f"task {task.name!r}: {error}"
    if not record.reads_layers:
        return
    if student.finetuning.layer_drop and record.in_finetuning and (record.attention or record.relations):
        yield "it leaves layers out in training, whose attention cannot be compared; give finetuning.layer_drop=0"
    for variant in (student, teacher):
        if variant.finetuning.feature_config is not None:
            yield (
                f"{variant.name} is fine-tuned on features of its layers, so that only logits are compared; give "
                "distillation.hidden=0, distillation.attention=0 and distillation.relations=0"
            )


def _tokenizer(catalog: Catalog, variant: Variant, folders: Mapping[str, Path]) -> object:
    """What a variant's token ids depend on: a hash of its folder's tokenizer, or the recipe by which one is learned."""
    if variant.name not in folders:
        return catalog.without_defaults(variant).tokenizer, variant.dims.vocab_size
    from zoo.checkpoints import tokenizer_of
    from zoo.text.cache import hash_tokenizer

    found = tokenizer_of(CheckpointFolder(folders[variant.name]), catalog)
    return found and hash_tokenizer(found)


def _how_alike(catalog: Catalog, student: Variant, teacher: Variant, folders: Mapping[str, Path]) -> str:
    from zoo.pretraining.misfits import predicts_no_tokens

    fresh, of_teacher = student.name not in folders, folders.get(teacher.name)
    if fresh and of_teacher and not predicts_no_tokens(catalog, teacher, of_teacher):
        return "have the student take the teacher's by learning in pre-training, too, as +distillation.phase=both"
    if student.name in folders or teacher.name in folders:
        return "start both from folders with the same one"
    if student.tokenizer != teacher.tokenizer:
        return f"exchange one, as +tokenizer={teacher.tokenizer.name}"
    return f"exchange one size, as +dims.vocab_size={teacher.dims.vocab_size}"
