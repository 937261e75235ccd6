"""Sections on significance: tiers, and every difference between two variants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from zoo.document import MISSING, Figure, Notes, Section, Table
from zoo.experiments.report.plots import differences_figure
from zoo.experiments.statistics.tests import SAME, TOO_FEW, Difference, Spread
from zoo.experiments.statistics.verdicts import Comparisons

MDE = "minimum detectable difference"


def tiers_section(comparisons: Comparisons) -> Section | None:
    """Which variants share a tier; None if there is nothing to compare."""
    if not comparisons.between_variants():
        return None
    note = "A tier contains its best system and every system not significantly worse than it."
    return Section("tiers", "Tiers", (tier_table(comparisons), Notes((note,))), brief=True)


def differences_section(comparisons: Comparisons, *, drawn: bool) -> Section | None:
    """Every difference between two variants, as a chart too; None if there is nothing to compare."""
    if not comparisons.between_variants():
        return None
    title = "Differences with 95% intervals: thick over seeds, thin over seeds and items"
    figures = (Figure(title, lambda: differences_figure(comparisons)),) if drawn else ()
    return Section("differences", "Differences between variants", (*figures, difference_table(comparisons)))


def tier_of(comparisons: Comparisons, task: str, system: str) -> int | None:
    """The number of a system's tier on a task, from 1; None if it is in none."""
    groups = comparisons.tiers.get(task, ())
    return next((rank for rank, group in enumerate(groups, 1) if system in group), None)


def tier_table(comparisons: Comparisons) -> Table:
    """A row per task: its tiers, and how large a difference would have been detected."""
    rows = []
    for task, groups in comparisons.tiers.items():
        tiers = "; ".join(f"{rank}. {', '.join(group)}" for rank, group in enumerate(groups, 1))
        detectable = [d.minimum_detectable_difference for d in comparisons.between_variants(task)]
        rows.append((task, tiers or MISSING, _range(detectable)))
    return Table(("task", "tiers", MDE), tuple(rows), words=frozenset({"tiers"}))


def difference_table(comparisons: Comparisons) -> Table:
    """A row per task and pair of variants."""
    columns = (
        "task and pair",
        "difference",
        "95% over seeds",
        "95% over seeds and items",
        "p",
        MDE,
        "seeds needed",
        "verdict",
    )
    rows = tuple(
        (
            f"{d.task}: {d.first} - {d.second}",
            f"{100 * d.difference:+.1f}",
            *intervals_and_p(d),
            detectable(d),
            f"{d.seeds_needed}" if d.seeds_needed else MISSING,
            d.verdict,
        )
        for d in comparisons.between_variants()
    )
    return Table(columns, rows, words=frozenset({"verdict"}))


def comparison_notes(comparisons: Comparisons) -> list[str]:
    """Notes on how to read the tables of scores and tiers."""
    notes = []
    pairs = comparisons.between_variants()
    if pairs:
        counts = Counter(d.verdict for d in pairs)
        notes.append(
            f"Of {len(pairs)} differences between variants: better {counts['better']}, not significant "
            f"{counts['not significant']}, {TOO_FEW} {counts[TOO_FEW]} (a t-test over seeds and items and the "
            "Multi-Bootstrap, both at 5%; Holm over tasks, not over pairs)"
            f"{f'; {SAME} {counts[SAME]}' if counts[SAME] else ''}."
        )
    notes += [
        f"Not significantly better than {name}: {'; '.join(where)}." for name, where in _at_the_floor(comparisons)
    ]
    for task, by_system in comparisons.spreads.items():
        of_variants = {name: s for name, s in by_system.items() if name not in comparisons.baselines}
        constant = [_constant(name, s) for name, s in of_variants.items() if s.n_constant]
        notes += [f"Constant predictions on {task}: {', '.join(constant)}."] if constant else []
    notes += [f"No verdict on {task}: its gold labels were not stored." for task in comparisons.undecided]
    return notes


def intervals_and_p(d: Difference) -> tuple[str, str, str]:
    """Over seeds, over seeds and items, and the p-value; empty if both are the same model."""
    if d.verdict == SAME:
        return MISSING, MISSING, MISSING
    return interval(d.low, d.high), interval(d.bootstrap_low, d.bootstrap_high), f"{d.adjusted_p:.3f}"


def interval(low: float | None, high: float | None) -> str:
    """Both ends, x 100."""
    return MISSING if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"


def detectable(d: Difference) -> str:
    """The minimum detectable difference, x 100."""
    found = d.minimum_detectable_difference
    return MISSING if found is None else f"{100 * found:.1f}"


def _range(values: list[float | None]) -> str:
    known = sorted({f"{100 * value:.1f}" for value in values if value is not None}, key=float)
    return " to ".join(dict.fromkeys((known[0], known[-1]))) if known else MISSING


def _constant(name: str, spread: Spread) -> str:
    rest = spread.mean_without_constant
    without = "" if rest is None else f" (mean without them {100 * rest:.1f})"
    return f"{name} in {spread.n_constant} of {spread.n} runs{without}"


def _at_the_floor(comparisons: Comparisons) -> Iterator[tuple[str, list[str]]]:
    """By baseline, the variants that are not significantly better than it, and on which tasks."""
    for name in comparisons.baselines:
        where: dict[str, list[str]] = {}
        for d in comparisons.differences:
            if d.second == name and not (d.verdict == "better" and d.difference > 0):
                where.setdefault(d.first, []).append(d.task)
        if where:
            yield name, [f"{variant} on {_tasks(comparisons, tasks)}" for variant, tasks in where.items()]


def _tasks(comparisons: Comparisons, tasks: list[str]) -> str:
    everywhere = len(tasks) > 1 and len(tasks) == len(comparisons.tiers)
    return "any task" if everywhere else " and ".join([*filter(None, [", ".join(tasks[:-1])]), tasks[-1]])
