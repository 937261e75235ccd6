"""A file of `benchmarks.gpu_check --out` as a table: each row's figures beside those of transformers in the same run.

python -m benchmarks.table benchmarks/results/h200-2026-11-27.json
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = Mapping[str, Any]

HEAD = """\
| row | goal | zoo | transformers | zoo is faster by | peak memory relative to transformers | goal reached |
|---|---|---:|---:|---:|---:|---|"""


def table(lines: Iterable[Line]) -> list[str]:
    """A line of Markdown for each row, in their order; the fastest of either side, without what has a note. Memory is
    compared with the peer's plain setting, if that was measured.
    """
    measured = [line for line in lines if "tokens_per_s" in line and "note" not in line]
    names = dict.fromkeys(line["row"] for line in measured)
    return [_of_row(name, [line for line in measured if line["row"] == name]) for name in names]


def _of_row(name: str, lines: list[Line]) -> str:
    ours, theirs = (_best(line for line in lines if line["who"].startswith(who)) for who in ("zoo", "transformers"))
    plain = next((line for line in lines if line["who"] == "transformers"), theirs)
    goal = lines[0]["goal"]
    in_ms = goal.endswith("ms")
    speed = memory = "-"
    if ours and theirs and plain:
        speed = f"{ours['tokens_per_s'] / theirs['tokens_per_s']:.2f}"
        memory = f"{ours['peak_GiB'] / plain['peak_GiB']:.2f}"
    reached = {None: "-", True: "yes", False: "no"}[_reached(goal, ours, plain)]
    return f"| `{name}` | {goal} | {_said(ours, in_ms)} | {_said(theirs, in_ms)} | {speed} | {memory} | {reached} |"


def _best(lines: Iterable[Line]) -> Line | None:
    return max(lines, key=lambda line: float(line["tokens_per_s"]), default=None)


def _said(line: Line | None, in_ms: bool) -> str:
    if line is None:
        return "-"
    return f"{line['ms']:.1f} ms" if in_ms else f"{line['tokens_per_s'] / 1e3:,.0f} k"


def _reached(goal: str, ours: Line | None, theirs: Line | None) -> bool | None:
    """Whether speed and memory are as the goal says; None if there is no goal, or a side was not measured."""
    if not goal or ours is None:
        return None
    parts = []
    for sign, number, unit in re.findall(r"([<>]=) ([\d.,]+) (ms|k|x)", goal):
        if unit == "x" and theirs is None:
            return None
        if unit == "x" and theirs:
            value = ours["peak_GiB"] / theirs["peak_GiB"]
        else:
            value = ours["ms"] if unit == "ms" else ours["tokens_per_s"] / 1e3
        limit = float(number.replace(",", ""))
        parts.append(value <= limit if sign == "<=" else value >= limit)
    return all(parts)


def main(files: Iterable[str]) -> None:
    """Print the table of each file."""
    for file in files:
        try:
            lines = json.loads(Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            sys.exit(f"{file}: {error}")
        print(HEAD, *table(lines), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
