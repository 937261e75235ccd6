"""The six kinds of part that a variant is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
from torch import Tensor, nn

from zoo.core.batch import IGNORE, Batch, Encoding, Flags, Ids, Layout, Output, Passage
from zoo.core.errors import ZooError

if TYPE_CHECKING:
    from zoo.core.corpus import TokenCorpus


Reads: TypeAlias = Literal["hidden", "states", "embedded"]


class FolderLike(Protocol):
    """A folder, as a Path or as what has read it already: `folder / name` is the path of a file in it."""

    def __truediv__(self, name: str, /) -> Path: ...


class Tokenizer(ABC):
    """Text to ids and back, and the special tokens around one text or two."""

    pad_id: int
    unk_id: int
    """The id of pieces that are not in the vocabulary; -1 where there are none, as for bytes."""
    cls_id: int
    sep_id: int
    mask_id: int

    @classmethod
    @abstractmethod
    def train(cls, texts: Iterable[str], vocab_size: int, *args: Any, **options: Any) -> Self:
        """A tokenizer learnt from texts, with at most `vocab_size` pieces; the same texts give the same pieces.

        An implementation names its own options, each with a default.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: FolderLike, *args: Any, **options: Any) -> Self:
        """The tokenizer saved in a folder. Raises ZooError where its files are missing or broken."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the files that `load` reads."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """The number of ids, special tokens included."""

    @property
    @abstractmethod
    def special_ids(self) -> tuple[int, ...]:
        """The ids that stand for no text."""

    @property
    def special_names(self) -> dict[str, str]:
        """The names of special tokens by role: pad, unk, cls, sep, mask; none where tokens have no names."""
        return {}

    @property
    @abstractmethod
    def word_starts(self) -> Flags:
        """Which ids begin a word, for whole-word masking. [V]"""

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, without special tokens."""

    def encode_with_offsets(self, texts: Sequence[str]) -> list[tuple[Ids, Ids]]:
        """The ids of each text, and where in the text each begins and ends, in characters. -> [S], [S, 2]

        Raises ZooError where the tokenizer cannot tell.
        """
        raise ZooError(f"{type(self).__name__} does not tell where in a text its pieces are")

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""

    def parsing_special(self) -> Self:
        """The same tokenizer, to which a special token's name in a text is that token. Raises ZooError if it can't."""
        raise ZooError(f"{type(self).__name__} reads no special tokens in a text")

    @abstractmethod
    def n_special(self, pair: bool) -> int:
        """How many special tokens `join` adds to one text, or to two."""

    @abstractmethod
    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        """One sequence of one text or two, special tokens added, the longer text cut first."""


class Packing(ABC):
    """How running text is cut into passages for pre-training."""

    pairs: ClassVar[bool]

    @abstractmethod
    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, in two-part passages if `pairs`.

        A passage longer than `capacity` ids is cut later, and what is cut off is not read.
        """


class Masking(ABC):
    """Which tokens are hidden from the model, and what it sees in their place."""

    n_static_masks: int | None
    """How many times the corpus is masked in advance, each copy reused in turn; None: drawn anew every epoch."""
    masks_tokens: ClassVar[bool] = True
    """Whether anything is hidden at all: a model that reads from left to right must see the text as it is."""

    @abstractmethod
    def mask(
        self, ids: Ids, lengths: Sequence[int], special: Flags, tokenizer: Tokenizer, rng: np.random.Generator
    ) -> tuple[Ids, Ids]:
        """What the model sees and what it must predict (IGNORE elsewhere), for packed ids [T]."""


class Embedding(nn.Module, ABC):
    """Ids to vectors; `tokens` is the table that a tied output layer reads.

    An embedding, encoder or objective (or any module in them) with a true attribute `keeps_own_init` starts as its
    constructor leaves it; else the variant's record `init` says how its linear layers and embeddings start.
    """

    tokens: nn.Embedding
    reads_pairs: bool = True
    """Whether it takes sequences of two texts; False where it has a segment for the first alone."""

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""


class Encoder(nn.Module, ABC):
    """Vectors to vectors in context."""

    can_be_causal: ClassVar[bool] = False
    """Whether it keeps to a causal Layout: no token sees those after it."""

    @abstractmethod
    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer in turn, the last being what `forward` gives; only that one by default."""
        yield self(hidden, layout)


class Objective(nn.Module, ABC):
    """What a model is trained to do: the data it needs, its own layers and its loss.

    Any objective takes an option `weight`, its share in the sum of losses, besides those of its constructor.
    An objective that corrupts what the encoder reads, as ELECTRA's generator does, reads the embeddings and gives the
    corrupted batch in its output; all other objectives of the model then get that batch. What it draws at random comes
    from `Batch.uniform`.
    """

    reads: ClassVar[Reads] = "hidden"
    """What `forward` gets: the encoder's hidden states [T, H]; with "states", what enters the encoder and what leaves
    each of its layers [L + 1, T, H]; with "embedded", the embeddings [T, H], before the encoder."""

    label: ClassVar[str | None] = None
    """The name of the label that `prepare` gives to passages, if it gives one."""
    needs_pairs: ClassVar[bool] = False
    needs_corrupted: ClassVar[bool] = False
    """Whether the encoder must read a batch that another objective has corrupted."""
    causal: ClassVar[bool] = False
    """Whether the encoder must read from left to right; the model does so ever after, in fine-tuning too."""
    fills_masks: ClassVar[bool] = False
    """Whether its logits [M, V] predict the tokens that have a target from hidden states, as fill-mask needs it."""

    def prepare(self, passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> Sequence[Passage]:
        """Neighbouring passages of a corpus as this objective wants them, with their labels; unchanged by default.

        They come many at a time, about a million tokens, so that passages can exchange text and lengths need not show
        the label. A passage without a label does not count in the loss.
        """
        return passages

    def set_token_frequencies(self, counts: Tensor) -> None:
        """Look at how often each id occurs in the corpus, [V], once before pre-training; nothing by default."""

    def n_targets(self, batch: Batch) -> Tensor:
        """How many predictions the loss is the mean of: sequences with its label, or tokens with a target. Scalar."""
        return ((batch.targets if self.label is None else batch.labels[self.label]) != IGNORE).sum()

    @abstractmethod
    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """What it `reads`, the batch and the token table [V, E] to a loss and predictions."""
