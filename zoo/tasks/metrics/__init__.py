"""The metrics of each task kind, and those that plugins bring. Imports no numpy before a metric is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.core.lazy import imported

if TYPE_CHECKING:
    from zoo.tasks.metrics.metric import Metric

_BUILT_IN = (
    "zoo.tasks.metrics.classification:METRICS",
    "zoo.tasks.metrics.regression:METRICS",
    "zoo.tasks.metrics.multi_label:METRICS",
    "zoo.tasks.metrics.tagging:METRICS",
    "zoo.tasks.metrics.answers:METRICS",
    "zoo.tasks.metrics.question_answering:METRICS",
    "zoo.tasks.metrics.item_scores:METRICS",
)

_OFFERED: dict[str, Metric | str] = {}
"""Those of plugins: a run's results name metrics, and are judged where there is no catalog."""

log = logging.getLogger("zoo")


def add_metrics(metrics: Mapping[str, Any]) -> None:
    """Make the metrics of plugins known in this process, as a catalog does when it is made."""
    _OFFERED.update(metrics)


def built_in() -> tuple[Metric, ...]:
    """The zoo's own."""
    return tuple(metric for path in _BUILT_IN for metric in imported(path))


def metrics_of(kind: str) -> dict[str, Metric]:
    """The metrics of a task kind, by name; one of a plugin that fails to import is left out and logged."""
    return {metric.name: metric for metric in (*built_in(), *_offered()) if metric.kind == kind}


def _offered() -> Iterator[Metric]:
    from zoo.tasks.metrics.metric import Metric

    for name, path in _OFFERED.items():
        try:
            metric = imported(path)
            if not isinstance(metric, Metric) or metric.name != name:
                raise TypeError(f"it is {metric!r:.80}, not a Metric of this name")
        except Exception as error:
            _warn(f"the metric {name!r} of a plugin cannot be used: {type(error).__name__}: {error}")
        else:
            yield metric


@cache
def _warn(message: str) -> None:
    """Once per process, however often metrics are looked up."""
    log.warning(message)
