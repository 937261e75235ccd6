"""Whether what a run published follows from the results it keeps."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any, Literal, TypeAlias

from zoo.core.errors import ZooError
from zoo.core.json_files import Damaged, read_json
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.report.results_json import summary
from zoo.experiments.results.folder import read_what_is_sound
from zoo.experiments.results.gold_labels import Answers
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.results.scored import ScoredResult, ScoredTask
from zoo.experiments.statistics.analysis import analyse
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import chosen_metrics, main_score
from zoo.weights.checkpoint import weights_hash
from zoo.weights.folder import CheckpointFolder

Finding: TypeAlias = Literal["confirmed", "contradicted", "not decidable"]

DRIFT = 1e-9
"""The relative tolerance for numbers, as libraries differ in their last digits."""


CODE = "statistics_hash"
"""What results.json says of the code that made its statistics."""

STATISTICS = (CODE, "statistics", "effects", "tuning", "parts", "calibration", "learning")
"""The sections of results.json that another version of that code may make otherwise of the same scores."""


@dataclass(frozen=True)
class Check:
    """One number or text, its place, and whether it follows from the rest."""

    where: str
    finding: Finding
    detail: str = ""


def verify(folder: Path) -> list[Check]:
    """Score every stored prediction again, make results.json again from the jobs, and read every file that has a hash.

    A damaged file is contradicted, and what depends on it is left out. Raises ZooError if there is no run, or it has
    not ended.
    """
    run, damaged = read_what_is_sound(folder)
    checks = [Check(in_folder(folder, file.path), "contradicted", file.what) for file in damaged]
    checks += [*_hashed_again(run, folder), *_scored_again(run)]
    return [*checks, *published_again(folder / "results.json", summary(analyse(run)))]


def published_again(path: Path, again: Any) -> Iterator[Check]:
    """Whether a file that was made from the jobs is what they make now."""
    if not os.path.lexists(path):
        raise ZooError(f"cannot read {path}: no such file; zoo compare writes it when it ends")
    try:
        published = read_json(path, "what a run publishes", "")[1]
    except Damaged as error:
        yield Check(path.name, "contradicted", error.what)
        return
    found = json.loads(json.dumps(again))
    checks = compared(f"{path.name}: ", published, found)
    if not isinstance(published, dict) or published.get(CODE) == found[CODE]:
        yield from checks
        return
    differing: Counter[str] = Counter()
    for check in checks:
        section = re.split(r"\W", check.where.removeprefix(f"{path.name}: "))[0]
        if check.finding == "contradicted" and section in STATISTICS:
            differing[section] += 1
        else:
            yield check
    for section, n in differing.items():
        yield Check(f"{path.name}: {section}", "not decidable", f"another version of the zoo made it; {n:,} differ")


def _hashed_again(run: ComparisonRun, folder: Path) -> Iterator[Check]:
    """Whether each job is one of this plan, and each checkpoint the one that was trained."""
    for result in run.results:
        if isinstance(result, FailedResult):
            continue
        where = f"jobs/{result.job.name}.json"
        yield from compared(f"{where}: key", result.key, cache_key(run.plan, result.job, result.environment))
        if isinstance(result, ModelResult):
            yield from _checkpoint_again(where, result, folder / result.checkpoint)


def _checkpoint_again(where: str, result: ModelResult, place: Path) -> Iterator[Check]:
    if not place.is_dir():
        yield Check(f"{where}: weights_hash", "not decidable", f"{result.checkpoint} is not there")
        return
    try:
        checkpoint = CheckpointFolder(place)
        found = weights_hash(dict(checkpoint.weights.read(checkpoint.weights.entries)))
        record, files = checkpoint.record, checkpoint.trained_file_hashes
    except ZooError as error:
        yield Check(f"{where}: weights_hash", "contradicted", f"{error!s:.300}")
        return
    yield from compared(f"{where}: weights_hash", result.weights_hash, found)
    yield from compared(f"{where}: variant", *(v.model_dump(mode="json") for v in (result.variant, record)))
    yield from compared(f"{where}: checkpoint_files", result.checkpoint_files, files)


def _scored_again(run: ComparisonRun) -> Iterator[Check]:
    for result in run.results:
        if isinstance(result, TaskResult):
            task = run.plan.task(str(result.job.task))
            yield from result_again(task, result, run.gold.get(task.name))


def result_again(task: ScoredTask, result: ScoredResult, gold: Answers | None) -> Iterator[Check]:
    """Whether a result's scores are those of its predictions."""
    where = f"jobs/{result.job.name}.json"
    for split, scores in result.scores.items():
        for metric, stored in scores.items():
            at = f"{where}: scores.{split}.{metric}"
            yield _scored(at, task, metric, stored, gold[split] if gold else None, result.predictions[split])
    yield from compared(f"{where}: main_score", result.main_score, main_score(task, result.scores))


def _scored(
    where: str,
    task: ScoredTask,
    metric: str,
    stored: float,
    gold: Sequence[Any] | None,
    predictions: Sequence[Any],
) -> Check:
    if gold is None:
        return Check(where, "not decidable", f"stored {stored}; the gold labels are not there")
    try:
        kind = task_kind(task)
        found = chosen_metrics(task)[metric].value(kind.side(gold), kind.side(predictions))
    except ValueError as error:  # a metric of two classes, and a plan edited to have more
        return Check(where, "contradicted", f"{error!s:.200}")
    return next(compared(where, stored, found))


def compared(where: str, stored: Any, found: Any) -> Iterator[Check]:
    """Leaf by leaf; the entries of a list go by their names, where they have any."""
    if isinstance(stored, list) and isinstance(found, list):
        stored, found = _by_name(stored), _by_name(found)
    if isinstance(stored, dict) and isinstance(found, dict):
        for key in [*found, *(key for key in stored if key not in found)]:
            if key in stored and key in found:
                yield from compared(_at(where, key), stored[key], found[key])
            else:
                yield Check(_at(where, key), "contradicted", "is missing" if key in found else "follows from no job")
        return
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (stored, found))
    same = isclose(stored, found, rel_tol=DRIFT, abs_tol=1e-12) if numbers else _same(stored, found)
    yield Check(where, "confirmed" if same else "contradicted", "" if same else _told(stored, found))


def _same(stored: Any, found: Any) -> bool:
    return type(stored) is type(found) and bool(stored == found)


def _told(stored: Any, found: Any) -> str:
    return f"stored {stored!s:.100}, found {found!s:.100}"


def _at(where: str, key: str) -> str:
    return where + f"{key:.100}" if where.endswith(" ") else f"{where}.{key:.100}"


def in_folder(folder: Path, path: Path) -> str:
    """A path as it is within a folder, if it is in it."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _by_name(entries: list[Any]) -> dict[str, Any]:
    """Entries by name, or by index if names are not unique."""
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    named = all(isinstance(name, str) for name in names) and len({*names}) == len(names)
    return {str(name if named else at): entry for at, (name, entry) in enumerate(zip(names, entries, strict=True))}
