"""What a comparison is to do, decided and checked before anything is trained."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zoo.catalog import Catalog
from zoo.errors import ZooError
from zoo.specs import Count, Record, Variant, diff
from zoo.study.corpora import CorpusSource, MicroworldCorpus, TasksCorpus

BASELINES = ("majority", "bag-of-words")
"""Systems that every task is also given to, since they read no sentence."""

LARGEST_DEFAULT_BUDGET = 500_000_000
"""Pre-training tokens above which the budget must be asked for: no machine this runs on by accident will finish."""


class PlannedTask(Record):
    """A task with the version and the content that this plan means."""

    name: str
    version: int
    content_hash: str
    synthetic: bool


class PlannedCheckpoint(Record):
    """Trained weights that a variant starts from in place of pre-training: where they lie, and what they are."""

    folder: str
    content_hash: str


class Plan(Record):
    """Variants, tasks, seeds, corpus and budget: equal for all variants but for what their records say."""

    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    tasks: Annotated[tuple[PlannedTask, ...], Field(min_length=1)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    pretraining_seed: int
    corpus: CorpusSource
    data_folder: str | None
    threads: Count
    checkpoints: dict[str, PlannedCheckpoint] = Field(default={})

    @property
    def content_hash(self) -> str:
        """A SHA-256 of the whole plan."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def cells(self) -> list[Cell]:
        """One pre-training a variant, one fine-tuning a variant, task and seed, two baselines a task."""
        names = [variant.name for variant in self.variants]
        return [
            *(Cell(kind="pretrain", system=name, seed=self.pretraining_seed) for name in names),
            *(
                Cell(kind="finetune", system=name, task=task.name, seed=seed)
                for task in self.tasks
                for seed in self.seeds
                for name in names
            ),
            *(
                Cell(kind="baseline", system=baseline, task=task.name, seed=0)
                for task in self.tasks
                for baseline in BASELINES
            ),
        ]

    def variant(self, name: str) -> Variant:
        """The variant of this name."""
        return next(variant for variant in self.variants if variant.name == name)


class Cell(Record):
    """One piece of work, whose result is one file."""

    kind: Literal["pretrain", "finetune", "baseline"]
    system: str
    task: str | None = None
    seed: int

    @property
    def name(self) -> str:
        """A file name that tells what the cell is."""
        return slug("-".join(str(part) for part in (self.kind, self.system, self.task, f"s{self.seed}") if part))


def slug(name: str) -> str:
    """A name fit for a file: odd characters replaced, long names cut and made unique by a hash."""
    fit = re.sub(r"[^A-Za-z0-9._+=,-]", "_", name)
    if fit == name and len(fit) <= 120:
        return fit
    return f"{fit[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def make_plan(
    catalog: Catalog,
    variants: Sequence[Variant],
    tasks: Sequence[str],
    *,
    n_seeds: int = 3,
    corpus: CorpusSource | None = None,
    data_folder: Path | None = None,
    threads: int = 1,
    folders: Mapping[str, Path] | None = None,
) -> Plan:
    """A checked plan: every part builds, every task's data are read, budgets and heads agree.

    Without a corpus, synthetic tasks are pre-trained for on the microworld and others on their own training text.
    A variant whose name is among the `folders` starts from the weights there, and is not pre-trained.
    Raises ZooError where anything is wrong, before any training.
    """
    if not tasks:
        raise ZooError("there is nothing to compare on; give at least one task, as --tasks rte")
    for variant in variants:
        catalog.check(variant)
    checkpoints = {name: _planned(catalog, folder) for name, folder in (folders or {}).items()}
    _refuse_unequal(variants, set(checkpoints))
    if corpus is not None:
        corpus.documents(catalog)  # says at once where a file is missing
    planned = []
    for task in [catalog.task(name) for name in tasks]:
        dataset = task.load(data_folder)
        missing = [split for split in (task.train_split, *task.dev_splits) if not dataset.splits.get(split)]
        if missing:
            raise ZooError(f"task {task.name!r} has no items in {', '.join(missing)}; it cannot be trained and scored")
        planned.append(
            PlannedTask(
                name=task.name, version=task.version, content_hash=dataset.content_hash, synthetic=task.synthetic
            )
        )
    if corpus is None:
        real = tuple(task.name for task in planned if not task.synthetic)
        folder = str(data_folder) if data_folder else None
        corpus = TasksCorpus(tasks=real, folder=folder) if real else MicroworldCorpus()
    return Plan(
        variants=tuple(variants),
        tasks=tuple(planned),
        seeds=tuple(range(n_seeds)),
        pretraining_seed=0,
        corpus=corpus,
        data_folder=str(data_folder) if data_folder else None,
        threads=threads,
        checkpoints=checkpoints,
    )


def _planned(catalog: Catalog, folder: Path) -> PlannedCheckpoint:
    """Trained weights that can be fine-tuned, with a tokenizer. Raises ZooError where anything is missing."""
    from zoo.checkpoints import inspect, tokenizer_of

    contents = inspect(folder, catalog)
    if tokenizer_of(folder, catalog) is None:
        raise ZooError(f"{folder} holds no tokenizer, so nothing can be fine-tuned on text")
    return PlannedCheckpoint(folder=str(folder.resolve()), content_hash=contents.store.content_hash)


def with_budget(variant: Variant, tokens: int | None, steps: int | None) -> Variant:
    """The same variant with another number of pre-training tokens or fine-tuning steps."""
    pretraining, finetuning = variant.pretraining, variant.finetuning
    if tokens is not None:
        batch_tokens = max(pretraining.sequence_length, min(pretraining.batch_tokens, tokens))
        pretraining = pretraining.model_copy(update={"tokens": tokens, "batch_tokens": batch_tokens})
    if steps is not None:
        finetuning = finetuning.model_copy(update={"steps": steps})
    return variant.model_copy(update={"pretraining": pretraining, "finetuning": finetuning})


def _refuse_unequal(variants: Sequence[Variant], trained: set[str]) -> None:
    first, *others = variants
    names = [variant.name for variant in variants]
    for name in names:
        if names.count(name) > 1:
            raise ZooError(f"variant {name!r} is named twice; name each once")
    for other in others:
        heads = [path for path in diff(first, other) if path.startswith("head.")]
        if heads:
            raise ZooError(
                f"{first.name} and {other.name} differ in {', '.join(heads)}, so their tables would compare heads, "
                f"not encoders; exchange one, as {other.name}+{heads[0]}={diff(other, first)[heads[0]][1]}"
            )
    _refuse_unequal_budgets([variant for variant in variants if variant.name not in trained])


def _refuse_unequal_budgets(variants: Sequence[Variant]) -> None:
    for first, other in pairwise(variants):
        if first.pretraining.tokens != other.pretraining.tokens:
            raise ZooError(
                f"{first.name} asks for {first.pretraining.tokens:,} pre-training tokens and {other.name} for "
                f"{other.pretraining.tokens:,}; give both the same with --tokens N"
            )
    if variants and variants[0].pretraining.tokens > LARGEST_DEFAULT_BUDGET:
        raise ZooError(
            f"{variants[0].name} asks for {variants[0].pretraining.tokens:,} pre-training tokens; "
            "say how many you mean with --tokens N"
        )
