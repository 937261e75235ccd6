"""Two stacks of LSTM layers, one in each direction; Peters et al. 2018, sections 3.1 and 3.4."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zoo import Dims, Encoder, Layout
from zoo_elmo.formulas import cell_of, half_of


class BothWays(Encoder):
    """L layers of an LSTM from left to right and L from right to left, which share nothing.

    Cells are `dims.ffn_width` wide, and projected to half of H. Each layer but the first adds its input. The released
    code also clips cells and projections, which is left out here.
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.forwards = nn.ModuleList(Recurrent(half_of(dims), cell_of(dims)) for _ in range(dims.n_layers))
        self.backwards = nn.ModuleList(Recurrent(half_of(dims), cell_of(dims)) for _ in range(dims.n_layers))

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        *_, last = self.states(hidden, layout)
        return last

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer: half of H from the left, half from the right."""
        left, right = hidden.chunk(2, dim=1)
        turned = _reversed(layout)
        right = right[turned]
        for number, (onward, back) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            new_left, new_right = onward(left, layout), back(right, layout)
            left, right = (new_left + left, new_right + right) if number else (new_left, new_right)
            yield torch.cat([left, right[turned]], dim=1)


class Recurrent(nn.Module):
    """An LSTM with a projection; Sak et al. 2014, arXiv:1402.1128. The last of its inputs is one: a single bias.

    Forget gates begin with a bias of one.
    """

    keeps_own_init = True

    def __init__(self, width: int, cell: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width + 1, cell, proj_size=width, bias=False, batch_first=True)
        with torch.no_grad():
            weights = self.lstm.weight_ih_l0
            assert isinstance(weights, Tensor)
            bias = weights[:, -1]
            bias.zero_()
            bias[cell : 2 * cell] = 1.0

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H/2] -> [T, H/2], from left to right; padding comes after a sequence and changes nothing in it."""
        padded, _ = layout.pad(torch.cat([hidden, hidden.new_ones(len(hidden), 1)], dim=1))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
            return layout.pack(self.lstm(padded)[0])


def _reversed(layout: Layout) -> Tensor:
    """The place of each token in its sequence read backwards. [T]"""
    sequence, last = layout.sequence_of, layout.starts + layout.sizes - 1
    return last[sequence] - layout.positions
