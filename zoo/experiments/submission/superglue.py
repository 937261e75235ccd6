"""The files that SuperGLUE's leaderboard takes, from a run's predictions; without ReCoRD, no task of ours."""

from __future__ import annotations

from pathlib import Path

from zoo.core.errors import ZooError
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.submission.write import Source, best_of, chosen_variant, source_of, write_files
from zoo.tasks.superglue import TASKS, SuperglueTask

LEFT_OUT = "ReCoRD.jsonl"
"""What the leaderboard takes besides."""


def submit_superglue(run: ComparisonRun, system: str | None, folder: Path, data: Path | None = None) -> list[Source]:
    """Write a file for each task that the run has predictions of, a zip of them, and their sources.

    A task's rows come from the best seed on dev, and those of the diagnostics from the same model as RTE's. What each
    row is called is read from the files of the run's tasks, or from those in `data`. Raises ZooError if the run has no
    such predictions, or the files are no longer those that it read.
    """
    variant = chosen_variant(run, system, {task.name for task in TASKS}, "superglue")
    data = data or (Path(run.plan.data_folder) if run.plan.data_folder else None)
    made, sources = {}, []
    for task in TASKS:
        split = task.dev_splits[0] if task.trained_on else "test"
        name = f"{Path(task.files[split].path).parent}.jsonl"  # the folder is called as the leaderboard calls the task
        best, n_tried = best_of(run, variant, task.trained_on or task.name)
        result = _of_the_same_model(run, task, best) if best and task.trained_on else best
        if best is None or result is None:
            sources.append(Source(name))
        else:
            made[name] = _text(task, result, split, data)
            sources.append(source_of(name, best, n_tried))
    if not made:
        raise ZooError(
            f"the run has no predictions of {variant} for a test split of SuperGLUE; run zoo compare --tasks superglue "
            "with --data DIR where DIR holds test files, such as DIR/BoolQ/test.jsonl"
        )
    write_files(folder, made, run, variant, sources)
    return [*sources, Source(LEFT_OUT)]


def _of_the_same_model(run: ComparisonRun, task: SuperglueTask, best: TaskResult) -> TaskResult | None:
    """What the model of a result predicted for a task that it was not trained on."""
    results = (result for tried in run.tried(best.job.system, task.name).values() for result in tried)
    return next((its for its in results if (its.job.seed, its.job.setting) == (best.job.seed, best.job.setting)), None)


def _text(task: SuperglueTask, result: TaskResult, split: str, data: Path | None) -> str:
    """A result's predictions of a split as the leaderboard takes them."""
    dataset = task.load(data)
    if dataset.content_hash != result.data_hash:
        raise ZooError(f"{data} holds other data of task {task.name!r} than the run read; give those as --data DIR")
    predictions = (result.predictions | result.test_predictions)[split]
    return task.official(dataset.splits[split], predictions)[".jsonl"]
