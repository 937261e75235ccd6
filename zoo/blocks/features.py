"""What a task head reads of an encoder's layers; Devlin et al. 2019, section 5.3 and table 7."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.core.batch import Layout
from zoo.core.errors import ZooError
from zoo.core.specs import Dims, FeatureConfig


class LayerMix(nn.Module):
    """A learnt mix of layers: softmax weights and a scale; Peters et al. 2018, arXiv:1802.05365, eq. 1.

    It starts as the mean.
    """

    def __init__(self, n_states: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(n_states))
        self.scale = nn.Parameter(torch.ones(()))

    @property
    def weights(self) -> Tensor:
        """The share of each layer, 1 in all. [K]"""
        return self.logits.softmax(0)

    def forward(self, states: Tensor) -> Tensor:
        """[K, T, H] -> [T, H]"""
        return self.scale * torch.einsum("k,kth->th", self.weights, states)


class Features(nn.Module):
    """One vector per token from the states of all layers: some of them, their sum, concatenation or learnt mix, and
    where asked a BiLSTM over them, without dropout.

    `selected` has no parameters, so what it gives of a frozen encoder can be kept. "Layers" are the encoder's; the
    embeddings count as one in "mix" alone, as in ELMo. "last-four" of an encoder with fewer layers is all of them.
    """

    def __init__(self, dims: Dims, config: FeatureConfig) -> None:
        super().__init__()
        self.config = config
        self.n_layers = dims.n_layers
        self.mix = LayerMix(dims.n_layers + 1) if config.layers == "mix" else None
        self.width = dims.hidden_width * (min(4, dims.n_layers) if config.layers == "last-four" else 1)
        self.lstm = None
        if config.lstm_width is not None:
            self.lstm = nn.LSTM(self.width, config.lstm_width, config.lstm_layers or 1, bidirectional=True)
            self.width = 2 * config.lstm_width

    def selected(self, states: Sequence[Tensor]) -> Tensor:
        """The encoder's input and the output of each of its layers [T, H], to those read, or their sum. -> [K, T, H]

        Raises ZooError if a layer is not there.
        """
        layers, name = states[1:], self.config.layers
        number = self.config.layer
        if number is not None or name in ("mix", "second-to-last", "last-four", "sum-last-four", "sum"):
            _refuse_missing(len(layers), self.n_layers, name)
        if number is not None:
            return states[number][None]
        if name in ("sum", "sum-last-four"):
            return torch.stack(list(layers[-4:] if name == "sum-last-four" else layers)).sum(0, keepdim=True)
        chosen = {
            "embeddings": states[:1],
            "last": states[-1:],
            "second-to-last": states[-2:-1],
            "last-four": layers[-4:],
            "mix": states,
        }[name]
        return torch.stack(list(chosen))

    def forward(self, selected: Tensor, layout: Layout) -> Tensor:
        """[K, T, H] -> [T, width]"""
        mixed = self.mix(selected) if self.mix is not None else selected.movedim(0, 1).flatten(1)
        return mixed if self.lstm is None else self._read(mixed, layout)

    def _read(self, hidden: Tensor, layout: Layout) -> Tensor:
        assert self.lstm is not None
        padded, _ = layout.pad(hidden)
        lengths = torch.tensor(layout.lengths)
        packed = nn.utils.rnn.pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
        read, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return layout.pack(read)


def _refuse_missing(n: int, wanted: int, name: str) -> None:
    if n != wanted:
        raise ZooError(
            f"finetuning.features={name} reads single layers, and the encoder gives {n} of its {wanted}; "
            "its method `states` should yield each"
        )
