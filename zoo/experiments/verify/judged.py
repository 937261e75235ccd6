"""Whether what a judgement published follows from the predictions that it keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.files import read_regular
from zoo.experiments.judging.judge import LARGEST
from zoo.experiments.report.judged import judged_summary
from zoo.experiments.results.judged import JudgedRun, PredictionFile, read_what_is_sound
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.files import Check, compared, in_folder, published_again, result_again


def verify_judged(folder: Path) -> list[Check]:
    """Score every kept prediction again, make results.json again, and hash the files of predictions if they are there.

    A damaged file is contradicted, and what depends on it is left out. Raises ZooError if there is no judgement.
    """
    run, damaged = read_what_is_sound(folder)
    checks = [Check(in_folder(folder, file.path), "contradicted", file.what) for file in damaged]
    checks += [check for file in run.plan.files for check in _same_file(file)]
    checks += list(_scored_again(run))
    return [*checks, *published_again(folder / "results.json", judged_summary(run, compare_systems(run)))]


def _same_file(file: PredictionFile) -> Iterator[Check]:
    if file.form in ("scores", "list"):
        return
    try:
        found = hashlib.sha256(read_regular(Path(file.path), LARGEST)).hexdigest()
    except (ZooError, OSError):
        yield Check(file.path, "not decidable", "the file of predictions is not there")
        return
    yield from compared(file.path, file.hash, found)


def _scored_again(run: JudgedRun) -> Iterator[Check]:
    for result in run.results:
        task = run.plan.task(str(result.job.task))
        if task.dev:
            yield from result_again(task, result, run.gold.get(task.name))
