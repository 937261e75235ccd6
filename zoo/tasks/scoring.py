"""The scores of predictions by a task's metrics, and how one number is made of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol

from zoo.core.errors import RunFailed, UnknownName, ZooError
from zoo.tasks.kinds import OfKind, task_kind
from zoo.tasks.metrics import metrics_of
from zoo.tasks.task import Dataset, Example, Task, labels_of

if TYPE_CHECKING:
    from zoo.tasks.metrics.metric import Metric


class Scored(OfKind, Protocol):
    """What is scored: a task, or a planned one."""

    @property
    def name(self) -> str: ...
    @property
    def metrics(self) -> tuple[str, ...]: ...


def chosen_metrics(task: Scored) -> dict[str, Metric]:
    """A task's metrics by name. Raises ZooError if one is unknown, of another kind, or not for its labels."""
    known = metrics_of(task.kind)
    for name in task.metrics:
        if name not in known:
            raise UnknownName(f"metric of {task.kind}", name[:60], known, f"task {task.name!r}")
        if problem := known[name].problem(task.labels):
            raise ZooError(f"task {task.name!r}: the metric {name} {problem}")
    if not any(known[name].in_main_score for name in task.metrics):
        raise ZooError(f"task {task.name!r}: {' and '.join(task.metrics)} cannot be all that it is scored by")
    return {name: known[name] for name in task.metrics}


def main_metrics(task: Scored) -> dict[str, Metric]:
    """Those of which a task's main score is the mean. Raises ZooError as `chosen_metrics` does."""
    return {name: metric for name, metric in chosen_metrics(task).items() if metric.in_main_score}


def check_task(task: Scored) -> None:
    """See that a task's kind, labels and metrics go together. Raises ZooError if they don't."""
    if problem := task_kind(task).problem():
        raise ZooError(f"task {task.name!r}: a {task.kind} task {problem}")
    chosen_metrics(task)


def gold_labels(task: Task, dataset: Dataset) -> dict[str, list[Any]]:
    """The labels of a task's development splits, all of which have one, as JSON has them."""
    kind = task_kind(task)
    return {split: [kind.to_json(label) for label in labels_of(dataset.splits[split])] for split in task.dev_splits}


def groups(task: Task, dataset: Dataset) -> dict[str, dict[str, list[int]]]:
    """The sets of items of the development splits that have any: by split and name, the items' places."""
    found: dict[str, dict[str, list[int]]] = {}
    for split in task.dev_splits:
        for place, item in enumerate(dataset.splits[split]):
            for name in item.groups:
                found.setdefault(split, {}).setdefault(name, []).append(place)
    return found


def refuse_unfit(task: Task, split: str, items: Sequence[Example]) -> None:
    """See that every item's label is one of the task's kind. Raises ZooError with the first that isn't."""
    kind = task_kind(task)
    for index, item in enumerate(items):
        if not kind.fits_item(item):
            place = f"the label of item {index + 1} of {split}"
            raise ZooError(f"task {task.name!r}: {place} is {item.label!s:.60}, not {kind.wanted}")


def score(task: Scored, gold: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
    """Each of the task's metrics, for gold labels and predictions in the same order.

    Raises RunFailed if a label or a prediction is none, such as the NaN of a model that diverged.
    """
    kind = task_kind(task)
    for what, values in (("gold labels", gold), ("predictions", predictions)):
        if n := sum(not kind.fits(value) for value in values):
            hint = "the split has no labels" if what == "gold labels" else "try a lower learning rate"
            raise RunFailed(f"{task.name}: {n} of {len(values)} {what} are not {kind.wanted}; {hint}")
    if len(gold) != len(predictions) or not len(gold):
        raise RunFailed(f"{task.name}: cannot score {len(predictions)} predictions against {len(gold)} gold labels")
    sides = kind.side(gold), kind.side(predictions)
    return {name: metric.value(*sides) for name, metric in chosen_metrics(task).items()}


def main_score(task: Scored, scores_by_split: Mapping[str, Mapping[str, float]]) -> float:
    """The one number of a task (GLUE, section 3.4): the mean over its main metrics and development splits.

    Metrics of which lower is better count with the opposite sign, so that higher is better always.
    """
    metrics = main_metrics(task).values()
    return fmean(metric.sign * scores[metric.name] for scores in scores_by_split.values() for metric in metrics)


def main_limits(task: Scored) -> tuple[float, float]:
    """Between which the main score lies."""
    ranges = [sorted(metric.sign * end for end in metric.range) for metric in main_metrics(task).values()]
    return fmean(low for low, _ in ranges), fmean(high for _, high in ranges)
