"""Words from their characters; Peters et al. 2018, section 3.4, after Kim et al. 2016, arXiv:1508.06615."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from zoo import Batch, Dims, Embedding, Tokenizer
from zoo.blocks import Dropout
from zoo_elmo.formulas import N_CHARACTERS, half_of, widths_of

PAD, START, END = 256, 257, 258
"""What stands for no character, and before and after a word, beside the 256 bytes."""


class CharacterEmbedding(Embedding):
    """Convolutions over a word's bytes, one to seven at a time, their maxima, highway layers, and a projection.

    Each token is read as its text, of which the first `longest` - 2 bytes count. One vector goes to each direction. The
    token table is the output layer's, and not read here. Texts come from the tokenizer (`set_spellings`); until then
    a token is spelled as its number.
    """

    spellings: Tensor

    def __init__(
        self, dims: Dims, *, filters: int = 2_048, character_width: int = 16, n_highway: int = 2, longest: int = 50
    ) -> None:
        super().__init__()
        self.longest = longest
        self.tokens = nn.Embedding(dims.vocab_size, dims.embedding_width)
        self.characters = nn.Embedding(N_CHARACTERS, character_width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(character_width, n, width) for width, n in widths_of(filters, longest).items()
        )
        self.highways = nn.ModuleList(Highway(filters) for _ in range(n_highway))
        self.project = nn.Linear(filters, half_of(dims))
        self.dropout = Dropout(dims.dropout)
        self.register_buffer("spellings", _numbers(dims.vocab_size, longest), persistent=False)

    def set_spellings(self, tokenizer: Tokenizer) -> None:
        """Read tokens by their texts."""
        table = np.full((len(self.spellings), self.longest), PAD)
        for row, text in zip(table, tokenizer.texts_of_ids(), strict=False):
            word = [START, *text.encode()[: self.longest - 2], END]
            row[: len(word)] = word
        self.spellings = torch.from_numpy(table).to(self.spellings.device)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]; each different token is computed once."""
        ids, places = torch.unique(batch.ids, return_inverse=True)
        characters = self.characters(self.spellings[ids]).transpose(1, 2)
        words = torch.cat([convolve(characters).amax(2).relu() for convolve in self.convolutions], dim=1)
        for highway in self.highways:
            words = highway(words)
        one_way: Tensor = self.dropout(self.project(words)[places])
        return torch.cat([one_way, one_way], dim=1)


class Highway(nn.Module):
    """A layer that passes on part of its input; Srivastava et al. 2015, arXiv:1505.00387, equation 3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)

    def forward(self, words: Tensor) -> Tensor:
        """[W, filters] -> [W, filters]"""
        keep = self.gate(words).sigmoid()
        out: Tensor = keep * words + (1 - keep) * self.change(words).relu()
        return out


def _numbers(n: int, longest: int) -> Tensor:
    """The numbers below n, spelled in decimal digits. [V, longest]"""
    digits = torch.arange(n)[:, None] // 10 ** torch.arange(7, -1, -1) % 10 + ord("0")
    spelled = torch.full((n, longest), PAD)
    spelled[:, 0], spelled[:, 9] = START, END
    spelled[:, 1:9] = digits
    return spelled
