"""Where to write the names of points so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len

PER_CHARACTER = 6.1
"""Units of a character on average, in the size of a chart's text."""

LINE = 12.0
DOT = 6.0


@dataclass(frozen=True)
class Box:
    """A rectangle, y growing downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, other: Box) -> bool:
        """Whether this one lies in the other."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class Label:
    """The place of a text, and which end of it is there."""

    x: float
    y: float
    anchor: Literal["start", "middle", "end"]


def text_width(text: str) -> float:
    """The width of a text in units, about."""
    return PER_CHARACTER * cell_len(text)


def placed(points: Sequence[tuple[str, float, float]], room: Box) -> list[Label | None]:
    """A place for the name of each point (name, x, y): right, left, above or below; None where none is free."""
    taken = [Box(x - DOT, y - DOT, x + DOT, y + DOT) for _, x, y in points]
    labels: list[Label | None] = []
    for own, (name, x, y) in enumerate(points):
        others = [box for index, box in enumerate(taken) if index != own]
        free = (
            (label, box)
            for label, box in _choices(x, y, text_width(name))
            if box.inside(room) and not any(map(box.meets, others))
        )
        found = next(free, None)
        labels.append(found[0] if found else None)
        taken += [found[1]] if found else []
    return labels


def _choices(x: float, y: float, width: float) -> list[tuple[Label, Box]]:
    right, left = x + DOT + 2, x - DOT - 2
    above, below = y - DOT - 3, y + DOT + 10
    return [
        (Label(right, y + 4, "start"), Box(right, y - 6, right + width, y + 6)),
        (Label(left, y + 4, "end"), Box(left - width, y - 6, left, y + 6)),
        *((Label(x, at, "middle"), Box(x - width / 2, at - LINE + 2, x + width / 2, at + 2)) for at in (above, below)),
        *((Label(right, at, "start"), Box(right, at - LINE + 2, right + width, at + 2)) for at in (above, below)),
        *((Label(left, at, "end"), Box(left - width, at - LINE + 2, left, at + 2)) for at in (above, below)),
    ]
