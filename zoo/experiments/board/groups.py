"""Which runs are comparable: those that merge into one comparison. Why others are not is kept in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_uppercase
from typing import TypeAlias

from zoo.core.errors import ZooError
from zoo.experiments.board.records import LeftOut
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.judged import JudgedRun, is_judged, read_judged
from zoo.experiments.results.merge import merge
from zoo.experiments.results.run import ComparisonRun

AnyRun: TypeAlias = ComparisonRun | JudgedRun


@dataclass(frozen=True)
class Named:
    """A run and the name by which the board calls it."""

    name: str
    run: AnyRun


@dataclass
class Comparable:
    """Runs that are one comparison, and why each other run is not part of it."""

    label: str
    runs: list[Named]
    merged: AnyRun
    why: list[str] = field(default_factory=list)


def read_runs(folders: Sequence[Path]) -> tuple[list[Named], list[LeftOut]]:
    """All runs in these folders, or in the folders in them, by name; and what is no sound run, with the reason."""
    found: dict[Path, Path] = {}
    left_out = []
    for folder in folders:
        places = [place for place in (folder, *sorted(folder.glob("*"))) if _is_run(place)]
        if not places:
            reason = "holds no run" if folder.is_dir() else "is no folder"
            left_out.append(LeftOut(name=folder.as_posix(), reason=reason))
        for place in places:
            found.setdefault(place.resolve(), place)
    runs = []
    for name, place in sorted(_names(list(found.values())), key=lambda each: (is_judged(each[1]), each[0])):
        try:
            runs.append(Named(name, read_judged(place) if is_judged(place) else read_run(place)))
        except (ZooError, OSError) as error:
            left_out.append(LeftOut(name=name, reason=str(error).replace(str(place), name)))
    return runs, sorted(left_out, key=lambda each: each.name)


def grouped(runs: Sequence[Named]) -> list[Comparable]:
    """Each run in the first group that it merges with, else in one of its own."""
    groups: list[Comparable] = []
    for each in runs:
        refused = []
        for group in groups:
            merged = _merged(group, each)
            if not isinstance(merged, str):
                group.runs.append(each)
                group.merged = merged
                break
            refused.append((group, merged))
        else:
            groups.append(Comparable(_label(len(groups)), [each], each.run))
            groups[-1].why = [f"{group.label}: {why}" for group, why in refused]
    return groups


def _merged(group: Comparable, other: Named) -> AnyRun | str:
    """Both as one run, or why they are none."""
    one = group.merged
    if isinstance(one, JudgedRun) or isinstance(other.run, JudgedRun):
        if isinstance(one, JudgedRun) and isinstance(other.run, JudgedRun):
            return f"{other.name} was judged by itself; judge all predictions together to compare them"
        return "how the judged systems were trained is not known"
    try:
        plain = {name: _plain(run) for name, run in ((group.runs[0].name, one), (other.name, other.run))}
        return merge(plain)
    except ZooError as error:
        return str(error)


def _plain(run: ComparisonRun) -> ComparisonRun:
    """Without an ablation's edges, which may name variants of this run only."""
    return replace(run, plan=run.plan.model_copy(update={"ablation": None}))


def _is_run(place: Path) -> bool:
    return os.path.lexists(place / "plan.json") or is_judged(place)


def _names(places: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The folders by their own names, in order; with those above them where two are called alike."""
    own = [place.resolve().name for place in places]
    named = [
        (name if own.count(name) == 1 else "/".join(place.resolve().parts[-2:]), place)
        for name, place in zip(own, places, strict=True)
    ]
    names = [name for name, _ in named]
    return ((name if names.count(name) == 1 else place.resolve().as_posix(), place) for name, place in named)


def _label(number: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    letters = ""
    number += 1
    while number:
        number, place = divmod(number - 1, len(ascii_uppercase))
        letters = ascii_uppercase[place] + letters
    return letters
