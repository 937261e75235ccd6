"""Whether what a run published follows from the results it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, TypeAlias

import numpy as np

from zoo.errors import ZooError
from zoo.study.keys import cell_key
from zoo.study.published import summary
from zoo.study.results import FailedResult, FinetuneResult, Run, read_run
from zoo.study.verdicts import judge
from zoo.tasks.metrics import METRICS
from zoo.weights.checkpoint import weights_hash
from zoo.weights.store import open_store

Finding: TypeAlias = Literal["confirmed", "contradicted", "not decidable"]

DRIFT = 1e-9
"""How far a number may be off relatively, for libraries differ in their last digits."""


@dataclass(frozen=True)
class Check:
    """One number or text, where it stands, and whether it follows from the rest."""

    where: str
    finding: Finding
    detail: str = ""


def verify(folder: Path) -> list[Check]:
    """Score every stored prediction again, make results.json again from the cells, and read every file that has a hash.

    Raises ZooError where a file is missing or cannot be read.
    """
    run = read_run(folder)
    path = folder / "results.json"
    try:
        published = json.loads(path.read_bytes())
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}; zoo compare writes it when it ends") from error
    except ValueError as error:
        raise ZooError(f"{path} is not JSON: {error}") from error
    again = json.loads(json.dumps(summary(run, judge(run))))
    return [*_hashed_again(run, folder), *_scored_again(run), *_compared("results.json: ", published, again)]


def _hashed_again(run: Run, folder: Path) -> Iterator[Check]:
    """Whether each cell is one of this plan, on the planned data, and each checkpoint the one that was trained."""
    planned = {task.name: task.content_hash for task in run.plan.tasks}
    for result in run.results:
        if isinstance(result, FailedResult):
            continue
        where = f"cells/{result.cell.name}.json"
        yield from _compared(f"{where}: key", result.key, cell_key(run.plan, result.cell, result.environment))
        if isinstance(result, FinetuneResult):
            yield from _compared(f"{where}: data_hash", result.data_hash, planned[str(result.cell.task)])
            continue
        try:
            store = open_store(folder / result.checkpoint)
            found = weights_hash(dict(store.read(store.entries)))
        except ZooError as error:
            yield Check(f"{where}: weights_hash", "not decidable", str(error))
            continue
        yield from _compared(f"{where}: weights_hash", result.weights_hash, found)


def _scored_again(run: Run) -> Iterator[Check]:
    for result in run.results:
        if isinstance(result, FinetuneResult):
            targets = run.targets(str(result.cell.task))
            for split, scores in result.scores.items():
                for metric, stored in scores.items():
                    where = f"cells/{result.cell.name}.json: scores.{split}.{metric}"
                    yield _scored(where, metric, stored, targets and targets.get(split), result.predictions.get(split))
            mean = fmean(value for scores in result.scores.values() for value in scores.values())
            yield from _compared(f"cells/{result.cell.name}.json: headline", result.headline, mean)


def _scored(where: str, metric: str, stored: float, targets: Any, predictions: Any) -> Check:
    if not targets or metric not in METRICS:
        return Check(where, "not decidable", f"stored {stored}; the right answers or the metric are not there")
    if not predictions or len(predictions) != len(targets):
        return Check(where, "contradicted", f"{len(predictions or ())} predictions for {len(targets)} items")
    found = METRICS[metric].value(np.asarray(targets), np.asarray(predictions))
    return next(_compared(where, stored, found))


def _compared(where: str, stored: Any, found: Any) -> Iterator[Check]:
    """Leaf by leaf; the entries of a list go by their names, where they have any."""
    if isinstance(stored, list) and isinstance(found, list):
        stored, found = _by_name(stored), _by_name(found)
    if isinstance(stored, dict) and isinstance(found, dict):
        for key in [*found, *(key for key in stored if key not in found)]:
            if key in stored and key in found:
                yield from _compared(_at(where, key), stored[key], found[key])
            else:
                yield Check(_at(where, key), "contradicted", "is missing" if key in found else "follows from no cell")
        return
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (stored, found))
    same = isclose(stored, found, rel_tol=DRIFT, abs_tol=1e-12) if numbers else stored == found
    yield Check(where, "confirmed") if same else Check(where, "contradicted", f"stored {stored}, found {found}")


def _at(where: str, key: str) -> str:
    return where + key if where.endswith(" ") else f"{where}.{key}"


def _by_name(entries: list[Any]) -> dict[str, Any]:
    named = all(isinstance(entry, dict) and "name" in entry for entry in entries)
    return {entry["name"] if named else str(index): entry for index, entry in enumerate(entries)}
