"""A run for other programs: JSON with a schema."""

from __future__ import annotations

import json
from statistics import fmean, stdev
from typing import Any, Literal

from pydantic import Field, JsonValue, create_model

from zoo.core.specs import Record
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult, fingerprint
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects
from zoo.experiments.statistics.analysis import Analysis
from zoo.experiments.statistics.calibration import Calibration, calibrations
from zoo.experiments.statistics.code import statistics_hash
from zoo.experiments.statistics.costs import quantities
from zoo.experiments.statistics.learning import Learning
from zoo.experiments.statistics.parts import PartScores, part_scores
from zoo.experiments.statistics.selection import SearchResult, search_results
from zoo.experiments.statistics.verdicts import Comparisons

LEFT_OUT = ("predictions", "test_predictions", "probabilities", "losses", "accuracies", "variant", "cost")
"""Fields of a job's file that the published results leave out: large ones, and times, which never repeat."""


SCORES = "shares of 1; reports print them x 100"
"""The unit of every score, mean, difference and interval in the JSON."""


class ScoreSummary(Record):
    """A system's scores on a task: one per seed, their mean, and their standard deviation if they are several."""

    mean: float
    sd: float | None
    values: tuple[float, ...]


def _shortened(record: type[Record]) -> type[Record]:
    """A job's record without those fields, with its name and the fingerprint of the whole."""
    kept: dict[str, Any] = {
        name: (field.annotation, field) for name, field in record.model_fields.items() if name not in LEFT_OUT
    }
    doc = f"{record.__doc__}\n\nShortened: its file in the run folder holds the rest."
    return create_model(f"Short{record.__name__}", __base__=Record, __doc__=doc, name=str, fingerprint=str, **kept)


_Job: Any = _shortened(ModelResult) | _shortened(TaskResult)

PublishedResults: type[Record] = create_model(
    "Results",
    __base__=Record,
    __doc__="A comparison's results: the plan, every score, and the statistics.",
    format=(Literal[1], ...),
    score_unit=(str, Field(description="The unit of every score and difference.")),
    statistics_hash=(str, Field(description="A SHA-256 of the code that made the statistics.")),
    plan_hash=(str, ...),
    plan=(Plan, ...),
    scores=(
        dict[str, dict[str, ScoreSummary | None]],
        Field(description="By system and task; null if none."),
    ),
    statistics=(Comparisons, ...),
    tuning=(list[SearchResult], Field(description="What choosing among settings of fine-tuning adds to the scores.")),
    parts=(list[PartScores], Field(description="Scores of the parts of tasks, such as types of entities.")),
    calibration=(list[Calibration], Field(description="How well probabilities fit, where they are kept.")),
    effects=(Effects | None, Field(description="The effect of each edge; null if the run is not an ablation.")),
    learning=(
        Learning | None,
        Field(description="Scores by tokens of pre-training; null without evaluations before its end."),
    ),
    jobs=(list[_Job], ...),
    failures=(list[FailedResult], ...),
    costs=(
        dict[str, dict[str, float]] | None,
        Field(description="By measurement and variant; null in a run folder's results.json, which is reproducible."),
    ),
)
"""The record that results.json holds."""


def schema() -> str:
    """The JSON schema of results.json."""
    return json.dumps(PublishedResults.model_json_schema(mode="serialization"), indent=1) + "\n"


def summary(analysis: Analysis, *, costs: bool = False) -> dict[str, JsonValue]:
    """The `PublishedResults` as JSON; without costs, equal results give equal bytes."""
    run, effects = analysis.run, analysis.effects
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
        system: {task.name: _scores(run, system, task.name) for task in run.plan.tasks} for system in run.systems
    }
    failures: list[JsonValue] = [failure.model_dump(mode="json") for failure in run.failures]
    return {
        "format": 1,
        "score_unit": SCORES,
        "statistics_hash": statistics_hash(),
        "plan_hash": run.plan.content_hash,
        "plan": run.plan.model_dump(mode="json"),
        "scores": scores,
        "statistics": analysis.comparisons.model_dump(mode="json"),
        "tuning": [result.model_dump(mode="json") for result in search_results(run)],
        "parts": [each.model_dump(mode="json") for each in part_scores(run)],
        "calibration": [each.model_dump(mode="json") for each in calibrations(run)],
        "effects": effects.model_dump(mode="json") if effects else None,
        "learning": analysis.learning.model_dump(mode="json") if analysis.learning else None,
        "jobs": jobs,
        "failures": failures,
        "costs": {quantity.label: dict(quantity.values) for quantity in quantities(run)} if costs else None,
    }


def _scores(run: ComparisonRun, system: str, task: str) -> JsonValue:
    values = tuple(result.main_score for result in run.finetuned(system, task))
    if not values:
        return None
    spread = stdev(values) if len(values) > 1 else None
    return ScoreSummary(mean=fmean(values), sd=spread, values=values).model_dump(mode="json")
