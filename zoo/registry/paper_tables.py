"""Ablation tables of papers as records: the printed figures, and the variants that reproduce them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Annotated, Self

from pydantic import Field, model_validator

from zoo.core.specs import Name, Record


class Row(Record):
    """A row of a paper's table; `scores` are as printed, empty for a row that we add to change one choice per step.

    `variants` are expressions by size, none if the zoo cannot build it; `after` names the rows that it is one design
    choice away from.
    """

    label: str
    scores: tuple[float, ...] = ()
    variants: dict[str, str] = Field(default={})
    after: tuple[str, ...] = ()


class PaperTable(Record):
    """A paper's table; effects on our tasks are compared with the mean of its columns `counted`. Without columns, edges
    of our own.

    By column, `tasks` names the paper's task, whose data are the user's; `stand_ins` a made task that is taken without
    them, by default; and `perplexities` the objective whose perplexity on held-out text it is. `limits` says what
    cannot be reproduced at our sizes.
    """

    name: Name
    title: str
    source: str
    columns: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    tasks: dict[str, str] = Field(default={})
    stand_ins: dict[str, str] = Field(default={})
    perplexities: dict[str, str] = Field(default={})
    rows: Annotated[tuple[Row, ...], Field(min_length=2)]
    limits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.columns) != bool(self.counted):
            raise ValueError("columns are given with those of them that count")
        labels = [row.label for row in self.rows]
        unknown = {*self.counted, *self.tasks, *self.stand_ins, *self.perplexities} - {*self.columns}
        unknown |= {label for row in self.rows for label in row.after} - {
            row.label for row in self.rows if row.variants
        }
        if unknown:
            raise ValueError(f"{min(unknown)!r} names no column or no row that can be built")
        if len({*labels}) < len(labels):
            raise ValueError("two rows have the same label")
        for at, row in enumerate(self.rows):
            if not {*row.after} <= {*labels[:at]} or (row.after and not row.variants):
                raise ValueError(f"{row.label!r} should come after rows above it, and have variants if it does")
            if row.scores and len(row.scores) != len(self.columns):
                raise ValueError(f"{row.label!r} has {len(row.scores)} scores for {len(self.columns)} columns")
            if row.variants and {*row.variants} != {*self.sizes}:
                raise ValueError(f"{row.label!r} should have a variant for each size: {', '.join(self.sizes)}")
        return self

    @property
    def sizes(self) -> tuple[str, ...]:
        """The sizes at which it can be repeated, the first by default."""
        return next((tuple(row.variants) for row in self.rows if row.variants), ())

    def row(self, label: str) -> Row:
        """The row of this label."""
        return next(row for row in self.rows if row.label == label)

    def columns_of(self, task: str) -> list[str]:
        """The columns that are this task's, or that it stands in for."""
        return [c for c in self.columns if task in (self.tasks.get(c), self.stand_ins.get(c))]

    def effect(self, first: str, second: str, columns: Sequence[str]) -> float | None:
        """By how much the second row is above the first in the mean of columns; None if one was not printed."""
        sides = self.row(first).scores, self.row(second).scores
        if not all(sides):
            return None
        which = [self.columns.index(column) for column in columns]
        before, after = (fmean(side[index] for index in which) for side in sides)
        return round(after - before, 4)


def at_sizes(family: str, *exchanges: str, sizes: Sequence[str] = ("tiny", "mini")) -> dict[str, str]:
    """A family's variants of some sizes with fields exchanged, by size: the variants of a row."""
    return {size: "+".join((f"{family}-{size}", *exchanges)) for size in sizes}
