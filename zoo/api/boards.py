"""A leaderboard over many runs, as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.files import make_folder, write_text
from zoo.experiments.board.records import Board
from zoo.registry.catalog import Catalog

PAGE, DATA = "index.html", "board.json"


@dataclass(frozen=True)
class Leaderboard:
    """A leaderboard, and the folder of its page if it was written."""

    board: Board
    folder: Path | None

    @property
    def page(self) -> str:
        """The page as HTML."""
        from zoo.experiments.board.page import render

        return render(self.board)

    def __repr__(self) -> str:
        board = self.board
        lines = [f"{group.label}: {_counted(len(group.runs), 'run')}, {group.data}" for group in board.groups]
        return "\n".join([f"{_counted(len(board.rows), 'system')} on {_counted(len(board.tasks), 'task')}", *lines])


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def board(*runs: str | Path, out: str | Path | None = None) -> Leaderboard:
    """A leaderboard over run folders, judged folders and folders of them; as `zoo board`.

    Only runs that `merge` would accept are compared with each other. With `out`, `index.html` and `board.json` are
    written to that folder, with the same bytes for the same runs. Folders that cannot be read are listed in
    `board.left_out`. Raises ZooError if no folder can be read.
    """
    from zoo.experiments.board.collect import board as collected

    if not runs:
        raise ZooError("give run folders, or a folder that holds them, such as runs")
    Catalog.installed()  # makes the kinds and metrics of plugins known
    found = collected([Path(run) for run in runs])
    if not found.rows:
        why = f": {found.left_out[0].name}: {found.left_out[0].reason}" if found.left_out else ""
        raise ZooError(f"there is no run with a score{why}")
    made = Leaderboard(found, Path(out) if out else None)
    if made.folder:
        make_folder(made.folder)
        write_text(made.folder / PAGE, made.page)
        write_text(made.folder / DATA, found.model_dump_json(indent=1) + "\n")
    return made
