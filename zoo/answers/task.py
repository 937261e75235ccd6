"""Everything that systems predicted on one task, matched with its gold labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from zoo.answers.columns import GOLDS, PREDICTION, PREDICTIONS, SCORES, column, maybe_column
from zoo.answers.forms import Row, RowFile
from zoo.answers.guess import Asked, guessed, is_number
from zoo.answers.match import Item, Items, Values, checked, items_of, matched
from zoo.core.errors import UnknownName, ZooError, listed
from zoo.tasks.kinds import ITEM_SCORES, OfKind, task_kind
from zoo.tasks.metrics import metrics_of
from zoo.tasks.task import Dataset, Task

Key: TypeAlias = tuple[str, int]
"""A system and a seed."""

Files: TypeAlias = Mapping[Key, RowFile]

HARNESS_SCORES = ("acc", "exact_match", "f1", "mcc")
"""Metrics of the evaluation harness by which an item is scored, the usual first."""

AS_PAIRS = {"mcc": "matthews", "f1": "f1"}
"""Its metrics whose values are an item's gold label and prediction."""


@dataclass(frozen=True)
class Wanted:
    """What one says of the files; their content tells the rest."""

    column: str | None = None
    gold_column: str | None = None
    id_column: str | None = None
    filter: str | None = None
    split: str | None = None
    kind: str | None = None
    metrics: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True)
class Answered:
    """A task's gold labels, and predictions for them in the same order, as its kind has them.

    `how` says how each file's items were matched; `measures` are the metrics as reports call them.
    """

    asked: OfKind
    metrics: tuple[str, ...]
    gold: list[Any]
    predictions: Mapping[Key, list[Any]]
    how: Mapping[Key, str]
    source: str
    split: str = "dev"
    groups: Mapping[str, list[int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


def answered_installed(task: Task, dataset: Dataset, files: Files, wanted: Wanted) -> Answered:
    """On a task whose data are here. Raises ZooError if the split has no labels, or a file does not fit."""
    split = wanted.split or task.dev_splits[0]
    if split not in dataset.splits:
        raise UnknownName(f"split of task {task.name!r}", split, dataset.splits)
    examples, kind = dataset.splits[split], task_kind(task)
    if any(example.label is None for example in examples):
        raise ZooError(f"split {split!r} of task {task.name!r} has items without a label, so it cannot be scored")
    name = f"{task.name}, {split}"
    gold = Items(name, [Item(f"{name}, item {n}", each.id or None, None) for n, each in enumerate(examples, 1)])
    groups: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        for group in example.groups:
            groups.setdefault(group, []).append(place)
    labels = [kind.to_json(example.label) for example in examples]
    made = _Read(task, gold, labels, wanted, task.words).of(files)
    return made.answered(wanted.metrics or task.metrics, name, split=split, groups=groups)


def answered_files(gold: RowFile, files: Files, wanted: Wanted) -> Answered:
    """On the gold labels of a file. Raises ZooError, with file and line, for whatever does not fit."""
    given = column(gold.name, gold.columns, wanted.gold_column, GOLDS, "--gold-column", (wanted.id_column,))
    items = items_of(gold, given, wanted.id_column)
    return _described(items, files, wanted)


def answered_alone(files: Files, wanted: Wanted) -> Answered:
    """On files that hold gold labels, or the scores of items, beside predictions. Raises ZooError if they do not."""
    files = {key: _filtered(file, wanted.filter) for key, file in files.items()}
    first = next(iter(files.values()))
    score = _score_column(first, wanted)
    if score and isinstance(first.rows[0].values.get(score), list):
        files = {key: _as_pairs(file, score) for key, file in files.items()}
        return answered_alone(files, replace(wanted, metrics=(AS_PAIRS.get(score, score),)))
    if score:
        return _scored(files, score, wanted)
    made = wanted.column or maybe_column(first.name, first.columns, None, PREDICTIONS)
    given = maybe_column(first.name, first.columns, wanted.gold_column, GOLDS, (made,))
    if given is None:
        raise ZooError(
            f"{first.name}: there are no gold labels; give them with --gold FILE, or a task's with --tasks and --data"
        )
    golds = {key: items_of(file, given, wanted.id_column) for key, file in files.items()}
    items = next(iter(golds.values()))
    for other in golds.values():
        for one, two in zip(items.items, matched(items, other)[0], strict=True):
            if one.value != two.value:
                raise ZooError(
                    f"{two.where}: the gold label is {two.value!r:.60}, and {one.value!r:.60} at {one.where}"
                )
    return _described(items, files, replace(wanted, column=made))


def _described(gold: Items, files: Files, wanted: Wanted) -> Answered:
    """On gold labels that no task describes."""
    raw = [item.value for item in gold.items]
    made = [row.values.get(_predictions(file, wanted)) for file in files.values() for row in file.rows]
    asked = guessed(raw, made, kind=wanted.kind, metrics=wanted.metrics, labels=wanted.labels)
    if asked.kind == "regression" and not wanted.kind and not any(map(is_number, map(str, made))):
        raise ZooError(
            f"{gold.name}: the gold labels are numbers, such as {raw[0]!r:.40}, and the predictions are words, such as "
            f"{made[0]!r:.40}; give another --gold-column, or --kind classification"
        )
    if problem := task_kind(asked).problem():
        raise ZooError(f"{gold.name}: a {asked.kind} task {problem}; name the labels with --labels")
    values = Values(task_kind(asked))
    labels = [values.of(item, gold=True) for item in gold.items]
    read = _Read(asked, gold, labels, wanted).of(files)
    return read.answered(wanted.metrics or tuple(metrics_of(asked.kind))[:1], gold.name)


def _scored(files: Files, score: str, wanted: Wanted) -> Answered:
    """On the scores that another tool has given to items."""
    sides = {key: items_of(file, score, wanted.id_column) for key, file in files.items()}
    gold, asked = next(iter(sides.values())), Asked(ITEM_SCORES)
    read = _Read(asked, gold, [1.0] * len(gold), replace(wanted, column=score)).of(files)
    note = f"The scores of items are those of the files ({score})."
    return read.answered(("mean",), "the files themselves", measures=(score,), notes=(note,))


class _Read:
    """Files read as predictions on the items of a task."""

    def __init__(
        self, asked: OfKind, gold: Items, labels: list[Any], wanted: Wanted, words: Sequence[Sequence[str]] = ()
    ) -> None:
        self.asked, self.gold, self.labels, self.wanted, self.words = asked, gold, labels, wanted, words
        self.predictions: dict[Key, list[Any]] = {}
        self.how: dict[Key, str] = {}
        self.notes: list[str] = []

    def of(self, files: Files) -> _Read:
        """All of these. Raises ZooError, with file and line, for whatever does not fit."""
        kind = task_kind(self.asked)
        for key, file in files.items():
            values = Values(kind, self.words)
            its = items_of(file, _predictions(file, self.wanted), self.wanted.id_column)
            items, self.how[key] = matched(self.gold, its)
            made = [values.of(_scaled(item, self.wanted.scale)) for item in items]
            self.predictions[key] = checked(kind, self.labels, made, items)
            if values.by_place:
                places = ", ".join(f"{place} {label}" for place, label in enumerate(self.asked.labels))
                self.notes.append(f"Numbers in the predictions of {key[0]} are read as places of labels: {places}.")
        return self

    def answered(self, metrics: tuple[str, ...], source: str, **more: Any) -> Answered:
        """With these metrics."""
        notes = tuple(dict.fromkeys((*more.pop("notes", ()), *self.notes)))
        measures = more.pop("measures", metrics)
        return Answered(
            self.asked, metrics, self.labels, self.predictions, self.how, source, notes=notes, measures=measures, **more
        )


def _predictions(file: RowFile, wanted: Wanted) -> str:
    """The column of predictions."""
    return column(file.name, file.columns, wanted.column, PREDICTIONS, "--column", (wanted.id_column, "1"))


def _scaled(item: Item, scale: float) -> Item:
    """A score as a share of a perfect one."""
    if scale == 1.0:
        return item
    try:
        return Item(item.where, item.id, float(item.value) / scale)
    except (TypeError, ValueError):
        raise ZooError(f"{item.where}: {item.value!r:.60} is not a number, and --scale is for scores") from None


def _score_column(file: RowFile, wanted: Wanted) -> str | None:
    """The column with scores of items, if these are what is to be compared."""
    if wanted.kind not in (None, ITEM_SCORES) or wanted.column:
        return None
    if wanted.metrics and wanted.metrics[0] in file.columns:
        return wanted.metrics[0]
    if file.form == "lm-eval" and not wanted.metrics:
        named = file.rows[0].values.get("metrics") or []
        found = next((str(name) for name in (*HARNESS_SCORES, *named) if name in file.columns), None)
        if found is None:
            raise ZooError(f"{file.name}: cannot tell the metric; give --metric, one of {listed(file.columns)}")
        return found
    if wanted.metrics or maybe_column(file.name, file.columns, wanted.gold_column, GOLDS[:-1]):
        return None
    return maybe_column(file.name, file.columns, None, SCORES)


def _filtered(file: RowFile, name: str | None) -> RowFile:
    """The rows of one filter of the evaluation harness, which scores an item by each."""
    found = list(dict.fromkeys(str(row.values["filter"]) for row in file.rows if "filter" in row.values))
    if name is None and len(found) < 2:
        return file
    if name not in found:
        raise ZooError(f"{file.name}: give --filter, one of {listed(found) or 'none, as the rows have no filter'}")
    return RowFile(
        file.name, file.form, file.columns, tuple(row for row in file.rows if str(row.values.get("filter")) == name)
    )


def _as_pairs(file: RowFile, score: str) -> RowFile:
    """Rows of an id, a gold label and a prediction, for a metric that the harness keeps as these two."""
    rows = []
    for row in file.rows:
        pair = row.values.get(score)
        if not isinstance(pair, list) or len(pair) != 2:
            raise ZooError(f"{row.where}: {score} should be a gold label and a prediction, and is {pair!r:.60}")
        rows.append(Row(row.where, {"id": row.values.get("doc_id"), "gold": pair[0], PREDICTION: pair[1]}))
    return RowFile(file.name, "pairs", ("id", "gold", PREDICTION), tuple(rows))
