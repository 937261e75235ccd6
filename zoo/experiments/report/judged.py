"""A judgement as a document: the sections of a comparison that need predictions only, and where these are from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev

from pydantic import JsonValue

from zoo.core.files import write_text
from zoo.document import Document, Figure, Notes, Section, Table, markdown
from zoo.experiments.report import categories, differences, metrics, parts
from zoo.experiments.report.answer import answer_section
from zoo.experiments.report.plots import seeds_chart
from zoo.experiments.report.results_json import SCORES
from zoo.experiments.report.scores import score_table
from zoo.experiments.results.judged import JudgedRun, JudgedTask
from zoo.experiments.statistics.parts import part_scores
from zoo.experiments.statistics.verdicts import Comparisons
from zoo.tasks.scoring import chosen_metrics

MOST_NAMES = 5
"""Systems that a title names."""


def judged_document(run: JudgedRun, comparisons: Comparisons) -> Document:
    """The sections of a judgement, the most important first."""
    made = (
        answer_section(run, comparisons),
        _scores(run, comparisons),
        _metrics(run),
        differences.tiers_section(comparisons),
        categories.categories_section(run),
        differences.differences_section(comparisons, drawn=True),
        parts.parts_section(run),
        _seeds(run),
        _sources(run),
    )
    names = run.plan.names
    title = f"Judgement of {', '.join(names) if len(names) <= MOST_NAMES else f'{len(names)} systems'}"
    sections = tuple(section for section in made if section)
    return Document(title, sections, data=lambda: judged_summary(run, comparisons))


def write_judged_report(run: JudgedRun, comparisons: Comparisons, folder: Path) -> None:
    """Write results.json and report.md into a folder."""
    write_text(folder / "results.json", json.dumps(judged_summary(run, comparisons), indent=1) + "\n")
    write_text(folder / "report.md", markdown.render(judged_document(run, comparisons)))


def judged_summary(run: JudgedRun, comparisons: Comparisons) -> dict[str, JsonValue]:
    """Everything as JSON; equal results give equal bytes."""
    return {
        "format": 1,
        "score_unit": SCORES,
        "judgement_hash": run.plan.content_hash,
        "judgement": run.plan.model_dump(mode="json"),
        "scores": {name: {task.name: _values(run, name, task) for task in run.plan.tasks} for name in run.systems},
        "statistics": comparisons.model_dump(mode="json"),
        "parts": [each.model_dump(mode="json") for each in part_scores(run)],
    }


def _values(run: JudgedRun, system: str, task: JudgedTask) -> JsonValue:
    values = [result.main_score for result in run.finetuned(system, task.name)]
    if not values:
        return None
    spread = stdev(values) if len(values) > 1 else None
    return {"mean": fmean(values), "sd": spread, "values": list[JsonValue](values)}


def _scores(run: JudgedRun, comparisons: Comparisons) -> Section:
    notes = Notes((*_protocol(run), *differences.comparison_notes(comparisons)))
    return Section("scores", "Scores", (score_table(run, comparisons), notes), brief=True)


def _protocol(run: JudgedRun) -> Iterator[str]:
    """What the scores are, and what cannot be told from them."""
    plan = run.plan
    counts = {name: plan.n_seeds(name) for name in plan.names}
    if len({*counts.values()}) == 1:
        n = next(iter(counts.values()))
        yield "Scores are x 100." if n == 1 else f"Scores are mean ± standard deviation over {n} seeds, x 100."
    else:
        told = ", ".join(f"{name} {n}" for name, n in counts.items())
        differ = len({*counts.values()} - {1}) > 1
        paired = " A difference is over the seeds that both have." * differ
        yield f"Scores are mean ± standard deviation over seeds, x 100; seeds: {told}.{paired}"
    if single := plan.unseeded:
        yield (
            f"One seed only: {', '.join(single)}. Verdicts on such a system hold for this model, not for others "
            "trained alike."
        )
    if given := [task.name for task in plan.tasks if not task.dev]:
        yield (
            f"Only scores are known of {', '.join(given)}: verdicts are over seeds, for these items; of other items "
            "nothing can be said."
        )
    for task in plan.tasks:
        if len(task.labels) == 2 and "f1" in task.metrics:
            yield f"F1 on {task.name} is that of the label {task.labels[1]}."
        for name, metric in chosen_metrics(task).items():
            if metric.chosen:
                yield f"{name} on {task.name} chooses its {metric.chosen} on the items that it scores."
    yield from plan.notes


def _metrics(run: JudgedRun) -> Section | None:
    several = any(len(task.metrics) > 1 and task.dev for task in run.plan.tasks)
    return metrics.metrics_section(run) if several else None


def _seeds(run: JudgedRun) -> Section:
    title = "A point per seed, a tick at the mean, a cross for constant predictions"
    rows = tuple(
        (result.job.system, str(result.job.task), f"{result.job.seed}", split, metric, f"{100 * value:.4f}")
        for result in run.results
        for split, scores in result.scores.items()
        for metric, value in scores.items()
    )
    columns = ("system", "task", "seed", "split", "metric", "score x 100")
    table = Table(columns, rows, words=frozenset({"task", "split", "metric"}))
    return Section("seeds", "Scores by seed", (Figure(title, seeds_chart(run)), table))


def _sources(run: JudgedRun) -> Section:
    """The files, by which anyone can judge again."""
    rows = tuple(
        (file.path, file.system, file.task, f"{file.seed}", f"{file.n_items:,}", file.form, file.how, file.hash[:12])
        for file in run.plan.files
    )
    columns = ("file", "system", "task", "seed", "items", "form", "matched", "SHA-256")
    table = Table(columns, rows, words=frozenset({"system", "task", "form", "matched", "SHA-256"}))
    notes = tuple(
        f"{task.name}: {task.kind}{f', {len(task.labels)} labels' if task.labels else ''}; gold labels: {task.gold}."
        for task in run.plan.tasks
    )
    return Section("sources", "Where the predictions are from", (table, Notes(notes)))
