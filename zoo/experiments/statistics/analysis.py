"""The statistics of a run's results."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects, effects
from zoo.experiments.statistics.verdicts import Comparisons, compare_systems


@dataclass(frozen=True)
class Analysis:
    """A run, its comparisons, and the effects of its edges if it is an ablation."""

    run: ComparisonRun
    comparisons: Comparisons
    effects: Effects | None = None


def analyse(run: ComparisonRun) -> Analysis:
    """The statistics of a run, from its saved results alone."""
    ablation = run.plan.ablation
    return Analysis(run, compare_systems(run), effects(run, ablation) if ablation else None)
