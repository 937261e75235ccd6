"""What is given of each system by task and seed: files of predictions, predictions in memory, or only scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from zoo.answers.forms import read_rows
from zoo.answers.sources import TASK, Match, by_seed, by_task, matches
from zoo.answers.task import Key
from zoo.core.errors import ZooError, listed

Given: TypeAlias = Path | Sequence[Any] | float
"""A file of predictions, predictions in memory, or a score."""

Sources: TypeAlias = Mapping[str, Any]
"""By system: patterns of files; or paths, or predictions in memory, or scores: one for each seed."""

ONLY = "task"
"""The name of a task that nothing names."""

_HARNESS = re.compile(r"samples_(.+?)_\d{4}-\d\d-\d\d")
_SPLIT = re.compile(r"(dev|val|valid|validation|test|train|gold|labels|targets)\b", re.IGNORECASE)
_NUMBERS = re.compile(r"(?:[-+.\deE, ]|nan|inf)*(?:\d|nan|inf)(?:[-+.\deE, ]|nan|inf)*", re.IGNORECASE)


def given_by_task(
    sources: Sources, gold: str | None, tasks: Sequence[str]
) -> tuple[dict[str, dict[Key, Given]], dict[str, Path]]:
    """By task and then by system and seed; and the file of gold labels by task, if they are given.

    Raises ZooError if a pattern matches nothing, or a task has no predictions.
    """
    golds = _golds(gold)
    names = list(tasks or golds) or None
    only = names[0] if names and len(names) == 1 else None
    found: dict[str, dict[Key, Given]] = {name: {} for name in names or ()}
    for system, given in sources.items():
        for task, by in _of_system(system, given, names, only).items():
            found.setdefault(task, {}).update({(system, seed): thing for seed, thing in by.items()})
    if empty := next((task for task, its in found.items() if not its), None):
        raise ZooError(f"no system has predictions of task {empty!r:.80}; write {TASK} where its name is in the files'")
    return found, golds


def _called(gold: Path) -> str:
    """A task as its file of gold labels is called, or as the folder if that is called as a split."""
    name = Path(gold.name.removesuffix(".gz")).stem
    return gold.parent.name if _SPLIT.match(name) and gold.parent.name else name


def _golds(pattern: str | None) -> dict[str, Path]:
    """The file of gold labels by task; without {task} in the pattern there is one, called as the file."""
    if pattern is None:
        return {}
    found = matches(pattern, "--gold")
    golds: dict[str, Path] = {}
    for match in found:
        name = match.task or _called(match.path)
        if golds.setdefault(name, match.path) is not match.path:
            raise ZooError(f"--gold: {golds[name]} and {match.path} are both of task {name!r:.80}")
    if len(golds) > 1 and TASK not in pattern:
        raise ZooError(f"--gold: {pattern!r:.120} matches {len(golds)} files; write {TASK} where a task's name stands")
    return golds


def _of_system(system: str, given: Any, tasks: list[str] | None, only: str | None) -> dict[str, dict[int, Given]]:
    if isinstance(given, str) and _NUMBERS.fullmatch(given) and not Path(given).exists():
        given = [_number(system, part) for part in given.split(",")]
    several = [given] if isinstance(given, str | Path) else list(given)
    if several and all(isinstance(each, str | Path) for each in several):
        found = matches(",".join(map(str, several)), system)
        return {task: dict(its) for task, its in _files(system, found, tasks, only).items()}
    if tasks and only is None:
        raise ZooError(f"{system}: predictions in memory are of one task, and there are {len(tasks)}")
    things = [thing.tolist() if hasattr(thing, "tolist") else thing for thing in several]
    return {only or ONLY: dict(enumerate(things))}


def _number(system: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ZooError(f"{system}: {text.strip()!r:.60} is neither a score nor a file") from None


def _files(
    system: str, found: Sequence[Match], tasks: list[str] | None, only: str | None
) -> Mapping[str, Mapping[int, Path]]:
    if tasks and only is None and any(match.task is None for match in found):
        raise ZooError(f"{system}: there are {len(tasks)} tasks; write {TASK} where a task's name is in the files'")
    by = by_task(found, tasks, only or _in_name(match.path for match in found))
    if not by:
        seen = list(dict.fromkeys(str(match.task) for match in found))
        raise ZooError(f"{system}: its files are of {listed(seen)}, and none of the tasks {listed(tasks or [])}")
    return {task: by_seed(its, f"{system} on {task}") for task, its in by.items()}


def _in_name(paths: Iterable[Path]) -> str:
    """The task in the names of the evaluation harness's files."""
    named = {found[1] for path in paths if (found := _HARNESS.match(path.name))}
    return named.pop() if len(named) == 1 else ONLY


def scores_in(path: Path) -> dict[str, dict[str, dict[int, float]]]:
    """By task, system and seed, the scores of a table with the columns system, score, and perhaps task and seed.

    Raises ZooError with the line if one is no number, or given twice.
    """
    file = read_rows(path, header=("system",))
    if missing := {"system", "score"} - {*file.columns}:
        raise ZooError(f"{path}: has no column {min(missing)!r}; it needs system and score, and may have task and seed")
    found: dict[str, dict[str, dict[int, float]]] = {}
    for row in file.rows:
        system, task = str(row.values["system"]), str(row.values.get("task") or ONLY)
        by = found.setdefault(task, {}).setdefault(system, {})
        try:
            seed, value = int(row.values.get("seed", len(by))), float(row.values["score"])
        except (TypeError, ValueError):
            raise ZooError(f"{row.where}: seed and score should be numbers") from None
        if by.setdefault(seed, value) is not value:
            raise ZooError(f"{row.where}: {system} has two scores on {task} with seed {seed}")
    return found
