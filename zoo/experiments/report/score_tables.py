"""Tables of what a run found and what was compared, from its results alone."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean, stdev

from zoo.core.specs import diff
from zoo.experiments.plan.spec import BASELINES
from zoo.experiments.report.verdict_tables import Average, averages
from zoo.experiments.results.records import Run
from zoo.experiments.statistics.costs import quantities
from zoo.experiments.statistics.verdicts import Verdicts
from zoo.tables import MISSING, Table


def tabulate(run: Run, found: Verdicts) -> Table:
    """A column a system: scores by task, their mean, then costs."""
    systems = systems_of(run)
    rows = [
        (task_label(run, task.name), tuple(score(run, system, task.name) for system in systems))
        for task in run.plan.tasks
    ]
    means = average_table(run, found)
    rows += [
        (label, tuple(texts)) for label, *texts in zip(means.columns, *(row for _, row in means.rows), strict=True)
    ]
    rows += [(q.label, tuple(q.texts.get(system, MISSING) for system in systems)) for q in quantities(run)]
    return Table("", systems, tuple(rows))


def average_table(run: Run, found: Verdicts) -> Table:
    """A row a system: means over all tasks and degenerate runs; no columns where there is one task only."""
    of = averages(found, systems_of(run))
    stuck = any(average.degenerate for name, average in of.items() if name not in BASELINES)
    several = len(run.plan.tasks) > 1
    columns = ("mean of tasks",) * several
    columns += ("mean without degenerate runs",) * (several and stuck) + ("degenerate runs",) * stuck

    def row(average: Average) -> Iterator[str]:
        if several:
            yield hundredths(average.mean)
            if stuck:
                yield hundredths(average.without_degenerate)
        if stuck:
            yield f"{average.degenerate} of {average.runs}"

    return Table("system", columns, tuple((name, tuple(row(average))) for name, average in of.items()))


def score_table(run: Run, found: Verdicts) -> Table:
    """A row a system, a column a task."""
    tasks = [task.name for task in run.plan.tasks]
    means = average_table(run, found)
    rows = tuple((name, (*(score(run, name, task) for task in tasks), *texts)) for name, texts in means.rows)
    return Table("system", (*(task_label(run, task) for task in tasks), *means.columns), rows)


def cost_table(run: Run) -> Table:
    """A row a variant, a column a cost."""
    found = [quantity for quantity in quantities(run) if quantity.texts]
    names = [variant.name for variant in run.plan.variants]
    rows = tuple((name, tuple(quantity.texts.get(name, MISSING) for quantity in found)) for name in names)
    return Table("variant", tuple(quantity.label for quantity in found), rows)


def variant_table(run: Run) -> Table:
    """A row a field in which any variant differs from the first, a column a variant."""
    first, *others = run.plan.variants
    found = {other.name: diff(first, other) for other in others}
    fields = dict.fromkeys(path for differences in found.values() for path in differences if path != "paper")
    of_first = {path: pair[0] for differences in found.values() for path, pair in differences.items()}

    def row(path: str) -> tuple[str, ...]:
        values = [of_first[path], *(found[other.name].get(path, (None, of_first[path]))[1] for other in others)]
        return tuple(MISSING if value is None else str(value) for value in values)

    return Table("field", tuple(v.name for v in run.plan.variants), tuple((path, row(path)) for path in fields))


def audit_table(run: Run) -> Table:
    """A row a component, a column a variant: parameters as stored, and how often they run where that is more often."""
    found = {v.name: trained.breakdown for v in run.plan.variants if (trained := run.pretrained(v.name))}
    rows = dict.fromkeys((row.kind, row.component) for breakdown in found.values() for row in breakdown)

    def cell(name: str, key: tuple[str, str]) -> str:
        here = [row for row in found[name] if (row.kind, row.component) == key]
        runs = max((row.runs // row.copies for row in here if row.runs and row.copies), default=1)
        return (f"{sum(row.stored for row in here):,}" + f", runs {runs} times" * (runs > 1)) if here else MISSING

    parts = [(f"{kind}: {name}", tuple(cell(variant, (kind, name)) for variant in found)) for kind, name in rows]
    total = (
        "all, with the heads of pre-training",
        tuple(f"{sum(row.stored for row in breakdown):,}" for breakdown in found.values()),
    )
    return Table("component", tuple(found), (*parts, total) if parts else ())


def gap_table(run: Run) -> Table:
    """A row a job that is not finished, with the reason."""
    there = {result.job for result in run.results}
    rows = [(failure.job.name, (failure.reason,)) for failure in run.failures]
    rows += [(job.name, ("not done yet",)) for job in run.plan.jobs if job not in there]
    return Table("job", ("reason",), tuple(rows))


def systems_of(run: Run) -> tuple[str, ...]:
    """The variants, then the baselines."""
    return (*(variant.name for variant in run.plan.variants), *BASELINES)


def task_label(run: Run, name: str) -> str:
    """A task and its metrics."""
    found = next((result for system in systems_of(run) for result in run.finetuned(system, name)), None)
    return f"{name} ({' + '.join(next(iter(found.scores.values())))})" if found else name


def score(run: Run, system: str, task: str) -> str:
    """Mean and standard deviation over seeds, in hundredths, and how many seeds are missing."""
    values = [100 * result.main_score for result in run.finetuned(system, task)]
    if not values:
        return "failed" if any((f.job.system, f.job.task) == (system, task) for f in run.failures) else "not done"
    expected = 1 if system in BASELINES else len(run.plan.seeds)
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    missing = f" ({len(values)} of {expected})" if len(values) < expected else ""
    return f"{fmean(values):.1f}{spread}{missing}"


def hundredths(value: float | None) -> str:
    """A score or mean of scores as it is printed."""
    return MISSING if value is None else f"{100 * value:.1f}"
