"""Verdicts in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean

from zoo.experiments.plan.spec import BASELINES
from zoo.experiments.statistics.tests import SAME, Difference, Spread
from zoo.experiments.statistics.verdicts import Verdicts
from zoo.tables import MISSING, Table


@dataclass(frozen=True)
class Average:
    """A system's mean over all tasks, with and without its degenerate runs; None where a task has no such run."""

    mean: float | None
    without_degenerate: float | None
    degenerate: int
    runs: int


def averages(found: Verdicts, systems: Iterable[str]) -> dict[str, Average]:
    """By system; each task counts once, however many seeds were finished on it."""
    return {system: _average([by_system.get(system) for by_system in found.spreads.values()]) for system in systems}


def _average(spreads: list[Spread | None]) -> Average:
    finished = [spread for spread in spreads if spread]
    sound = [s.mean_without_degenerate for s in finished if s.mean_without_degenerate is not None]
    return Average(
        mean=fmean(s.mean for s in finished) if finished and len(finished) == len(spreads) else None,
        without_degenerate=fmean(sound) if sound and len(sound) == len(spreads) else None,
        degenerate=sum(s.degenerate for s in finished),
        runs=sum(s.n for s in finished),
    )


def tier_of(found: Verdicts, task: str, system: str) -> int | None:
    """The number of a system's tier on a task, from 1; None where it is in none."""
    groups = found.tiers.get(task, ())
    return next((rank for rank, group in enumerate(groups, 1) if system in group), None)


def tier_table(found: Verdicts) -> Table:
    """A task a row: who shares which tier, and how large a difference would have been seen."""
    rows = []
    for task, groups in found.tiers.items():
        tiers = "; ".join(f"{rank}. {', '.join(group)}" for rank, group in enumerate(groups, 1))
        rows.append((task, (tiers or MISSING, _range([d.detectable for d in between_variants(found, task)]))))
    return Table("task", ("tiers", "smallest difference that would show"), tuple(rows))


def difference_table(found: Verdicts) -> Table:
    """Every difference between two variants, with what it shows."""
    columns = (
        "difference",
        "95% over seeds",
        "95% over seeds and items",
        "p",
        "smallest that would show",
        "seeds needed",
        "verdict",
    )
    rows = tuple(
        (
            f"{d.task}: {d.first} - {d.second}",
            (
                f"{100 * d.difference:+.1f}",
                *intervals_and_p(d),
                MISSING if d.detectable is None else f"{100 * d.detectable:.1f}",
                f"{d.seeds_needed}" if d.seeds_needed else MISSING,
                d.verdict,
            ),
        )
        for d in between_variants(found)
    )
    return Table("task and pair", columns, rows)


def finding_notes(found: Verdicts) -> list[str]:
    """What the tables of scores and tiers must not be read without."""
    notes = []
    pairs = between_variants(found)
    if pairs:
        counts = Counter(d.verdict for d in pairs)
        notes.append(
            f"Of {len(pairs)} differences between variants: better {counts['better']}, not shown "
            f"{counts['not shown']}, too few seeds to tell {counts['too few seeds to tell']} (a t-test over seeds and "
            "items and the Multi-Bootstrap, both at 5%; Holm over tasks, not over pairs)"
            f"{f'; {SAME} {counts[SAME]}' if counts[SAME] else ''}."
        )
        notes.append("In a tier is whoever its best is not shown to be better than.")
    notes += [f"Not shown to be better than {name}: {'; '.join(where)}." for name, where in _at_the_floor(found)]
    for task, by_system in found.spreads.items():
        stuck = [_stuck(name, s) for name, s in by_system.items() if s.degenerate and name not in BASELINES]
        notes += [f"One answer for every item of {task}: {', '.join(stuck)}."] if stuck else []
    notes += [f"No verdict on {task}: its gold labels were not stored." for task in found.undecided]
    return notes


def between_variants(found: Verdicts, task: str | None = None) -> list[Difference]:
    """The differences without a baseline, on one task or all."""
    return [d for d in found.differences if d.second not in BASELINES and task in (None, d.task)]


def intervals_and_p(d: Difference) -> tuple[str, str, str]:
    """Over seeds, over seeds and items, and the p-value; nothing of these where both are the same model."""
    if d.verdict == SAME:
        return MISSING, MISSING, MISSING
    return interval(d.low, d.high), interval(d.bootstrap_low, d.bootstrap_high), f"{d.adjusted_p:.3f}"


def interval(low: float | None, high: float | None) -> str:
    """In hundredths."""
    return MISSING if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"


def _range(values: list[float | None]) -> str:
    known = sorted({f"{100 * value:.1f}" for value in values if value is not None}, key=float)
    return " to ".join(dict.fromkeys((known[0], known[-1]))) if known else MISSING


def _stuck(name: str, found: Spread) -> str:
    rest = found.mean_without_degenerate
    without = "" if rest is None else f" (mean without them {100 * rest:.1f})"
    return f"{name} in {found.degenerate} of {found.n} runs{without}"


def _at_the_floor(found: Verdicts) -> Iterator[tuple[str, list[str]]]:
    """By baseline, the variants that are not shown to be better than it, and on which tasks."""
    for name in BASELINES:
        where: dict[str, list[str]] = {}
        for d in found.differences:
            if d.second == name and not (d.verdict == "better" and d.difference > 0):
                where.setdefault(d.first, []).append(d.task)
        if where:
            yield name, [f"{variant} on {_tasks(found, tasks)}" for variant, tasks in where.items()]


def _tasks(found: Verdicts, tasks: list[str]) -> str:
    everywhere = len(tasks) > 1 and len(tasks) == len(found.tiers)
    return "any task" if everywhere else " and ".join([*filter(None, [", ".join(tasks[:-1])]), tasks[-1]])
