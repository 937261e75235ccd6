"""Looking at a task's data before anything is trained on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from zoo.api.rendered import render
from zoo.core.errors import ZooError, listed
from zoo.core.interfaces import Tokenizer
from zoo.core.options import read_names
from zoo.core.specs import Variant
from zoo.document import Document, Notes, Section, Table
from zoo.document.html import fragment
from zoo.document.text import text
from zoo.experiments.plan.corpus import TasksCorpus
from zoo.registry.catalog import Catalog
from zoo.tasks.fetching import Fetched, fetch_suite
from zoo.tasks.inspection import Lengths, SplitFacts, facts_of, measured
from zoo.tasks.kinds import task_kind
from zoo.tasks.record import RecordTask
from zoo.tasks.scoring import check_task as check_record
from zoo.tasks.task import Dataset, Example, Task

SHOWN_ITEMS = 3
"""Items that are shown."""

SHOWN_LABELS = 30
"""Labels that are counted one by one, the most frequent ones."""

LONGEST_TEXT = 120
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class TaskCheck:
    """What was read of a task, by split; `lengths` in tokens, if a variant was given, and the maximum of that."""

    task: Task
    dataset: Dataset
    variant: Variant | None
    lengths: Mapping[str, Lengths]

    @cached_property
    def facts(self) -> dict[str, SplitFacts]:
        """The numbers of items, labels and duplicates of each split."""
        return facts_of(self.task, self.dataset)

    @cached_property
    def document(self) -> Document:
        """All of it as sections."""
        sections = (self._items, self._labels, self._lengths, self._examples, self._notes)
        return Document(f"Task {self.task.name}", tuple(section for section in sections if section.blocks))

    def render(self, format: str = "terminal") -> str:
        """All of it in a format: terminal, markdown, csv, json, html, latex, or one that a plugin brings."""
        return render(self.document, format)

    def __repr__(self) -> str:
        return text(self.document, 100)

    def _repr_html_(self) -> str:
        return fragment(self.document.sections)

    @property
    def _items(self) -> Section:
        columns = ("split", "items", "without label", "empty text", "repeated", "also in train")
        rows = [
            (split, *_counts(its.n_items, its.unlabelled, its.empty, its.repeated, its.known))
            for split, its in self.facts.items()
        ]
        return Section("items", f"Items of {self.task.name} ({self.task.kind})", (Table(columns, tuple(rows)),))

    @property
    def _labels(self) -> Section:
        names = self.task.labels or sorted({name for its in self.facts.values() for name in its.labels})
        if not names or all(isinstance(name, float) for name in names):
            return Section("labels", "Labels", tuple(self._ranges()))
        counts = {name: [its.labels.get(name, 0) for its in self.facts.values()] for name in names}
        chosen = sorted(names, key=lambda name: -sum(counts[name]))[:SHOWN_LABELS]
        rows = [(str(name), *_counts(*counts[name])) for name in names if name in chosen]
        more = (Notes((f"and {len(names) - len(chosen):,} rarer labels",)),) if len(names) > len(chosen) else ()
        return Section("labels", "Labels", (Table(("label", *self.facts), tuple(rows)), *more))

    def _ranges(self) -> Iterator[Table]:
        """The range of labels that are numbers."""
        numbers = {split: [*map(float, its.labels)] for split, its in self.facts.items() if its.labels}
        rows = [
            (split, f"{min(its):g}", f"{fmean(self._scores(split)):.3g}", f"{max(its):g}")
            for split, its in numbers.items()
        ]
        if rows:
            yield Table(("split", "lowest", "mean", "highest"), tuple(rows))

    def _scores(self, split: str) -> list[float]:
        return [item.label for item in self.dataset.splits[split] if item.label is not None]

    @property
    def _lengths(self) -> Section:
        if self.variant is None:
            return Section("lengths", "Lengths", ())
        most, limit = self.variant.finetuning.max_length, self.variant.dims.max_length
        rows = [
            (split, *_counts(its.n_measured, its.median, its.percentile_95, its.most, its.too_long))
            for split, its in self.lengths.items()
        ]
        columns = ("split", "items measured", "median", "95th percentile", "longest", f"over {most}")
        how = "tokens, and longer texts in windows" if self._has_windows else "tokens of an item"
        note = f"{self.variant.name} reads {most} {how} (finetuning.max_length; the model allows {limit})."
        return Section("lengths", "Lengths in tokens", (Table(columns, tuple(rows)), Notes((note,))))

    @property
    def _examples(self) -> Section:
        splits = self.dataset.splits
        items = splits.get(self.task.train_split, next(iter(splits.values())))[:SHOWN_ITEMS]
        rows = tuple((str(number), *self._shown(item)) for number, item in enumerate(items, 1))
        return Section(
            "examples", "The first items", (Table(("item", "texts", "label"), rows, words={"texts", "label"}),)
        )

    def _shown(self, item: Example) -> tuple[str, str]:
        kind = task_kind(self.task)
        texts = " | ".join(each if len(each) <= LONGEST_TEXT else f"{each[:LONGEST_TEXT]}..." for each in item.texts)
        return " ".join(texts.split()), "-" if item.label is None else kind.shown(kind.to_json(item.label))

    @property
    def _notes(self) -> Section:
        return Section(
            "notes", "To look at", (Notes(found),) if (found := (*self.dataset.notes, *self._doubts())) else ()
        )

    def _doubts(self) -> Iterator[str]:
        """What may spoil a comparison."""
        train = self.facts.get(self.task.train_split)
        for split, its in self.facts.items():
            if its.known:
                yield f"{split}: {its.known:,} of {its.n_items:,} items are in {self.task.train_split} as well"
            if its.contradicting:
                yield f"{split}: {its.contradicting:,} items have the texts of an earlier item and another label"
            unseen = [str(name) for name in its.labels if train and self.task.labels and name not in train.labels]
            if unseen:
                yield f"{split}: {listed(unseen)} is a label of no item of {self.task.train_split}"
            if (lengths := self.lengths.get(split)) and lengths.too_long:
                long = "do not fit into one window" if self._has_windows else "are longer than is read"
                yield f"{split}: {lengths.too_long:,} of {lengths.n_measured:,} items {long}"

    @property
    def _has_windows(self) -> bool:
        """Whether a long text is read in several, so that nothing of it is cut off."""
        return "stride" in task_kind(self.task).reads


def check_task(
    task: str | Path | RecordTask,
    *,
    data: str | Path | None = None,
    variant: str | None = None,
    catalog: Catalog | None = None,
) -> TaskCheck:
    """Read a task's data, and count its items, labels, duplicates and the overlap of its splits; as `zoo task check`.

    `task` is a name or the file that describes one of your own. With a `variant` or a model's folder, lengths are
    measured with its tokenizer, which a variant learns from the training text. Raises ZooError with file and line if
    anything is missing or malformed.
    """
    catalog = catalog or Catalog.installed()
    found = catalog.task(str(task)) if isinstance(task, str | Path) else task
    check_record(found)
    folder = Path(data) if data else None
    dataset = found.load(folder)
    if variant is None:
        return TaskCheck(found, dataset, None, {})
    chosen = catalog.variant(variant)
    tokenizer = _tokenizer(catalog.with_tasks(_own(found)), variant, found, dataset, folder)
    length = chosen.finetuning.max_length
    return TaskCheck(
        found,
        dataset,
        chosen,
        {split: measured(found, its, tokenizer, length) for split, its in dataset.splits.items()},
    )


def fetch_data(suite: str, out: str | Path, *, only: str | Sequence[str] = (), revision: str = "main") -> Fetched:
    """Fetch the data of a suite of tasks from the hub into a folder that `data` takes; as `zoo data`.

    `only` names some of its data sets. Files that are there and whole are kept. Raises UnknownName for another suite or
    data set, and RunFailed if the hub cannot be reached or a file is not what it should be.
    """
    names = read_names(only)
    assert isinstance(names, tuple)
    return fetch_suite(suite, Path(out), names, revision)


def _own(task: Task) -> list[Task]:
    return [task] if isinstance(task, RecordTask) else []


def _tokenizer(catalog: Catalog, variant: str, task: Task, dataset: Dataset, folder: Path | None) -> Tokenizer:
    from zoo.checkpoints import tokenizer_of
    from zoo.pretraining.setup import train_tokenizer
    from zoo.weights.folder import CheckpointFolder

    place = catalog.folder(variant)
    if place is not None and (found := tokenizer_of(CheckpointFolder(place), catalog)) is not None:
        return found
    if not dataset.splits.get(task.train_split):
        raise ZooError(f"task {task.name!r} has no training text to learn a tokenizer from; name a model's folder")
    text = TasksCorpus(tasks=(task.name,), folder=str(folder) if folder else None)
    return train_tokenizer(catalog, catalog.variant(variant), text.documents(catalog))


def _counts(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in numbers)
