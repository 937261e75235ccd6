"""Averages over the tasks of a suite, as papers print them."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Annotated, TypeAlias

from pydantic import Field

from zoo.core.specs import Name, Record

ByMetric: TypeAlias = Mapping[str, Mapping[str, float]]
"""Values by development split and metric."""


class Term(Record):
    """One number of an average: the mean over a task's metrics and development splits, or over those named."""

    task: str
    splits: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    def value(self, scores: ByMetric) -> float:
        """Its value, of a task's scores; those that it names must be there."""
        splits = self.splits or tuple(scores)
        return fmean(scores[split][metric] for split in splits for metric in self.metrics or tuple(scores[split]))


class Average(Record):
    """The mean of its terms, each counting once; `source` is the paper, and `note` what to know about it."""

    name: Name
    source: str
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    note: str = ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it is over."""
        return tuple(dict.fromkeys(term.task for term in self.terms))

    def value(self, scores: Mapping[str, ByMetric]) -> float | None:
        """The mean over the terms whose task has scores; None if there are none."""
        found = [term.value(scores[term.task]) for term in self.terms if term.task in scores]
        return fmean(found) if found else None
