"""Sections of scores: by system and task, and every one by seed, split and metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from zoo.document import MISSING, Figure, Notes, Section, Table
from zoo.experiments.report.chance import mark
from zoo.experiments.report.data_notes import device_notes, left_out_notes, training_split
from zoo.experiments.report.differences import comparison_notes, tier_of
from zoo.experiments.report.plots import seeds_chart
from zoo.experiments.report.selection import selection_notes
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.tests import Spread
from zoo.experiments.statistics.verdicts import Comparisons
from zoo.tasks.kinds import task_kind

EVERY = ("task", "seed", "setting", "selection", "split", "metric", "score x 100", "max length", "items cut")
"""Columns of the table of every score, after the system's."""


@dataclass(frozen=True)
class Average:
    """A system's mean over the tasks that models learn, with and without runs of constant predictions.

    None if a task has no run.
    """

    mean: float | None
    without_constant: float | None
    n_constant: int
    n_runs: int


def scores_section(run: ComparisonRun, comparisons: Comparisons) -> Section:
    """A row per system, a column per task, and notes on how to read them."""
    return Section(
        "scores", "Scores", (score_table(run, comparisons), Notes(tuple(notes(run, comparisons)))), brief=True
    )


def seeds_section(run: ComparisonRun) -> Section:
    """Every score of every finished run, and a chart of them."""
    table = every_score(run)
    title = "One point per seed; the tick is the mean, crosses are constant predictions"
    return Section("seeds", "Scores by seed", (Figure(title, seeds_chart(run), table) if table.rows else table,))


def score_table(run: ScoredRun, comparisons: Comparisons) -> Table:
    """A row per system, a column per task, and the mean of all; the tiers of variants by cell."""
    tasks = [task.name for task in run.plan.tasks]
    means = average_table(run, comparisons)
    rows = tuple(
        (name, *(score(run, comparisons, name, task) for task in tasks), *texts) for name, *texts in means.rows
    )
    ranks = {
        (row, column): rank
        for row, (name, *_) in enumerate(rows)
        for column, task in enumerate(tasks, 1)
        if len(comparisons.tiers.get(task, ())) > 1 and (rank := tier_of(comparisons, task, name))
    }
    columns = ("system", *(task_label(run, task) for task in tasks), *means.columns[1:])
    return Table(columns, rows, ranks=ranks, rules=frozenset({len(run.plan.names)}))


def average_table(run: ScoredRun, comparisons: Comparisons) -> Table:
    """A row per system: means over all tasks and runs of constant predictions; of one task, no means."""
    of = averages(comparisons, run.systems, run.plan.averaged)
    constant = any(average.n_constant for name, average in of.items() if name not in comparisons.baselines)
    several = len(run.plan.averaged) > 1
    columns = ("mean of tasks",) * several
    columns += ("mean without constant predictions",) * (several and constant)
    columns += ("runs with constant predictions",) * constant

    def row(average: Average) -> Iterator[str]:
        if several:
            yield points(average.mean)
            if constant:
                yield points(average.without_constant)
        if constant:
            yield f"{average.n_constant} of {average.n_runs}" if average.n_runs else MISSING

    return Table(("system", *columns), tuple((name, *row(average)) for name, average in of.items()))


def every_score(run: ComparisonRun) -> Table:
    """A row per system, task, seed, setting, split and metric; and how many items were cut to which length."""
    rows = tuple(
        (
            result.job.system,
            str(result.job.task),
            f"{result.job.seed}",
            result.job.setting.label if result.job.setting else MISSING,
            result.job.selection,
            split,
            metric,
            f"{100 * value:.4f}",
            *_cut(result, split),
        )
        for result in run.results
        if isinstance(result, TaskResult) and result.job.at is None
        for split, scores in result.scores.items()
        for metric, value in scores.items()
    )
    words = frozenset({"task", "setting", "selection", "split", "metric"})
    return Table(("system", *EVERY, "training items cut"), rows, words=words)


def averages(comparisons: Comparisons, systems: Iterable[str], tasks: Sequence[str]) -> dict[str, Average]:
    """By system; each of the tasks counts once, however many seeds were finished on it."""
    return {system: _average([comparisons.spreads[task].get(system) for task in tasks]) for system in systems}


def _start(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} start" if others else f"{last} starts"


def notes(run: ComparisonRun, comparisons: Comparisons) -> list[str]:
    """Notes on how to read the scores."""
    plan = run.plan
    synthetic = [task.name for task in plan.tasks if task.synthetic]
    own = [variant for variant in plan.variants if plan.is_pretrained(variant.name)]
    lines = [protocol(run)]
    if own:
        least, most = (pick(variant.pretraining.tokens for variant in own) for pick in (min, max))
        tokens = f"{least:,} tokens each" if least == most else f"{least:,} to {most:,} tokens"
        lines.append(f"Pre-trained on {plan.corpus.description}: {tokens}.")
    lines += [
        f"{_start(names)} from the pre-training of {origin}: they do not differ in anything that it depends on."
        for origin in dict.fromkeys(plan.origins.values())
        if (names := [n for n, its in plan.origins.items() if its == origin != n and plan.is_pretrained(n)])
    ]
    for variant in plan.trained:
        if variant.distillation.inherits:
            layers = ", ".join(map(str, variant.distillation.layer_numbers))
            teacher = variant.distillation.teacher
            lines.append(f"{variant.name} is not pre-trained but starts from layers {layers} of {teacher}.")
    for folder, start in {start.folder: start for start in plan.checkpoints.values()}.items():
        names = [name for name, its in plan.checkpoints.items() if its.folder == folder]
        lines.append(f"Not pre-trained here: {_start(names)} from {folder}, hash {start.content_hash[:12]}.")
    if own_steps := [f"{steps:,} steps on {task}" for task, steps in plan.task_steps.items()]:
        lines.append(f"Every variant is fine-tuned for {', '.join(own_steps)}.")
    if scored := [task.name for task in plan.tasks if task_kind(task).by_likelihood]:
        models = "the model of each pre-training seed" if plan.pretrain_each_seed else "each pre-trained model once"
        lines.append(
            f"Nothing is trained on {', '.join(scored)}: {models} is scored on which of two sentences is more "
            "probable, by (pseudo-)log-likelihood. A verdict on models scored once is about these models."
        )
    if synthetic:
        lines.append(
            f"Synthetic tasks: {', '.join(synthetic)}. They show differences of design, not of language understanding."
        )
    if len(plan.averaged) > 1 and (others := [task.name for task in plan.tasks if task.name not in plan.averaged]):
        lines.append(f"The mean over tasks covers the tasks that models are trained on, without {', '.join(others)}.")
    notes = (*device_notes(run), *left_out_notes(run), *selection_notes(run), *comparison_notes(comparisons))
    return [*lines, *notes]


def protocol(run: ComparisonRun) -> str:
    """What the scores are."""
    if not run.plan.pretrain_each_seed and all(task_kind(task).by_likelihood for task in run.plan.tasks):
        return "Scores are of each model as it was pre-trained, on dev, x 100."
    origin = "each pre-trained" if run.plan.pretrain_each_seed else "all fine-tuned from one pre-training"
    n, looks = f"{len(run.plan.seeds)}", run.plan.claims.looks
    if looks:
        counts = [len(run.finetuned(name, task.name)) for task in run.plan.tasks for name in run.plan.finetuned]
        n = " to ".join(dict.fromkeys((f"{min(counts, default=0)}", f"{max(counts, default=0)}")))
    seeds = f"{n} seeds, {origin}"
    last = all(variant.finetuning.kept_weights == "last" for variant in run.plan.variants)
    kept = "after the last step" if last else "with the weights that each recipe keeps"
    what = "of one fine-tuning seed" if n == "1" else f"mean ± standard deviation over {seeds}"
    return f"Scores are {what}, on dev, {kept}, x 100."


def task_label(run: ScoredRun, name: str) -> str:
    """A task and its metrics."""
    return f"{name} ({' + '.join(run.plan.task(name).measures)})"


def score(run: ScoredRun, comparisons: Comparisons, system: str, task: str) -> str:
    """Mean and standard deviation over seeds, x 100, and how many seeds are missing or have learned nothing."""
    values = [100 * result.main_score for result in run.finetuned(system, task)]
    if not values:
        if system in run.plan.baselines and system not in run.plan.task(task).baselines:
            return MISSING
        return "failed" if run.failed(system, task) else "not done"
    expected = run.plan.n_seeds(system, task)
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    missing = f" ({len(values)} of {expected})" if len(values) < expected else ""
    return f"{fmean(values):.1f}{spread}{missing}{mark(comparisons.spreads[task][system])}"


def points(value: float | None) -> str:
    """A score or mean of scores as it is printed, x 100."""
    return MISSING if value is None else f"{100 * value:.1f}"


def _average(spreads: list[Spread | None]) -> Average:
    finished = [spread for spread in spreads if spread]
    sound = [s.mean_without_constant for s in finished if s.mean_without_constant is not None]
    return Average(
        mean=fmean(s.mean for s in finished) if finished and len(finished) == len(spreads) else None,
        without_constant=fmean(sound) if sound and len(sound) == len(spreads) else None,
        n_constant=sum(s.n_constant for s in finished),
        n_runs=sum(s.n for s in finished),
    )


def _cut(result: TaskResult, split: str) -> tuple[str, str, str]:
    """The last columns of a split; nothing for a system that reads no tokens."""
    here, training = result.truncated.get(split), result.truncated.get(training_split(result) or "")
    return (f"{here.length}", f"{here.cut}", f"{training.cut}") if here and training else (MISSING,) * 3
