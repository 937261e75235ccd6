"""Sections on significance: tiers, and every difference between two variants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from zoo.document import MISSING, Figure, Notes, Section, Table
from zoo.experiments.report import chance
from zoo.experiments.report.plots import differences_chart
from zoo.experiments.statistics.tests import EQUIVALENT, OUT_OF_REACH, SAME, TOO_FEW, Difference, Spread
from zoo.experiments.statistics.verdicts import Comparisons

MDE = "minimum detectable difference"
POWERED = "seeds for 80% power"
INTERVAL = "intervals, 95% and wider where several tests are corrected for"
COUNTED = ("better", EQUIVALENT, "not significant", TOO_FEW, OUT_OF_REACH, SAME)
ALWAYS = ("better", "not significant", TOO_FEW)
MOST_SHOWN = 6
"""Differences or variants that a note names; the tables have all."""


def tiers_section(comparisons: Comparisons) -> Section | None:
    """Which variants share a tier; None if there is nothing to compare."""
    if not comparisons.between_variants():
        return None
    note = "A tier contains its best system and every system not significantly worse than it."
    return Section("tiers", "Tiers", (tier_table(comparisons), Notes((note,))))


def differences_section(comparisons: Comparisons, *, drawn: bool) -> Section | None:
    """Every difference between two variants, as a chart too; None if there is nothing to compare."""
    if not comparisons.between_variants():
        return None
    title = f"Differences with {INTERVAL}"
    figures = (Figure(title, differences_chart(comparisons)),) if drawn else ()
    return Section("differences", "Differences", (*figures, difference_table(comparisons)))


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
    columns = ("task and pair", "difference", "interval", "p", MDE, POWERED, "verdict")
    rows = tuple(
        (
            f"{d.task}: {d.first} - {d.second}",
            f"{100 * d.difference:+z.1f}",
            *interval_and_p(d),
            detectable(d),
            f"{d.seeds_needed}" if d.seeds_needed else MISSING,
            f"{d.winner_first[0]} {d.verdict}" if d.verdict == "better" else d.verdict,
        )
        for d in (*comparisons.overall_between_variants, *comparisons.between_variants())
    )
    return Table(columns, rows, words=frozenset({"verdict"}))


def comparison_notes(comparisons: Comparisons) -> list[str]:
    """Notes on how to read the tables of scores and tiers."""
    notes = [*_counts(comparisons), *_in_the_mean(comparisons)]
    beaten, floor = _against_baselines(comparisons)
    notes += [f"{name} is better than {_on(comparisons, where, 'every task')}." for name, where in beaten.items()]
    notes += [
        f"Not significantly better than {name}: {_on(comparisons, where, 'any task')}." for name, where in floor.items()
    ]
    for task, by_system in comparisons.spreads.items():
        of_variants = {name: s for name, s in by_system.items() if name not in comparisons.baselines}
        constant = [_constant(name, s) for name, s in of_variants.items() if s.n_constant]
        notes += [f"Constant predictions on {task}: {', '.join(constant)}."] if constant else []
    notes += chance.notes(comparisons)
    notes += [f"No verdict on {task}: its gold labels were not stored." for task in comparisons.undecided]
    return notes


def interval_and_p(d: Difference) -> tuple[str, str]:
    """The interval and the p-value, both corrected for multiple tests; empty if both are the same model."""
    if d.verdict == SAME:
        return MISSING, MISSING
    p = "< 0.001" if d.adjusted_p < 0.001 else f"{d.adjusted_p:.3f}"
    return interval(d.low, d.high), p


def interval(low: float | None, high: float | None) -> str:
    """Both ends, x 100."""
    return MISSING if low is None or high is None else f"{100 * low:+z.1f} to {100 * high:+z.1f}"


def seeds_to_show(d: Difference) -> str:
    """The end of a sentence on a difference that is not significant: how many seeds it needs, if more would show it."""
    more = d.seeds_needed is not None and d.seeds_needed > d.n_seeds
    return f"; a difference of this size needs about {d.seeds_needed} seeds" if more else ""


def detectable(d: Difference) -> str:
    """The minimum detectable difference, x 100."""
    found = d.minimum_detectable_difference
    return MISSING if found is None else f"{100 * found:.1f}" if found <= 1 else "> 100"


def _counts(comparisons: Comparisons) -> Iterator[str]:
    """How many differences have which verdict, and what was corrected for."""
    pairs, claims = comparisons.between_variants(), comparisons.claims
    if not pairs:
        return
    counts = Counter[str](d.verdict for d in pairs)
    always = () if claims.looks else ALWAYS
    told = ", ".join(f"{verdict} {counts[verdict]}" for verdict in COUNTED if counts[verdict] or verdict in always)
    n_pairs = len({(d.first, d.second) for d in pairs})
    together = claims.family_wise or claims.against is not None
    correction = "Holm" if together or claims.looks else "Hochberg"
    where = "all of them" if together or n_pairs == 1 else f"tasks, not over the {n_pairs} pairs"
    corrected = "" if len(pairs) == 1 else f"; {correction} over {where}"
    differences = "1 difference" if len(pairs) == 1 else f"{len(pairs)} differences"
    yield f"{differences}: {told} (tested at 5%{corrected})."
    if claims.margin:
        yield f"Equivalent: shown to differ by less than {claims.margin:g} points (two one-sided tests at 5%)."


def _range(values: list[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    shown = [f"{100 * value:.1f}" if value <= 1 else "> 100" for value in known]
    return " to ".join(dict.fromkeys((shown[0], shown[-1]))) if shown else MISSING


def _constant(name: str, spread: Spread) -> str:
    rest = spread.mean_without_constant
    without = "" if rest is None else f" (mean without them {100 * rest:.1f})"
    return f"{name} in {spread.n_constant} of {spread.n} runs{without}"


def _in_the_mean(comparisons: Comparisons) -> Iterator[str]:
    """Which variants are better than which in the mean over the tasks."""
    pairs = comparisons.overall_between_variants
    shown = [" is better than ".join(d.winner_first) for d in pairs if d.verdict == "better"]
    more = f"; {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    if shown:
        yield f"In the mean over tasks, {'; '.join(shown[:MOST_SHOWN])}{more}."
    elif pairs:
        yield "In the mean over tasks, no difference is significant."


Where: TypeAlias = dict[str, dict[str, list[str]]]


def _against_baselines(comparisons: Comparisons) -> tuple[Where, Where]:
    """By baseline, the variants that it is better than, and those not significantly better or worse; on which tasks."""
    beaten: Where = {}
    floor: Where = {}
    for d in comparisons.differences:
        tested = d.second in comparisons.baselines and d.low is not None
        if tested and not (d.verdict == "better" and d.difference > 0):
            found = beaten if d.verdict == "better" else floor
            found.setdefault(d.second, {}).setdefault(d.first, []).append(d.task)
    return beaten, floor


def _on(comparisons: Comparisons, where: dict[str, list[str]], everywhere: str) -> str:
    """Variants with the same tasks together; many are counted."""
    together: dict[tuple[str, ...], list[str]] = {}
    for variant, tasks in where.items():
        together.setdefault(tuple(tasks), []).append(variant)
    return "; ".join(
        f"{_listed(names) if len(names) <= MOST_SHOWN else f'{len(names)} variants'} on "
        f"{everywhere if 1 < len(tasks) == len(comparisons.tiers) else _listed(tasks)}"
        for tasks, names in together.items()
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])
