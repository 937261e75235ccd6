"""What a task head reads of an encoder's layers; Devlin et al. 2019, section 5.3 and table 7."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from zoo.core.batch import Batch, Layout
from zoo.core.errors import ZooError
from zoo.core.interfaces import Embedding, Encoder
from zoo.core.specs import Dims, FeatureConfig


class LayerMix(nn.Module):
    """A learned mix of layers: softmax weights and a scale; Peters et al. 2018, arXiv:1802.05365, eq. 1.

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
    """One vector per token from the states of all layers: some of them, their sum, concatenation or learned mix, and
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


class ReadsLayers(nn.Module):
    """A model whose head may read any layers, and whose embedding and encoder may be frozen."""

    embedding: Embedding
    encoder: Encoder
    objectives: nn.ModuleDict
    frozen = False
    """Whether embedding and encoder stay as they are in training, without dropout."""
    kept: Callable[[Batch], Tensor] | None = None
    """What the head's features select of a batch, if it is kept from an earlier time; [K, T, H]."""

    @abstractmethod
    def hidden_states(self, batch: Batch) -> list[Tensor]:
        """The encoder's input and the output of each of its layers. -> L + 1 times [T, H]"""

    @property
    def features(self) -> Features | None:
        """What a task head reads of the layers, if not the last hidden states."""
        found = (getattr(objective, "features", None) for objective in self.objectives.values())
        return next((features for features in found if isinstance(features, Features)), None)

    def selected(self, batch: Batch) -> Tensor:
        """What the head's features select of the layers, without a gradient if these are frozen. -> [K, T, H]"""
        assert self.features is not None
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return self.features.selected(self.hidden_states(batch))

    def freeze(self) -> None:
        """From now on, train nothing but objectives: no gradients and no dropout in embedding and encoder."""
        self.frozen = True
        for part in (self.embedding, self.encoder):
            part.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Training mode, in which what is frozen has no dropout."""
        super().train(mode)
        if self.frozen:
            self.embedding.eval()
            self.encoder.eval()
        return self


def _refuse_missing(n: int, wanted: int, name: str) -> None:
    if n != wanted:
        raise ZooError(
            f"finetuning.features={name} reads single layers, and the encoder gives {n} of its {wanted}; "
            "its method `states` should yield each"
        )
