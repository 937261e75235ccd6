"""What a board shows: groups of comparable runs, a row per system of a group, a cell per task."""

from __future__ import annotations

import json

from zoo.core.specs import Record

JUDGED = "judged"
"""The family, device and data of systems of which only predictions are known."""


class Cell(Record):
    """A system's score on a task, its seeds, its interval, and the difference from the best of its group.

    `leads`: no system of the group is significantly better. `verdict` is in words.
    """

    seeds: dict[str, float]
    score: float
    low: float | None
    high: float | None
    leads: bool
    verdict: str
    n_items: int
    run: int
    """The place of the run among the board's."""
    place: int
    """The place of the environment among the board's."""


class Row(Record):
    """A system of a group. `mean` is over all tasks of the group, None if one is missing; `costs` are those known."""

    system: str
    family: str
    group: str
    device: str
    costs: dict[str, float]
    mean: float | None
    cells: dict[str, Cell]
    is_baseline: bool = False


class Group(Record):
    """Runs whose scores are comparable: `settings` is what they have in common, and `why` why no other run is in it."""

    label: str
    data: str
    runs: tuple[int, ...]
    settings: tuple[str, ...]
    why: tuple[str, ...]


class RunEntry(Record):
    """A run folder, by the hash of its plan."""

    name: str
    hash: str


class LeftOut(Record):
    """A folder that is no sound run, and why."""

    name: str
    reason: str


class Board(Record):
    """All of it. `tasks` are the columns: a task with other data is another column."""

    tasks: tuple[str, ...]
    metrics: dict[str, str]
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    runs: tuple[RunEntry, ...]
    environments: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def schema() -> str:
    """The JSON schema of board.json."""
    return json.dumps(Board.model_json_schema(mode="serialization"), indent=1) + "\n"
