"""The metrics of each task kind, and those that plugins bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.core.lazy import imported
from zoo.tasks.metrics import classification, multi_label, regression, tagging
from zoo.tasks.metrics.metric import Metric, of_counts

__all__ = ["BUILT_IN", "Metric", "add_metrics", "metrics_of", "of_counts"]

BUILT_IN: tuple[Metric, ...] = (
    *classification.METRICS,
    *regression.METRICS,
    *multi_label.METRICS,
    *tagging.METRICS,
)

_OFFERED: dict[str, Metric | str] = {}


def add_metrics(metrics: Mapping[str, Any]) -> None:
    """Make a plugin's metrics known. A metric's name begins with its plugin's, so that it means one thing."""
    _OFFERED.update(metrics)


def metrics_of(kind: str) -> dict[str, Metric]:
    """The metrics of a task kind, by name."""
    offered: list[Metric] = [imported(metric) for metric in _OFFERED.values()]
    return {metric.name: metric for metric in (*BUILT_IN, *offered) if metric.kind == kind}
