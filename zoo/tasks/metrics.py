"""GLUE's metrics, as scikit-learn and scipy compute them, and how GLUE makes one number of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import nan
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from zoo.core.errors import RunFailed, UnknownName

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.tasks.task import Task

    Side: TypeAlias = NDArray[Any]
    Function: TypeAlias = Callable[[Side, Side], float]


@dataclass(frozen=True)
class Metric:
    """What a metric scores, class ids or numbers, and its value for targets and predictions."""

    kind: Literal["classification", "regression"]
    value: Function


def _accuracy(targets: Side, predictions: Side) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(targets, predictions))


def _f1(targets: Side, predictions: Side) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(targets, predictions, zero_division=0.0))


def _matthews(targets: Side, predictions: Side) -> float:
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(targets, predictions))


def _pearson(targets: Side, predictions: Side) -> float:
    from scipy.stats import pearsonr

    return float(pearsonr(targets, predictions).statistic)


def _spearman(targets: Side, predictions: Side) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(targets, predictions).statistic)


def _zero_if_constant(correlation: Function) -> Function:
    """The correlation, or 0 where a side is constant up to rounding and it is undefined; scipy would warn there."""

    def value(targets: Side, predictions: Side) -> float:
        for side in (targets, predictions):
            if side.max() - side.min() <= 1e-12 * abs(side).max():
                return 0.0
        return correlation(targets, predictions)

    return value


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("classification", _accuracy),
    "f1": Metric("classification", _f1),
    "matthews": Metric("classification", _zero_if_constant(_matthews)),
    "r3": Metric("classification", _zero_if_constant(_matthews)),
    "pearson": Metric("regression", _zero_if_constant(_pearson)),
    "spearman": Metric("regression", _zero_if_constant(_spearman)),
}
"""By name. f1 is of class 1; r3 is the Matthews correlation of three classes (Gorodkin 2004), as GLUE scores AX.

Undefined values are 0, as the field reports them: a correlation with a constant, F1 without a true positive.
"""


def score(task: Task, targets: Iterable[float | None], predictions: Iterable[float | None]) -> dict[str, float]:
    """Each of the task's metrics, for class ids or scores in the same order.

    Raises RunFailed where a target or a prediction is none, such as the NaN of a model that diverged.
    """
    import numpy as np

    sides = []
    for what, values in (("targets", targets), ("predictions", predictions)):
        side = np.asarray([nan if value is None else value for value in values], dtype=np.float64)
        good = np.isin(side, range(len(task.labels))) if task.labels else np.isfinite(side)
        if not good.all():
            expected = f"class ids below {len(task.labels)}" if task.labels else "finite numbers"
            hint = "the split has no labels" if what == "targets" else "try a lower learning rate"
            raise RunFailed(f"{task.name}: {(~good).sum()} of {side.size} {what} are not {expected}; {hint}")
        sides.append(side.astype(np.int64) if task.labels else side)
    if len(sides[0]) != len(sides[1]) or not len(sides[0]):
        raise RunFailed(f"{task.name}: cannot score {len(sides[1])} predictions against {len(sides[0])} targets")
    unknown = [name for name in task.metrics if name not in METRICS]
    if unknown:
        raise UnknownName("metric", unknown[0], METRICS, f"task {task.name!r}")
    return {name: METRICS[name].value(sides[0], sides[1]) for name in task.metrics}


def main_score(task: Task, scores_by_dev_split: Mapping[str, Mapping[str, float]]) -> float:
    """The one number of a task (GLUE, section 3.4): the mean of its metrics, and of its development splits."""
    return fmean(scores_by_dev_split[split][metric] for split in task.dev_splits for metric in task.metrics)
