"""A run for other programs: JSON with a schema, and CSV."""

from __future__ import annotations

import csv
import json
from io import StringIO
from statistics import fmean, stdev
from typing import Any, Literal

from pydantic import Field, JsonValue, create_model

from zoo.core.specs import Record
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.spec import BASELINES
from zoo.experiments.report.left_out import training_split
from zoo.experiments.results.records import FailedResult, ModelResult, Run, TaskResult, fingerprint
from zoo.experiments.statistics.costs import quantities
from zoo.experiments.statistics.selection import Tried, tried
from zoo.experiments.statistics.verdicts import Verdicts
from zoo.tables import printable

LEFT_OUT = ("predictions", "test_predictions", "losses", "accuracies", "variant", "cost")
"""What a job's file holds and the published results don't: what is large, and the times, which never repeat."""


CUT = ("max_length", "items_cut", "training_items_cut")
"""Columns of the CSV."""


class ScoreSummary(Record):
    """A system's scores on a task: one a seed, their mean, and their standard deviation if they are several."""

    mean: float
    sd: float | None
    values: tuple[float, ...]


def _shortened(record: type[Record]) -> type[Record]:
    """The record of a job without what is left out, and with its name and the fingerprint of all of it."""
    kept: dict[str, Any] = {
        name: (field.annotation, field) for name, field in record.model_fields.items() if name not in LEFT_OUT
    }
    doc = f"{record.__doc__}\n\nShortened: its file in the run folder holds the rest."
    return create_model(f"Short{record.__name__}", __base__=Record, __doc__=doc, name=str, fingerprint=str, **kept)


_Job: Any = _shortened(ModelResult) | _shortened(TaskResult)

Published: type[Record] = create_model(
    "Results",
    __base__=Record,
    __doc__="A comparison's results: what was planned, every score, and what the scores show.",
    format=(Literal[1], ...),
    plan_hash=(str, ...),
    plan=(Plan, ...),
    scores=(dict[str, dict[str, ScoreSummary | None]], Field(description="By system and task; null: none finished.")),
    statistics=(Verdicts, ...),
    tuning=(list[Tried], Field(description="What choosing among settings of fine-tuning adds to the scores.")),
    jobs=(list[_Job], ...),
    failures=(list[FailedResult], ...),
    costs=(
        dict[str, dict[str, float]] | None,
        Field(description="By what was measured and variant; null in a run folder's results.json, which repeats."),
    ),
)
"""The record that results.json holds."""


def schema() -> str:
    """The JSON schema of results.json."""
    return json.dumps(Published.model_json_schema(mode="serialization"), indent=1) + "\n"


def summary(run: Run, found: Verdicts, *, costs: bool = False) -> dict[str, JsonValue]:
    """What `Published` says; without costs the same bytes for the same results."""
    systems = [*(variant.name for variant in run.plan.variants), *BASELINES]
    jobs: list[JsonValue] = [
        {
            "name": result.job.name,
            "fingerprint": fingerprint(result),
            **result.model_dump(mode="json", exclude=set(LEFT_OUT)),
        }
        for result in run.results
        if not isinstance(result, FailedResult)
    ]
    scores: dict[str, JsonValue] = {
        system: {task.name: _main_scores(run, system, task.name) for task in run.plan.tasks} for system in systems
    }
    failures: list[JsonValue] = [failure.model_dump(mode="json") for failure in run.failures]
    return {
        "format": 1,
        "plan_hash": run.plan.content_hash,
        "plan": run.plan.model_dump(mode="json"),
        "scores": scores,
        "statistics": found.model_dump(mode="json"),
        "tuning": [choice.model_dump(mode="json") for choice in tried(run)],
        "jobs": jobs,
        "failures": failures,
        "costs": {quantity.label: dict(quantity.values) for quantity in quantities(run)} if costs else None,
    }


def json_text(run: Run, found: Verdicts) -> str:
    """The summary with its costs, as text."""
    return json.dumps(summary(run, found, costs=True), indent=1, ensure_ascii=False) + "\n"


def _main_scores(run: Run, system: str, task: str) -> JsonValue:
    values = tuple(result.main_score for result in run.finetuned(system, task))
    if not values:
        return None
    spread = stdev(values) if len(values) > 1 else None
    return ScoreSummary(mean=fmean(values), sd=spread, values=values).model_dump(mode="json")


def csv_rows(run: Run) -> str:
    """Every score of every finished run in a line of its own, not rounded, and how many items were cut to how long."""
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("system", "task", "seed", "setting", "selection", "split", "metric", "score", *CUT))
    for result in run.results:
        if isinstance(result, TaskResult):
            job = result.job
            for split, scores in result.scores.items():
                for metric, value in scores.items():
                    setting = job.setting.label if job.setting else ""
                    words = (job.system, job.task or "", str(job.seed), setting, job.selection, split, metric)
                    lines.writerow((*map(_inert, words), value, *_cut(result, split)))
    return text.getvalue()


def _cut(result: TaskResult, split: str) -> tuple[int | str, ...]:
    """The columns `CUT` of a split; empty for a system that reads no tokens."""
    here, training = result.truncated.get(split), result.truncated.get(training_split(result) or "")
    return (here.length, here.cut, training.cut) if here and training else ("", "", "")


def _inert(word: str) -> str:
    """Text that no spreadsheet takes for a formula, and no terminal for a command."""
    word = printable(word)
    return f"'{word}" if word.lstrip().startswith(("=", "+", "-", "@")) else word
