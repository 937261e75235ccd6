"""Files for GLUE's leaderboard from a run's predictions of the test splits, and what all submissions share."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from zoo.core.errors import UnknownName, ZooError
from zoo.core.files import write_bytes, write_text
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.submission.glue import FILES, HIGHEST, LOWEST, GlueFile, table


@dataclass(frozen=True)
class Source:
    """The source of a file's rows: the run of this seed, the best of several on dev; or one answer for every item; or
    none, if the file is left out. `setting` is the fine-tuning setting, if one was chosen or given.
    """

    name: str
    seed: int | None = None
    dev_score: float | None = None
    chosen_among: int | None = None
    setting: str | None = None
    default: str | None = None

    def __str__(self) -> str:
        if self.default is not None:
            return f"{self.name}: no predictions in this run; filled with {self.default}"
        if self.dev_score is None:
            return f"{self.name}: no predictions in this run; left out"
        text = f"{self.name}: seed {self.seed}, the best of {self.chosen_among} on dev ({100 * self.dev_score:.1f})"
        return f"{text}, with {self.setting}" if self.setting else text


def submit(run: ComparisonRun, system: str | None, folder: Path) -> list[Source]:
    """Write the eleven files, a zip of them, and their sources; a task's rows come from the best seed on dev.

    Raises ZooError if the run has no predictions for GLUE's test splits, or not one for each item.
    """
    tasks = {file.task for file in FILES}
    variant = chosen_variant(run, system, tasks, "glue")
    best = {task: best_of(run, variant, task) for task in tasks}
    answers = {file.name: _answers(file, result) if (result := best[file.task][0]) else None for file in FILES}
    sources = []
    for file in FILES:
        result, n_tried = best[file.task]
        if result and answers[file.name]:
            sources.append(source_of(file.name, result, n_tried))
        else:
            sources.append(Source(file.name, default=file.default))
    if all(source.default is not None for source in sources):
        raise ZooError(
            f"the run has no predictions of {variant} for a test split of GLUE; run zoo compare with --data DIR where "
            "DIR holds test files, such as DIR/RTE/test.tsv"
        )
    made = {file.name: table(answers[file.name] or [file.default] * file.n_rows) for file in FILES}
    write_files(folder, made, run, variant, sources)
    return sources


def chosen_variant(run: ComparisonRun, system: str | None, tasks: Collection[str], suite: str) -> str:
    """The variant of this name, or the only one. Raises ZooError if it is not clear, or the run has none of the tasks
    of the suite.
    """
    if not any(task.name in tasks for task in run.plan.tasks):
        raise ZooError(f"plan.json has no task of this suite; run zoo compare --tasks {suite} with --data DIR first")
    names = [variant.name for variant in run.plan.variants]
    if system is None and len(names) > 1:
        raise ZooError(f"a submission needs one variant; choose with --variant: {', '.join(names)}")
    if system is not None and system not in names:
        raise UnknownName("variant of this run", system, names)
    return system or names[0]


def best_of(run: ComparisonRun, variant: str, task: str) -> tuple[TaskResult | None, int]:
    """The result with the highest score on dev among those that predicted the test split, the first of ties; and of how
    many, over seeds and settings."""
    results = [result for tried in run.tried(variant, task).values() for result in tried]
    predicted = (result for result in results if "test" in result.test_predictions)
    return max(predicted, key=lambda result: result.main_score, default=None), len(results)


def source_of(name: str, result: TaskResult, n_tried: int) -> Source:
    """The source of a file whose rows are a result's predictions."""
    setting = result.job.setting.label if result.job.setting else None
    return Source(name, result.job.seed, result.main_score, n_tried, setting)


def _answers(file: GlueFile, result: TaskResult) -> list[str] | None:
    """A result's predictions in the file's words; None if it has none for the split."""
    predictions = result.test_predictions.get(file.split)
    if predictions is None:
        return None
    if len(predictions) != file.n_rows:
        raise ZooError(
            f"the run predicted {len(predictions):,} items of {file.task}'s split {file.split!r}, and {file.name} must "
            f"have {file.n_rows:,} rows; the test file that it read is not GLUE's"
        )
    if file.labels:
        known = range(len(file.labels))
        if unfit := [value for value in predictions if value not in known]:
            raise ZooError(f"the run predicted class {unfit[0]} of {file.task}, which has {len(known)} in GLUE")
        return [file.labels[int(value)] for value in predictions]
    return [f"{min(max(value, LOWEST), HIGHEST):.3f}" for value in predictions]


def write_files(folder: Path, made: dict[str, str], run: ComparisonRun, variant: str, sources: list[Source]) -> None:
    """Write the files, `submission.zip` with all of them, and `submission.json` with their sources."""
    summary = {"variant": variant, "plan": run.plan.content_hash, "files": [asdict(source) for source in sources]}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"cannot make the folder {folder}: {error.strerror}") from error
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in made.items():
            write_text(folder / name, text)
            archive.writestr(name, text)
    write_bytes(folder / "submission.zip", packed.getvalue())
    write_text(folder / "submission.json", json.dumps(summary, indent=1) + "\n")
