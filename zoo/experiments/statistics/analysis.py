"""The statistics of a run's results."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects, effects
from zoo.experiments.statistics.learning import Learning, learning
from zoo.experiments.statistics.verdicts import Comparisons, compare_systems


@dataclass(frozen=True)
class Analysis:
    """A run, its comparisons, the effects of its edges if it is an ablation, and how scores grow if that is asked."""

    run: ComparisonRun
    comparisons: Comparisons
    effects: Effects | None = None
    learning: Learning | None = None


def analyse(run: ComparisonRun) -> Analysis:
    """The statistics of a run, from its saved results alone."""
    ablation, comparisons = run.plan.ablation, compare_systems(run)
    grown = learning(run, comparisons.standings) if run.plan.evaluate_at else None
    return Analysis(run, comparisons, effects(run, ablation) if ablation else None, grown)
