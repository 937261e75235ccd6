"""A judgement as a document: the sections of a comparison that need predictions only, and where these are from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

from pydantic import JsonValue

from zoo.core.files import write_text
from zoo.core.specs import Record
from zoo.document import Document, Figure, Made, Notes, Section, Table, markdown
from zoo.experiments.report import categories, differences, metrics, parts
from zoo.experiments.report.answer import answer_section
from zoo.experiments.report.plots import seeds_chart
from zoo.experiments.report.results_json import SCORES, ScoreSummary
from zoo.experiments.report.scores import score_table
from zoo.experiments.results.folder import read_made
from zoo.experiments.results.judged import JudgedRun, Judgement
from zoo.experiments.statistics.code import statistics_hash
from zoo.experiments.statistics.parts import PartScores, part_scores
from zoo.experiments.statistics.verdicts import Comparisons
from zoo.tasks.scoring import chosen_metrics

MOST_NAMES = 5
"""Systems that a title names."""


def judged_document(run: JudgedRun, comparisons: Comparisons, made: Made | None = None) -> Document:
    """The sections of a judgement, the most important first."""
    found = (
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
    title = f"Predictions of {', '.join(names) if len(names) <= MOST_NAMES else f'{len(names)} systems'}"
    sections = tuple(section for section in found if section)
    return Document(title, sections, data=lambda: judged_summary(run, comparisons), made=made)


def write_judged_report(run: JudgedRun, comparisons: Comparisons, folder: Path) -> None:
    """Write results.json and report.md into a folder."""
    write_text(folder / "results.json", json.dumps(judged_summary(run, comparisons), indent=1) + "\n")
    write_text(folder / "report.md", markdown.render(judged_document(run, comparisons, read_made(folder))))


class PublishedJudgement(Record):
    """What results.json of a judged folder holds: the judgement, every score, and the statistics."""

    format: Literal[1] = 1
    score_unit: str = SCORES
    statistics_hash: str
    """A SHA-256 of the code that made the statistics."""
    judgement_hash: str
    judgement: Judgement
    scores: dict[str, dict[str, ScoreSummary | None]]
    """By system and task; null if there is none."""
    statistics: Comparisons
    parts: tuple[PartScores, ...]
    """Scores of the parts of tasks, such as types of entities."""


def judged_schema() -> str:
    """The JSON schema of results.json in a judged folder."""
    return json.dumps(PublishedJudgement.model_json_schema(mode="serialization"), indent=1) + "\n"


def judged_summary(run: JudgedRun, comparisons: Comparisons) -> dict[str, JsonValue]:
    """The `PublishedJudgement` as JSON; equal results give equal bytes."""
    published = PublishedJudgement(
        statistics_hash=statistics_hash(),
        judgement_hash=run.plan.content_hash,
        judgement=run.plan,
        scores={name: {task.name: _summary(run, name, task.name) for task in run.plan.tasks} for name in run.systems},
        statistics=comparisons,
        parts=tuple(part_scores(run)),
    )
    return published.model_dump(mode="json")


def _summary(run: JudgedRun, system: str, task: str) -> ScoreSummary | None:
    values = tuple(result.main_score for result in run.finetuned(system, task))
    if not values:
        return None
    return ScoreSummary(mean=fmean(values), sd=stdev(values) if len(values) > 1 else None, values=values)


def _scores(run: JudgedRun, comparisons: Comparisons) -> Section:
    notes = Notes((*_protocol(run), *differences.comparison_notes(comparisons)))
    return Section("scores", "Scores", (score_table(run, comparisons), notes), brief=True)


def _protocol(run: JudgedRun) -> Iterator[str]:
    """What the scores are, and what they cannot show."""
    plan = run.plan
    counts = {name: plan.n_seeds(name) for name in plan.names}
    if len({*counts.values()}) == 1:
        n = next(iter(counts.values()))
        yield "Scores are x 100." if n == 1 else f"Scores are mean ± standard deviation over {n} seeds, x 100."
    else:
        listed = ", ".join(f"{name} {n}" for name, n in counts.items())
        differ = len({*counts.values()} - {1}) > 1
        paired = " A difference is over the seeds that both have." * differ
        yield f"Scores are mean ± standard deviation over seeds, x 100; seeds: {listed}.{paired}"
    if single := plan.unseeded:
        yield (
            f"One seed only: {', '.join(single)}. Verdicts on such a system hold for this model, not for others "
            "trained alike."
        )
    if given := [task.name for task in plan.tasks if not task.dev]:
        yield (
            f"Only scores are known of {', '.join(given)}: verdicts are over seeds, for these items; nothing "
            "can be said about other items."
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
    title = "One point per seed; the tick is the mean, crosses are constant predictions"
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
    return Section("sources", "Sources of the predictions", (table, Notes(notes)))
