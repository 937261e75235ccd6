"""What the three families' tokenizers share: everything but their pieces and the names of their special tokens."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as SequenceOf
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import tokenizers
from tokenizers.processors import Sequence, TemplateProcessing

from zoo.batch import Encoding, Flags, Ids
from zoo.errors import ZooError
from zoo.interfaces import Tokenizer

FILE = "tokenizer.json"

COVERAGE = 0.9999
"""The share of a text's characters that a trained vocabulary knows, if it has the room."""


class SpecialTokens(NamedTuple):
    """What a family calls its special tokens."""

    pad: str
    unk: str
    cls: str
    sep: str
    mask: str


class RustTokenizer(Tokenizer):
    """A tokenizer of the `tokenizers` library, saved as Hugging Face folders have it.

    A special token's name that occurs in a text is text: `encode` never returns a special id. (The released
    tokenizers read "[MASK]" in a text as the mask, which lets a text forge the structure of its sequence.)
    An unknown token stands for text, so its id is not a special one.
    """

    names: ClassVar[SpecialTokens]
    model: ClassVar[type[tokenizers.models.Model]]
    n_between: ClassVar[int] = 1
    """How many separators stand between two texts."""

    def __init__(self, rust: tokenizers.Tokenizer) -> None:
        missing = [name for name in self.names if rust.token_to_id(name) is None]
        if missing:
            raise ZooError(f"the vocabulary lacks {', '.join(missing)}, which every {type(self).__name__} needs")
        rust.add_special_tokens([tokenizers.AddedToken(name, normalized=False, special=True) for name in self.names])
        rust.encode_special_tokens = True  # their names in a text are text
        rust.no_truncation()  # saved files may carry both; cutting is `join`'s task, and there is no padding
        rust.no_padding()
        ids = rust.get_vocab()
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (ids[name] for name in self.names)
        separators = f"{self.names.sep}:0 " * self.n_between
        template = TemplateProcessing(  # for whoever else reads the file; `join` does it here
            single=f"{self.names.cls}:0 $A:0 {self.names.sep}:0",
            pair=f"{self.names.cls}:0 $A:0 {separators}$B:1 {self.names.sep}:1",
            special_tokens=[(self.names.cls, self.cls_id), (self.names.sep, self.sep_id)],
        )
        rust.post_processor = Sequence([*self.trimming(rust), template])
        self._rust = rust
        self._is_special = np.isin(np.arange(self.vocab_size), self.special_ids)
        self._as_text = np.where(self._is_special, self.unk_id, np.arange(self.vocab_size)).astype(np.int32)

    @staticmethod
    def trimming(rust: tokenizers.Tokenizer) -> list[tokenizers.processors.PostProcessor]:
        """What makes a piece's offsets leave out the space before it that belongs to it; nothing by default."""
        return []

    @staticmethod
    @abstractmethod
    def begins_word(piece: str) -> bool:
        """Whether a piece is the first of a word."""

    def save(self, folder: Path) -> None:
        """Write tokenizer.json."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(self._rust.to_str(pretty=True), encoding="utf-8")

    @cached_property
    def vocab_size(self) -> int:
        """The number of ids, special tokens included."""
        return 1 + max(self._rust.get_vocab().values())

    @property
    def special_ids(self) -> tuple[int, ...]:
        """The ids that stand for no text."""
        return (self.pad_id, self.cls_id, self.sep_id, self.mask_id)

    @property
    def special_names(self) -> dict[str, str]:
        """The names of special tokens by role."""
        return self.names._asdict()

    @cached_property
    def word_starts(self) -> Flags:
        """Which ids begin a word; special tokens begin none. [V]"""
        starts = np.zeros(self.vocab_size, dtype=np.bool_)
        for piece, index in self._rust.get_vocab().items():
            starts[index] = index == self.unk_id or self.begins_word(piece)
        return starts & ~self._is_special

    def encode(self, texts: SequenceOf[str]) -> list[Ids]:
        """The ids of each text, without special tokens."""
        encodings = self._rust.encode_batch_fast(list(texts), add_special_tokens=False)
        # A unigram model may still choose "<pad>" as one piece among others: that makes it unknown, not special.
        return [self._as_text[encoding.ids] for encoding in encodings]

    def encode_with_offsets(self, texts: SequenceOf[str]) -> list[tuple[Ids, Ids]]:
        """The ids of each text, and where in it each begins and ends, in characters. -> [S], [S, 2]"""
        encodings = self._rust.encode_batch(list(texts), add_special_tokens=False)
        return [
            (self._as_text[encoding.ids], np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2))
            for encoding in encodings
        ]

    def decode(self, ids: SequenceOf[int]) -> str:
        """The text of ids, special tokens left out."""
        return self._rust.decode([int(i) for i in ids if i not in self.special_ids], skip_special_tokens=False)

    def parsing_special(self) -> Self:
        """The same tokenizer, to which "[MASK]" and its like in a text are special tokens, as released ones have it."""
        parsing = copy(self)
        parsing._rust = tokenizers.Tokenizer.from_str(self._rust.to_str())
        parsing._rust.encode_special_tokens = False
        parsing._as_text = np.arange(self.vocab_size, dtype=np.int32)
        return parsing

    def n_special(self, pair: bool) -> int:
        """How many special tokens `join` adds to one text, or to two."""
        return 2 + self.n_between if pair else 2

    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        """One sequence of one text or two, special tokens added, the longer text cut first.

        A separator is of the text that it closes. Raises ZooError where no room is left for text.
        """
        room = max_length - self.n_special(second is not None)
        if room < 1:
            raise ZooError(f"{max_length} tokens leave no room for text beside the special ones; allow more")
        n_first, n_second = _longest_first(len(first), 0 if second is None else len(second), room)
        ids = np.full(n_first + n_second + self.n_special(second is not None), self.sep_id, dtype=np.int32)
        segments = np.zeros_like(ids)
        ids[0] = self.cls_id
        ids[1 : 1 + n_first] = first[:n_first]
        if second is not None:
            start = 1 + n_first + self.n_between
            ids[start : start + n_second] = second[:n_second]
            segments[start:] = 1
        return Encoding(ids, segments, self._is_special[ids])


def _longest_first(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    """What remains of two texts cut token by token from the longer; an odd place goes to the longer one."""
    shorter = min(n_first, n_second, room // 2)
    longer = min(max(n_first, n_second), room - shorter)
    return (longer, shorter) if n_first > n_second else (shorter, longer)


def read_rust(folder: Path, model: type[tokenizers.models.Model]) -> tokenizers.Tokenizer:
    """The tokenizer.json of a folder. Raises ZooError where it is broken or holds another kind of model."""
    path = folder / FILE
    try:
        rust = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}; a tokenizer is loaded from a folder that holds this file") from None
    except Exception as error:  # the Rust library raises nothing more precise
        raise ZooError(f"{path}: not a tokenizer of the Hugging Face format ({error}); save it again") from None
    if not isinstance(rust.model, model):
        raise ZooError(f"{path}: holds a {type(rust.model).__name__} model where {model.__name__} is expected")
    return rust


def count_words(texts: Iterable[str], normalizer: Any, pre_tokenizer: Any) -> Counter[str]:
    """How often each word occurs in texts, as a normalizer and a pre-tokenizer of the library make words.

    Raises ZooError where there is none.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text)))
    if not counts:
        raise ZooError("there is no text to learn a vocabulary from; give at least one word")
    return counts


def count_letters(words: Mapping[str, int], letters: Callable[[str], Iterable[str]] = iter) -> Counter[str]:
    """How often each of a word's letters, as a function makes them of it, occurs in counted words."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for letter in letters(word):
            counts[letter] += count
    return counts


def most_frequent(counts: Counter[str], room: int) -> list[str]:
    """The most frequent characters of a text, or forms of characters: those that a vocabulary begins with.

    They fill half of the room if there are so many, and more of it as long as they are needed to cover COVERAGE.
    """
    ranked = sorted(counts, key=lambda form: (-counts[form], form))
    covered = np.cumsum([counts[form] for form in ranked]) / counts.total()
    needed = 1 + int(np.searchsorted(covered, COVERAGE))
    return ranked[: min(room, max(room // 2, needed))]
