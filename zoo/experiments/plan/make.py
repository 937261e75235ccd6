"""Making a plan, and checking it before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import JsonValue, ValidationError

from zoo.core.diff import diff
from zoo.core.errors import ZooError, explain
from zoo.core.specs import HeadConfig, R, Variant
from zoo.experiments.plan.corpus import CorpusSource, MicroworldCorpus, TasksCorpus, corpus_hash
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.planned import PlannedCheckpoint, PlannedSplit, PlannedTask, hash_json
from zoo.experiments.plan.spec import PlanSettings
from zoo.experiments.plan.teachers import refuse_unfit_teachers
from zoo.experiments.plan.tried import refuse_unfit_settings, synonym_hashes
from zoo.machine.compute import ONE_THREAD, refuse_missing, refuse_unsupported
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import baseline_names, is_learnt, task_kind
from zoo.tasks.record import RecordTask
from zoo.tasks.scoring import check_task, gold_labels, groups, refuse_unfit
from zoo.tasks.task import Task
from zoo.weights.folder import CheckpointFolder

ON_ONE_THREAD = PlanSettings(compute=ONE_THREAD)

LARGEST_DEFAULT_BUDGET = 500_000_000
"""Pre-training tokens above which the budget must be given explicitly, lest a huge run start by accident."""


def make_plan(
    catalog: Catalog,
    variants: Sequence[Variant],
    tasks: Sequence[str],
    *,
    n_seeds: int = 3,
    corpus: CorpusSource | None = None,
    data_folder: Path | None = None,
    folders: Mapping[str, Path] | None = None,
    evaluated: Collection[str] = (),
    teachers: Sequence[Variant] = (),
    one_head: bool = True,
    budget_given: bool = False,
    settings: PlanSettings = ON_ONE_THREAD,
) -> Plan:
    """A checked plan: every part builds, every task's data are read, budgets agree, and so do heads.

    Without a corpus, the text is the microworld, or the training text of real tasks. A variant in `folders` starts from
    weights, one also in `evaluated` is scored as it is; `teachers` are not compared. Numbers of tokens that are not
    `budget_given` must be small. Raises ZooError beforehand.
    """
    learners = (*variants, *teachers)
    checkpoints = _checked(catalog, learners, [catalog.task(t) for t in tasks], folders or {}, evaluated)
    trained = {*checkpoints, *(variant.name for variant in learners if variant.distillation.inherits)}
    refuse_unfit_settings(catalog, learners, settings.tuning, trained)
    refuse_unequal(variants, trained, evaluated, one_head=one_head, one_budget=settings.equal != "operations")
    if not budget_given:
        _refuse_huge([variant for variant in variants if variant.name not in trained])
    _refuse_untrained(catalog, tasks, [variant.name for variant in variants if variant.name not in evaluated])
    planned = [planned_task(catalog, name, data_folder, beside=tasks) for name in tasks]
    corpus = corpus or _text_of(planned, data_folder)
    return _valid(
        **dict(settings),
        variants=_plain(catalog, variants, trained),
        teachers=_plain(catalog, teachers, trained),
        tasks=tuple(planned),
        seeds=tuple(range(n_seeds)),
        corpus=corpus,
        corpus_hash=corpus_hash(catalog, corpus) if len(trained) < len(learners) else "",
        data_folder=str(data_folder) if data_folder else None,
        checkpoints=checkpoints,
        synonyms=synonym_hashes(learners, settings.tuning),
    )


def _valid(**fields: Any) -> Plan:
    """A plan of these fields. Raises ZooError if they do not go together."""
    try:
        return Plan(**fields)
    except ValidationError as error:
        raise ZooError(f"not a valid plan: {explain(error)}") from None


def _checked(
    catalog: Catalog,
    variants: Sequence[Variant],
    tasks: Sequence[Task],
    folders: Mapping[str, Path],
    evaluated: Collection[str],
) -> dict[str, PlannedCheckpoint]:
    """The trained weights that variants start from, if all variants build and suit the tasks and their teachers."""
    if not tasks:
        raise ZooError("there is nothing to compare on; give at least one task, such as --tasks rte")
    for variant in variants:
        is_trained = variant.name in folders or variant.distillation.inherits
        catalog.check(variant, tasks, trained=is_trained and not variant.adaptation.tokens)
    refuse_unfit_teachers(catalog, variants, folders, tasks)
    return {
        name: planned_checkpoint(catalog, folder, tasks if name in evaluated else None)
        for name, folder in folders.items()
    }


def _plain(catalog: Catalog, variants: Sequence[Variant], trained: Collection[str]) -> tuple[Variant, ...]:
    """Variants without options at their defaults."""
    return tuple(catalog.without_defaults(variant, trained=variant.name in trained) for variant in variants)


def _text_of(tasks: Sequence[PlannedTask], data_folder: Path | None) -> CorpusSource:
    """The training text of the tasks that are real, else the microworld's."""
    real = tuple(task.name for task in tasks if not task.synthetic and is_learnt(task))
    folder = str(data_folder) if data_folder else None
    return TasksCorpus(tasks=real, folder=folder) if real else MicroworldCorpus()


def _refuse_untrained(catalog: Catalog, tasks: Sequence[str], finetuned: Sequence[str]) -> None:
    """Raises ZooError if no variant would be trained for a task that models of another task answer."""
    for name in tasks:
        other = catalog.task(name).trained_on
        if finetuned and other and other not in tasks:
            raise ZooError(
                f"task {name!r} has nothing to train on; models of {other} answer it: compare on {other},{name}"
            )


def planned_task(catalog: Catalog, name: str, data_folder: Path | None, beside: Collection[str] = ()) -> PlannedTask:
    """A task with the data that are here now, `beside` the other tasks of its plan.

    Raises ZooError if its data cannot be trained on and scored.
    """
    task = catalog.task(name)
    check_task(task)
    dataset = task.load(data_folder)
    training = task.training_items(dataset)
    missing = [] if training or not is_learnt(task) else [f"labelled items in {task.train_split}"]
    missing += [f"items in {split}" for split in task.dev_splits if not dataset.splits.get(split)]
    if missing:
        raise ZooError(f"task {task.name!r} has no {', no '.join(missing)}; it cannot be trained and scored")
    for split, items in ((task.train_split, training), *((split, dataset.splits[split]) for split in task.dev_splits)):
        refuse_unfit(task, split, items)
    sets = groups(task, dataset)
    lengths = [sum(map(len, item.texts)) for items in dataset.splits.values() for item in items]
    try:
        return PlannedTask(
            name=task.name,
            version=task.version,
            definition=hash_json(task.model_dump(mode="json", exclude={"name", "suite", "citation", *task.LOCATION})),
            content_hash=dataset.content_hash,
            pair=task.pair,
            synthetic=task.synthetic,
            kind=task.kind,
            options=task.options,
            labels=task.labels,
            metrics=task.metrics,
            baselines=() if task.trained_on and task.trained_on not in beside else tuple(task_kind(task).baselines),
            trained_on=task.trained_on,
            dev={
                split: PlannedSplit(
                    n_items=len(answers),
                    gold=hash_json(answers),
                    groups=hash_json(sets[split]) if split in sets else "",
                )
                for split, answers in gold_labels(task, dataset).items()
            },
            n_training=len(training),
            n_unlabelled=len(dataset.splits.get(task.train_split, ())) - len(training),
            n_items=len(lengths),
            mean_length=fmean(lengths),
            record=task if isinstance(task, RecordTask) and name not in catalog.offered["task"] else None,
        )
    except ValidationError as error:
        raise ZooError(f"task {task.name!r} cannot be scored: {explain(error)}") from None


def check_plan(catalog: Catalog, plan: Plan) -> None:
    """Check that tasks and corpus are those of a saved plan, and that its device is here. Raises ZooError if not."""
    refuse_missing(plan.compute.device)
    refuse_unsupported(plan.compute)
    catalog = catalog.with_tasks(plan.own_tasks)
    for variant in plan.trained:
        tasks = [catalog.task(task.name) for task in plan.tasks]
        catalog.check(variant, tasks, trained=not plan.is_pretrained(variant.name))
    folder = Path(plan.data_folder) if plan.data_folder else None
    for planned in plan.tasks:
        found = planned_task(catalog, planned.name, folder, beside=[task.name for task in plan.tasks])
        if changed := diff(planned, found):
            named = {path: pair for path, pair in changed.items() if path != "definition"} or changed
            told = "; ".join(f"{path} {a!s:.80}, here {b!s:.80}" for path, (a, b) in named.items())
            raise ZooError(f"task {planned.name!r} is not what was planned: {told}")
    for name in plan.checkpoints:
        refuse_changed(plan, name, CheckpointFolder(Path(plan.checkpoints[name].folder)))
    if synonym_hashes((*plan.variants, *plan.teachers), plan.tuning) != plan.synonyms:
        raise ZooError(f"{' or '.join(plan.synonyms)} is not the file of synonyms that was planned; make a new plan")
    if plan.corpus_hash and corpus_hash(catalog, plan.corpus) != plan.corpus_hash:
        raise ZooError(f"the corpus ({plan.corpus.description}) is not the text that was planned")


def refuse_changed(plan: Plan, name: str, folder: CheckpointFolder) -> None:
    """Raises ZooError, naming the file, if the folder that a variant starts from has changed."""
    planned = plan.checkpoints[name]
    files = folder.file_hashes
    if changed := [path for path in {**planned.files, **files} if planned.files.get(path) != files.get(path)]:
        raise ZooError(
            f"{Path(planned.folder) / changed[0]}, from which {name} starts, is not what was planned "
            f"({len(changed)} file(s) of {planned.folder} changed); make a new plan"
        )


def planned_checkpoint(catalog: Catalog, folder: Path, tasks: Iterable[Task] | None = None) -> PlannedCheckpoint:
    """Trained weights with a tokenizer, to be fine-tuned, or with a head to be evaluated on tasks if these are given.

    Raises ZooError if anything is missing, or the head does not fit a task.
    """
    from zoo.checkpoints import inspect, tokenizer_of
    from zoo.checkpoints.reading import head_of

    opened = CheckpointFolder(folder)
    contents = inspect(opened, catalog)
    if tokenizer_of(opened, catalog) is None:
        raise ZooError(f"{folder} holds no tokenizer, so nothing can be fine-tuned on text")
    if tasks is not None:
        with_head = [task for task in tasks if not task_kind(task).by_likelihood]
        if with_head:
            _refuse_unfit_head(folder, head_of(contents.model), with_head)
    return PlannedCheckpoint(
        folder=str(folder.resolve()), files=dict(opened.file_hashes), evaluate_only=tasks is not None
    )


def _refuse_unfit_head(folder: Path, head: HeadConfig | None, tasks: Iterable[Task]) -> None:
    from zoo.inference.predict_task import class_order

    if head is None:
        raise ZooError(f"{folder} has no task head to evaluate; name it without --evaluate-only to have it fine-tuned")
    for task in tasks:
        if head.pair and head.pooling.pair == "compare" and not task.pair:
            raise ZooError(
                f"{folder} cannot be evaluated as it is: its head compares two texts, and {task.name} has one"
            )
        try:
            class_order(head, task)
        except ZooError as error:
            raise ZooError(f"{folder} cannot be evaluated as it is: {error}") from None


def with_budget(variant: Variant, tokens: int | None, steps: int | None, own: Collection[str] = frozenset()) -> Variant:
    """The same variant with another number of pre-training tokens or fine-tuning steps. Fields in `own`, such as
    pretraining.tokens, were set explicitly and stay as they are. Otherwise a batch is at most the budget.
    """
    pretraining, finetuning = variant.pretraining, variant.finetuning
    if tokens is not None:
        batch_tokens = max(pretraining.sequence_length, min(pretraining.batch_tokens, tokens))
        pretraining = _changed("pretraining", pretraining, own, tokens=tokens, batch_tokens=batch_tokens)
    if steps is not None:
        finetuning = _changed("finetuning", finetuning, own, steps=steps)
    return variant.model_copy(update={"pretraining": pretraining, "finetuning": finetuning})


def _changed(phase: str, recipe: R, own: Collection[str], **fields: int) -> R:
    """A recipe with other values in the fields that are not its own."""
    return recipe.model_copy(update={name: value for name, value in fields.items() if f"{phase}.{name}" not in own})


def refuse_unequal(
    variants: Sequence[Variant],
    trained: set[str],
    evaluated: Collection[str] = (),
    *,
    one_head: bool = True,
    one_budget: bool = True,
) -> None:
    """Raises ZooError if variants to fine-tune differ in their heads, or variants to pre-train in their budgets."""
    names = [variant.name for variant in variants]
    for name in names:
        if names.count(name) > 1:
            raise ZooError(f"variant {name!r} is given twice; give each once, or rename one, for example mine=VARIANT")
        if name in baseline_names():
            raise ZooError(f"{name!r} is the name of a baseline; rename the variant, for example mine=VARIANT")
    first, *others = [variant for variant in variants if variant.name not in evaluated] or variants[:1]
    for other in others:
        heads = {path: values for path, values in diff(first, other).items() if path.startswith("head.")}
        if heads and one_head:
            raise ZooError(
                f"{first.name} and {other.name} differ in {', '.join(heads)}, so their tables would compare heads, "
                f"not encoders; {_with_one_head(first, other, heads)}"
            )
    _refuse_budgets([variant for variant in variants if variant.name not in trained], one_budget)


def _with_one_head(first: Variant, other: Variant, heads: Mapping[str, tuple[JsonValue, JsonValue]]) -> str:
    """What to give in place of two variants that differ in their heads."""
    wanted = {path: value for path, (value, _) in heads.items()}
    if "last" not in heads.get("head.pooling", ()):
        return f"exchange fields, as {_exchanged(other, wanted)}"
    mean: dict[str, JsonValue] = {"head.pooling": "mean"}
    given = _exchanged(first, mean), _exchanged(other, wanted | mean)
    return f"a model that reads from left to right knows nothing at its first token: give {' and '.join(given)}"


def _exchanged(variant: Variant, fields: Mapping[str, JsonValue]) -> str:
    """The expression of a variant with other values in these fields of its head."""
    own = {f"head.{name}": value for name, value in variant.head.model_dump(mode="json").items()}
    new = {path: value for path, value in fields.items() if own[path] != value}
    written = (f"{path}={value if isinstance(value, str) else json.dumps(value)}" for path, value in new.items())
    return "+".join([variant.name, *written])


def _refuse_budgets(variants: Sequence[Variant], one: bool) -> None:
    for first, other in pairwise(variants):
        if one and first.pretraining.tokens != other.pretraining.tokens:
            raise ZooError(
                f"{first.name} asks for {first.pretraining.tokens:,} pre-training tokens and {other.name} for "
                f"{other.pretraining.tokens:,}; give both the same with --pretrain-tokens N"
            )


def _refuse_huge(variants: Sequence[Variant]) -> None:
    if variants and variants[0].pretraining.tokens > LARGEST_DEFAULT_BUDGET:
        raise ZooError(
            f"{variants[0].name} asks for {variants[0].pretraining.tokens:,} pre-training tokens, more than the "
            f"{LARGEST_DEFAULT_BUDGET:,} that a comparison trains for; set the number with --pretrain-tokens N"
        )
