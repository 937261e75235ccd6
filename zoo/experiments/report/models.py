"""Sections of the models: how pre-training went, where the parameters are, how the variants differ."""

from __future__ import annotations

from zoo.core.diff import diff
from zoo.core.recipes import DETAILS, Techniques
from zoo.core.specs import Variant
from zoo.document import MISSING, Figure, Section, Table
from zoo.experiments.report.plots import curves_chart
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import counts_of


def pretraining_section(run: ComparisonRun) -> Section | None:
    """Curves of the pre-trainings; None if none was done here."""
    table = curve_table(run)
    if not table.rows:
        return None
    figure = Figure("Losses and accuracies over the steps", curves_chart(run), table)
    return Section("pre-training", "Pre-training", (figure,))


def parameters_section(run: ComparisonRun) -> Section | None:
    """Parameters by component; None if no variant is trained."""
    table = audit_table(run)
    return Section("parameters", "Parameters by component", (table,)) if table.rows else None


def variants_section(run: ComparisonRun) -> Section:
    """The fields in which the variants differ, and the recipe that they share."""
    tables = [table for table in (variant_table(run), common_table(run)) if table.rows]
    return Section("variants", "How the variants differ", tuple(tables))


def curve_table(run: ComparisonRun) -> Table:
    """A row per pre-training and objective: the first and last mean of each curve."""
    rows = []
    for result in run.pretrained_results:
        for objective, losses in result.losses.items():
            accuracies = result.accuracies.get(objective, [])
            shown = [f"{value:.3f}" for value in (losses[:1] + losses[-1:])] or [MISSING] * 2
            shown += [f"{100 * value:.1f}" for value in (accuracies[:1] + accuracies[-1:])] or [MISSING] * 2
            rows.append((result.job.system, f"{result.job.seed}", objective, *shown))
    columns = ("variant", "seed", "objective", "first loss", "last loss", "first accuracy x 100", "last accuracy x 100")
    return Table(columns, tuple(rows), words=frozenset({"objective"}))


def variant_table(run: ComparisonRun) -> Table:
    """A row per field in which any variant differs from the first, a column per variant."""
    first, *others = run.plan.variants
    differences = {other.name: diff(first, other) for other in others}
    fields = dict.fromkeys(path for found in differences.values() for path in found if path != "paper")
    of_first = {path: pair[0] for found in differences.values() for path, pair in found.items()}

    def row(path: str) -> tuple[str, ...]:
        values = [of_first[path], *(differences[v.name].get(path, (None, of_first[path]))[1] for v in others)]
        return tuple(map(_value, values))

    names = tuple(v.name for v in run.plan.variants)
    return Table(("field", *names), tuple((path, *row(path)) for path in fields), words=frozenset(names))


def common_table(run: ComparisonRun) -> Table:
    """A row per field of heads and recipes that all variants share, as far as it is set."""
    of_each = [_settings(variant) for variant in run.plan.variants]
    common = {name: value for name, value in of_each[0].items() if all(other.get(name) == value for other in of_each)}
    common |= {f"finetuning.steps on {task}": steps for task, steps in run.plan.task_steps.items()}
    rows = tuple((name, _value(value)) for name, value in common.items())
    return Table(("field", "value"), rows, title="Settings of all variants", words=frozenset({"value"}))


def _settings(variant: Variant) -> dict[str, object]:
    """The fields of head and recipes by dotted path, without those that are not set and techniques that are off."""
    used = variant.finetuning.changed
    off = {*Techniques.model_fields} - {*used, *(DETAILS if used else ())}
    return {
        f"{part}.{name}": value
        for part in ("head", "init", "pretraining", "finetuning")
        for name, value in getattr(variant, part)
        if value is not None and not (part == "finetuning" and name in off)
    }


def audit_table(run: ComparisonRun) -> Table:
    """A row per component, a column per variant: parameters as stored, and how often they run if more than once."""
    of = {v.name: found.breakdown for v in run.plan.variants if (found := counts_of(run, v.name))}
    components = dict.fromkeys((row.kind, row.component) for breakdown in of.values() for row in breakdown)

    def cell(name: str, key: tuple[str, str]) -> str:
        here = [row for row in of[name] if (row.kind, row.component) == key]
        runs = max((row.runs // row.copies for row in here if row.runs and row.copies), default=1)
        return (f"{sum(row.stored for row in here):,}" + f", runs {runs} times" * (runs > 1)) if here else MISSING

    rows = [(f"{kind}: {name}", *(cell(variant, (kind, name)) for variant in of)) for kind, name in components]
    total = (
        "total, with pre-training heads",
        *(f"{sum(row.stored for row in breakdown):,}" for breakdown in of.values()),
    )
    return Table(("component", *of), (*rows, total) if rows else ())


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return MISSING if value is None else str(value)
