"""A section on when each difference was decided, where seeds are added until it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

from zoo.document import MISSING, Notes, Section, Table
from zoo.experiments.report.more_seeds import duration, seconds_by_cell
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.seeding import decides
from zoo.experiments.statistics.tests import OUT_OF_REACH, SAME, TOO_FEW, Difference
from zoo.experiments.statistics.verdicts import Comparisons


def seeding_section(run: ComparisonRun, comparisons: Comparisons) -> Section | None:
    """When each difference was decided, at what cost, and what all seeds would have cost; None if they are fixed."""
    asked = [d for d in comparisons.differences if d.looks and decides(run.plan, d)]
    if not asked:
        return None
    notes = Notes((*_protocol(run), *_counts(asked), *_cost(run)))
    return Section("seeding", "When differences were decided", (decision_table(asked), notes), brief=True)


def decision_table(differences: Sequence[Difference]) -> Table:
    """A row per difference: its verdict, how many seeds that took, and its p-value at each look."""
    columns = ("task and pair", "verdict", "seeds", "p by number of seeds", "chance with all seeds")
    rows = tuple(
        (
            f"{d.task}: {d.first} - {d.second}",
            f"{d.winner_first[0]} {d.verdict}" if d.verdict == "better" else d.verdict,
            f"{d.n_seeds}",
            ", ".join(f"{look.n_seeds}: {_p(look.adjusted_p)}" for look in d.looks),
            MISSING if d.chance is None else f"{d.chance:.0%}",
        )
        for d in differences
    )
    return Table(columns, rows, words=frozenset({"verdict", "p by number of seeds"}))


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _protocol(run: ComparisonRun) -> Iterator[str]:
    looks = ", ".join(map(str, run.plan.claims.looks))
    yield (
        f"Seeds were added until a difference was decided, with looks at {looks} seeds; p-values and intervals are "
        "corrected for looking repeatedly. A difference is frozen when it is decided."
    )
    yield (
        f"{OUT_OF_REACH.capitalize()}: the remaining seeds would decide it with a probability below 10% if "
        "the true difference were the observed one."
    )


def _counts(asked: Sequence[Difference]) -> Iterator[str]:
    decided = [d for d in asked if d.verdict not in (OUT_OF_REACH, TOO_FEW)]
    at = Counter(d.n_seeds for d in decided if d.verdict != SAME)
    when = "; ".join(f"{number} with {seeds} seeds" for seeds, number in sorted(at.items()))
    yield f"Decided: {len(decided)} of {len(asked)} differences" + (f" ({when})." if when else ".")
    if waiting := sum(d.verdict == TOO_FEW for d in asked):
        yield f"Not decided yet: {waiting}; zoo compare --resume goes on."


def _cost(run: ComparisonRun) -> Iterator[str]:
    """What the trainings have cost, and what the rest would, by the mean of the same variant and task."""
    jobs = [job for job in run.plan.jobs if job.task is not None and job.system in run.plan.finetuned]
    seconds = seconds_by_cell(run)
    means = {cell: fmean(values) for cell, values in seconds.items()}
    if any((job.system, job.task) not in means for job in jobs):
        return
    done, whole = sum(map(sum, seconds.values())), sum(means[job.system, job.task] for job in jobs)
    n_done = sum(map(len, seconds.values()))
    yield (
        f"{n_done} of {len(jobs)} fine-tunings were made, in {duration(done)} of computing; all of them would have "
        f"taken about {duration(whole)}."
    )
