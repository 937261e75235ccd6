"""The six kinds of part that a variant is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
from torch import Tensor, nn

from zoo.core.batch import IGNORE, Batch, Encoding, Flags, Ids, Joined, Layout, Output, Passage
from zoo.core.errors import ZooError

if TYPE_CHECKING:
    from zoo.core.corpus import TokenCorpus


Reads: TypeAlias = Literal["hidden", "states", "embedded"]


class FolderLike(Protocol):
    """A folder, as a Path or as a record of it: `folder / name` is the path of a file in it."""

    def __truediv__(self, name: str, /) -> Path: ...


class Tokenizer(ABC):
    """Text to ids and back, and the special tokens around one text or two."""

    pad_id: int
    unk_id: int
    """The id of pieces that are not in the vocabulary; -1 if there are none, as with bytes."""
    cls_id: int
    sep_id: int
    mask_id: int
    bos_id: int | None = None
    """The id that opens a text for a model that reads from left to right, if there is one: where none opens texts, the
    one that ends them, as a text follows the end of another in pre-training.
    """
    splits_at_spaces: bool = False
    """Whether the ids of a text's beginning up to a space begin those of the text, so that its end need not be read."""

    @classmethod
    @abstractmethod
    def train(cls, texts: Iterable[str], vocab_size: int, *args: Any, **options: Any) -> Self:
        """A tokenizer learned from texts, with at most `vocab_size` pieces; the same texts give the same pieces.

        An implementation names its own options, each with a default.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: FolderLike, *args: Any, **options: Any) -> Self:
        """The tokenizer saved in a folder. Raises ZooError if its files are missing or broken."""

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
        """The names of special tokens by role: pad, unk, cls, sep, mask; empty if tokens have no names."""
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

        Raises ZooError if the tokenizer does not know.
        """
        raise ZooError(f"{type(self).__name__} does not say where in a text its pieces are")

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""

    def parsing_special(self) -> Self:
        """The same tokenizer, reading a special token's name in a text as that token. Raises ZooError if it can't."""
        raise ZooError(f"{type(self).__name__} reads no special tokens in a text")

    def texts_of_ids(self) -> list[str]:
        """The text of each id, by itself; of a special token its name. [V]"""
        special = {getattr(self, f"{role}_id"): name for role, name in self.special_names.items()}
        return [special.get(index) or self.decode([index]) for index in range(self.vocab_size)]

    @abstractmethod
    def n_special(self, pair: bool) -> int:
        """How many special tokens `join` adds to one text, or to two."""

    @abstractmethod
    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        """One sequence of one text or two, special tokens added, the longer text cut first."""

    def encode_joined(self, texts: Sequence[str], max_length: int) -> Joined | None:
        """What `join` makes of each text by itself, all at once; None if the tokenizer has no faster way than that."""
        return None


class Packing(ABC):
    """How running text is packed into passages for pre-training."""

    pairs: ClassVar[bool]

    @abstractmethod
    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, in two-part passages if `pairs`.

        A passage longer than `capacity` ids is cut later, and what is cut off is not read.
        """


class Masking(ABC):
    """Which tokens are hidden from the model, and what it sees in their place."""

    n_static_masks: int | None
    """How many times the corpus is masked in advance, copies used in turn; None: new masks every epoch."""
    masks_tokens: ClassVar[bool] = True
    """Whether anything is hidden; a left-to-right model must see the text as it is."""

    @abstractmethod
    def mask(
        self, ids: Ids, lengths: Sequence[int], special: Flags, tokenizer: Tokenizer, rng: np.random.Generator
    ) -> tuple[Ids, Ids]:
        """What the model sees and what it must predict (IGNORE elsewhere), for packed ids [T]."""


class Embedding(nn.Module, ABC):
    """Ids to vectors; `tokens` is the table that a tied output layer reads.

    An embedding, encoder or objective (or any module in them) with a true attribute `keeps_own_init` keeps the
    initialisation of its constructor; otherwise the variant's `init` decides how linear layers and embeddings start.
    """

    tokens: nn.Embedding
    reads_pairs: bool = True
    """Whether it takes sequences of two texts; False if it has only one segment."""

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""

    def set_spellings(self, tokenizer: Tokenizer) -> None:
        """Called with a model's tokenizer, before pre-training and when it is loaded; does nothing by default.

        An embedding that reads the characters of tokens asks it for their texts.
        """

    def narrow(self, batch: Batch) -> Tensor:
        """[T] -> [T, E], before an embedding narrower than the encoder is widened; the same as `forward` by default."""
        out: Tensor = self(batch)
        return out

    def exported(self) -> tuple[str, Embedding] | None:
        """The name and the module of a simpler embedding with the same values, for folders of another library's format;
        None if it is written as it is."""
        return None


class Encoder(nn.Module, ABC):
    """Vectors to vectors in context."""

    can_be_causal: ClassVar[bool] = False
    """Whether it respects a causal Layout: no token sees later ones."""
    reads_types: ClassVar[bool] = False
    """Whether its layout carries the `types` of tokens, as an encoder needs that tells two texts apart itself."""

    @abstractmethod
    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer, the last equal to `forward`'s; only that one by default."""
        yield self(hidden, layout)

    def head_layers(self, library_class: str, n_outputs: int) -> nn.Module:
        """The layers of a class of another library that go on top of this encoder: hidden states [T, H] and a Layout to
        scores [B, outputs], or [T, outputs] for a head of tokens. Raises ZooError, by default, if it knows none."""
        raise ZooError(f"encoder {type(self).__name__} knows no layers of {library_class!r:.60}")


class Objective(nn.Module, ABC):
    """What a model is trained to do: the data it needs, its own layers and its loss.

    Any objective takes an option `weight`, its share in the sum of losses, besides those of its constructor. An
    objective that corrupts the encoder's input, as ELECTRA's generator does, reads the embeddings and returns the
    corrupted batch in its output; all other objectives of the model then get that batch. Its random numbers come from
    `Batch.uniform`.
    """

    reads: ClassVar[Reads] = "hidden"
    """What `forward` gets: the encoder's hidden states [T, H]; with "states", the encoder's input and the output of
    each of its layers [L + 1, T, H]; with "embedded", what the embedding gives at the token table's width [T, E]."""

    label: ClassVar[str | None] = None
    """The name of the label that `prepare` gives passages, if any."""
    needs_pairs: ClassVar[bool] = False
    needs_corrupted: ClassVar[bool] = False
    """Whether the encoder must read a batch that another objective has corrupted."""
    causal: ClassVar[bool] = False
    """Whether the encoder must read from left to right, also in fine-tuning."""
    cannot_pretrain: ClassVar[str] = ""
    """Why a model with it cannot be pre-trained; empty if it can."""
    fills_masks: ClassVar[bool] = False
    """Whether its logits [M, V] predict the tokens that have a target, as fill-mask needs."""
    counts_targets_only: ClassVar[bool] = False
    """Whether sequences without labels and targets change nothing. Then batches on a GPU are filled up with such
    sequences to a few shapes, whose steps are recorded and repeated."""

    def prepare(self, passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> Sequence[Passage]:
        """Adjacent passages of a corpus, prepared and labelled for this objective; unchanged by default.

        They come about a million tokens at a time, so that passages can exchange text and lengths do not reveal the
        label. A passage without a label does not count in the loss.
        """
        return passages

    def set_token_frequencies(self, counts: Tensor) -> None:
        """Called once before pre-training with the count of each id in the corpus, [V]; does nothing by default."""

    def n_targets(self, batch: Batch) -> Tensor:
        """How many predictions the loss averages: sequences with its label, or tokens with a target. Scalar."""
        return ((batch.targets if self.label is None else batch.labels[self.label]) != IGNORE).sum()

    @abstractmethod
    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """A loss and predictions from what it `reads`, the batch and the token table [V, E]."""
