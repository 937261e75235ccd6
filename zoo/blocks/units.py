"""What can be taken out of a block one by one: the heads of attention, the inner units of a feed-forward network."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor, nn

UnitKind: TypeAlias = Literal["heads", "ffn"]


class Units(NamedTuple):
    """`n` units of equal width: rows of each of the linear layers `inputs`, and the columns of `output`."""

    kind: UnitKind
    n: int
    inputs: tuple[nn.Linear, ...]
    output: nn.Linear

    @property
    def width(self) -> int:
        """The columns of each unit."""
        return self.output.in_features // self.n

    def spread(self, of_units: Tensor) -> Tensor:
        """A value per unit as one per column. [..., n] -> [..., n x width]"""
        return of_units.repeat_interleave(self.width, dim=-1)

    @torch.no_grad()
    def magnitudes(self) -> Tensor:
        """The root of the sum of squares of each unit's weights. [n]"""
        rows = [layer.weight.square().sum(dim=1) for layer in self.inputs]
        columns = self.output.weight.square().sum(dim=0)
        return sum(rows, columns).view(self.n, -1).sum(dim=1).sqrt()

    @torch.no_grad()
    def silence(self, kept: Tensor) -> None:
        """Set the weights of all other units to zero. kept: bool [n]"""
        columns = self.spread(kept)
        self.output.weight.mul_(columns)
        for layer in self.inputs:
            layer.weight.mul_(columns[:, None])
            if layer.bias is not None:
                layer.bias.mul_(columns)


@runtime_checkable
class HasUnits(Protocol):
    """A module with units that can be pruned."""

    def units(self) -> Units:
        """Its units."""
