"""From predictions, or only scores, to a run that is compared like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.answers.forms import RowFile, read_rows, rows_of
from zoo.answers.guess import Asked
from zoo.answers.task import Answered, Key, Wanted, answered_alone, answered_files, answered_installed
from zoo.core.errors import UnknownName, ZooError, explain
from zoo.core.files import read_regular
from zoo.experiments.judging.given import Given, Sources, given_by_task, scores_in
from zoo.experiments.judging.options import JudgeOptions
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.planned import PlannedSplit, hash_json
from zoo.experiments.results.judged import KIND, JudgedResult, JudgedRun, JudgedTask, Judgement, PredictionFile
from zoo.tasks.kinds import ITEM_SCORES, task_kind
from zoo.tasks.scoring import main_score, score
from zoo.tasks.task import Task

LARGEST = 2_000_000_000
"""The most bytes of a file of predictions."""

SPLIT = "dev"
"""What the items of a task are called where nothing names them."""


@dataclass(frozen=True)
class Judged:
    """A task with its results, the files that they are from, and its gold labels."""

    task: JudgedTask
    results: Sequence[JudgedResult]
    files: Sequence[PredictionFile]
    gold: list[Any] = field(default_factory=list)
    groups: Mapping[str, list[int]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def judged_run(sources: Sources, options: JudgeOptions, tasks: Sequence[Task]) -> JudgedRun:
    """Score what each system predicted. Raises ZooError, with file and line, for whatever does not fit."""
    if options.gold and tasks:
        raise ZooError("gold labels are given twice; give either --gold or --tasks")
    if options.scores:
        judged = [_of_scores(task, its, options) for task, its in _scores(sources, options.scores).items()]
    elif not sources:
        raise ZooError("there is nothing to judge; name systems and their files, such as bert='preds/bert-*.jsonl'")
    else:
        by_task, golds = given_by_task(sources, options.gold_files, [task.name for task in tasks])
        known = {task.name: task for task in tasks}
        judged = [_judged(name, its, golds.get(name), known.get(name), options) for name, its in by_task.items()]
    return _run(list(sources) or _systems(judged), judged, options)


def _run(names: Sequence[str], judged: Sequence[Judged], options: JudgeOptions) -> JudgedRun:
    if options.against not in (None, *names):
        raise UnknownName("system that is judged", str(options.against), names)
    try:
        plan = Judgement(
            names=tuple(names),
            tasks=tuple(each.task for each in judged),
            files=tuple(file for each in judged for file in each.files),
            claims=options.claims,
            notes=tuple(f"{each.task.name}: {note}" for each in judged for note in each.notes),
        )
    except ValidationError as error:
        raise ZooError(explain(error)) from None
    splits = {each.task.name: next(iter(each.task.dev)) for each in judged if each.task.dev}
    return JudgedRun(
        plan,
        tuple(result for each in judged for result in each.results),
        gold={each.task.name: {splits[each.task.name]: each.gold} for each in judged if each.task.dev},
        groups={each.task.name: {splits[each.task.name]: dict(each.groups)} for each in judged if each.groups},
    )


def _judged(
    name: str, given: Mapping[Key, Given], gold: Path | None, task: Task | None, options: JudgeOptions
) -> Judged:
    """One task from what is given of each system and seed."""
    if all(isinstance(thing, int | float) for thing in given.values()):
        return _of_scores(name, {key: float(thing) for key, thing in given.items()}, options)  # type: ignore[arg-type]
    files = {key: _read(*key, thing, options) for key, thing in given.items()}
    wanted = Wanted(**options.wanted(name))
    if task is not None:
        found = answered_installed(task, task.load(options.data), files, wanted)
    elif options.gold is not None:
        found = answered_files(_gold(gold, options), files, wanted)
    else:
        found = answered_alone(files, wanted)
    planned = _planned(name, found)
    results = [_result(planned, key, found.gold, made) for key, made in found.predictions.items()]
    listed = [
        PredictionFile(
            system=system,
            task=name,
            seed=seed,
            path=file.name,
            hash=_hash(given[system, seed]),
            form=file.form,
            n_items=len(found.predictions[system, seed]),
            how=found.how[system, seed],
        )
        for (system, seed), file in files.items()
    ]
    return Judged(planned, results, listed, found.gold, found.groups, found.notes)


def _read(system: str, seed: int, thing: Given, options: JudgeOptions) -> RowFile:
    if isinstance(thing, int | float):
        raise ZooError(f"{system}: has scores for some seeds and predictions for others; give one of the two")
    if not isinstance(thing, Path):
        return rows_of(f"{system}, seed {seed}", thing)
    header = [name for name in (options.column, options.gold_column, options.id_column) if name]
    return read_rows(thing, options.form, options.split, [*header, *options.metric])


def _gold(path: Path | None, options: JudgeOptions) -> RowFile:
    if path is None:
        return rows_of("gold", options.gold or ())
    header = [name for name in (options.gold_column, options.id_column) if name]
    return read_rows(path, None, options.split, header)


def _planned(name: str, found: Answered) -> JudgedTask:
    groups = hash_json(dict(found.groups)) if found.groups else ""
    split = PlannedSplit(n_items=len(found.gold), gold=hash_json(found.gold), groups=groups)
    try:
        return JudgedTask(
            name=name,
            kind=found.asked.kind,
            pair=found.asked.pair,
            options=found.asked.options,
            labels=found.asked.labels,
            metrics=found.metrics,
            measures=found.measures,
            dev={found.split: split},
            gold=found.source,
        )
    except ValidationError as error:
        raise ZooError(explain(error)) from None


def _result(task: JudgedTask, key: Key, gold: list[Any], made: list[Any]) -> JudgedResult:
    (split,) = task.dev
    scores = {split: score(task, gold, made)}
    return JudgedResult(
        job=_job(task.name, key), scores=scores, main_score=main_score(task, scores), predictions={split: made}
    )


def _job(task: str, key: Key) -> Job:
    return Job(kind=KIND, system=key[0], task=task, seed=key[1])


def _of_scores(name: str, scores: Mapping[Key, float], options: JudgeOptions) -> Judged:
    """A task of which only scores are known."""
    measures = options.metrics_of(name) or ("score",)
    asked = Asked(ITEM_SCORES)
    kind = task_kind(asked)
    planned = JudgedTask(name=name, kind=asked.kind, metrics=("mean",), measures=measures, dev={}, gold="not known")
    results, files = [], []
    for (system, seed), given in scores.items():
        value = given / options.scale
        if not kind.fits(value):
            raise ZooError(f"{system} on {name}, seed {seed}: {given:g} should be {kind.wanted}")
        job = _job(name, (system, seed))
        results.append(JudgedResult(job=job, scores={SPLIT: {"mean": value}}, main_score=value))
        where = str(options.scores or "the command")
        files.append(
            PredictionFile(
                **job.model_dump(include={"system", "task", "seed"}),
                path=where,
                hash=hash_json(given),
                form="scores",
                n_items=0,
                how="only scores",
            )
        )
    return Judged(planned, results, files)


def _scores(sources: Sources, path: Path) -> dict[str, dict[Key, float]]:
    if sources:
        raise ZooError("a table of scores names its systems; leave out NAME=FILES, or --scores")
    return {
        task: {(system, seed): value for system, by in its.items() for seed, value in by.items()}
        for task, its in scores_in(path).items()
    }


def _systems(judged: Sequence[Judged]) -> list[str]:
    return list(dict.fromkeys(result.job.system for each in judged for result in each.results))


def _hash(thing: Given) -> str:
    if isinstance(thing, Path):
        return hashlib.sha256(read_regular(thing, LARGEST)).hexdigest()
    return hash_json(thing)
