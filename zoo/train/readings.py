"""Numbers that steps leave on a device, read many at a time: to read one is to wait for the device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from zoo.core.errors import RunFailed

Number: TypeAlias = tuple[str, str]
"""What a number is, and of which objective."""

LOSS, HITS, COUNTED = "the loss of ", "hits", "counted"
NORM: Number = ("the gradient's norm", "")
STOP: Number = ("stop", "")


class Readings:
    """The numbers of all steps that have not been read yet; `at_once`, each is read as soon as it is there."""

    def __init__(self, at_once: bool) -> None:
        self._at_once = at_once
        self._waiting: list[tuple[Reading, Sequence[Number], Tensor]] = []

    def add(self, reading: Reading, names: Sequence[Number], values: Tensor) -> None:
        """Numbers of a step, by name. [N] Raises RunFailed if they are read and not finite."""
        self._waiting.append((reading, names, values))
        if self._at_once:
            self.read()

    def read(self) -> None:
        """Wait for all numbers. Raises RunFailed if a loss, or the norm of a gradient, is NaN or infinite."""
        waiting, self._waiting = self._waiting, []
        values = iter(torch.cat([values.double() for *_, values in waiting]).tolist() if waiting else ())
        for reading, names, _ in waiting:
            reading.numbers.update(zip(names, values, strict=False))
        for reading, names, _ in waiting:
            reading.refuse_infinite(names)


class Reading:
    """What one step has left; asking for a number waits for the device if it was not read yet."""

    def __init__(self, readings: Readings, where: str) -> None:
        self._readings, self._where = readings, where
        self.numbers: dict[Number, float] = {}

    def read(self) -> Reading:
        """With its numbers, and those of all steps before."""
        self._readings.read()
        return self

    def of(self, what: str) -> dict[str, float]:
        """One kind of number by objective."""
        return {name: value for (kind, name), value in self.read().numbers.items() if kind == what}

    def refuse_infinite(self, names: Sequence[Number]) -> None:
        """Raises RunFailed if one of these losses or norms is NaN or infinite."""
        for what, name in names:
            value = self.numbers[what, name]
            if what in (LOSS, NORM[0]) and not math.isfinite(value):
                raise RunFailed(
                    f"{what}{name} is {value} {self._where}; try a lower learning rate, a longer warm-up, or fp32"
                )
