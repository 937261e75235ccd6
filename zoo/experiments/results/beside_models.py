"""Files that a run writes beside its models: how they were made, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.results.records import ModelResult, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.weights.folder import VARIANT
from zoo.weights.provenance import PROVENANCE, write_provenance
from zoo.weights.scores import SCORES, ModelScores, write_scores

KEPT = {"corpus", "corpus_hash", "corpus_documents", "corpus_tokens", "steps", "tokens", "weights_hash", "environment"}
"""The fields of a result that say how its model was made."""

OVER_SEEDS = (
    "On development sets, x 100, after fine-tuning: means over seeds, each scored after its last step; two metrics "
    "of a task are averaged. The run's report says which differences between variants are significant."
)
CHOSEN = " Fine-tuning settings were chosen on the same items, which makes the scores too good."


def model_bytes(place: Path) -> int:
    """The size of a model's files in bytes, without those written beside them afterwards."""
    return sum(path.stat().st_size for path in place.iterdir() if path.name not in (PROVENANCE, SCORES))


def write_provenance_of(result: ModelResult, folder: Path) -> None:
    """Write beside a result's model how it was made; an existing record stays."""
    place = folder / result.checkpoint
    if place.is_dir() and not (place / PROVENANCE).exists():
        write_provenance(place, {"made_by": "zoo compare", **result.model_dump(mode="json", include=KEPT)})


def write_model_scores(run: ComparisonRun, folder: Path) -> None:
    """Write its scores beside each model that a run folder holds."""
    of_models: dict[str, list[TaskResult]] = {}
    for result in run.results:
        if isinstance(result, ModelResult):
            scored = run.at(result.job.at) if result.job.at else run
            _write(folder / result.checkpoint, _over_seeds(scored, result.job.system))
        elif isinstance(result, TaskResult) and (kept := model_folder(run.plan, result.job)):
            of_models.setdefault(kept, []).append(result)
    for kept, results in of_models.items():
        _write(folder / kept, _of_one(results))


def _write(place: Path, scores: ModelScores | None) -> None:
    if scores and (place / VARIANT).is_file():
        write_scores(place, scores)


def _of_one(results: Sequence[TaskResult]) -> ModelScores:
    """The scores of one model, on its own task and others that it answers."""
    rows = tuple(
        (str(result.job.task), split, metric, f"{100 * value:.1f}")
        for result in results
        for split, scores in result.scores.items()
        for metric, value in scores.items()
    )
    note = f"Fine-tuned with seed {results[0].job.seed}; scored after the last step, x 100."
    return ModelScores(note=note, columns=("task", "split", "metric", "score"), rows=rows)


def _over_seeds(run: ComparisonRun, system: str) -> ModelScores | None:
    rows = []
    for task in run.plan.tasks:
        if values := [100 * result.main_score for result in run.finetuned(system, task.name)]:
            spread = f"{stdev(values):.1f}" if len(values) > 1 else "-"
            rows.append((task.name, f"{fmean(values):.1f}", spread, str(len(values))))
    note = OVER_SEEDS + CHOSEN * bool(run.plan.tuning)
    columns = ("task", "mean", "standard deviation", "seeds")
    return ModelScores(note=note, columns=columns, rows=tuple(rows)) if rows else None
