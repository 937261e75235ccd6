"""Pieces of words that were met before: running text has few different words, and to look them up takes a fraction of
the time that the Rust library takes to split them.

It is exact where the pieces of a word depend on nothing beyond the spaces around it, as those of WordPiece and of
byte-level BPE do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import tokenizers
from numpy.typing import NDArray

from zoo.core.batch import Ids
from zoo.text.tokenizer_document import PROBES

MOST_WORDS = 2**17
"""Words that are kept, about 25 MB; where there would be more, all are forgotten."""

LONGEST = 64
"""The most characters of a word that is kept; a text with a longer one, as of a script without spaces, is read whole.
"""

NUMBERS = 3
"""Of a piece that is located: its id, its first character and the one after the last, in its word or text."""

Read: TypeAlias = Callable[[list[str], bool], list[Ids]]
"""Texts, and whether pieces are located, to the pieces of each. -> [S, 1 or 3]"""

ReadWords: TypeAlias = Callable[[list[str]], list[Ids]]
"""Words, each read by itself, to the located pieces of each. -> [S, 3]"""


LookedUp: TypeAlias = tuple[list[str], list[Any]]
"""The words of a text, and the pieces of each as bytes, or None."""


class Found(NamedTuple):
    """The pieces of a text [S, 1 or 3], and where the word of each begins [S] if they are located in words."""

    pieces: Ids
    begins: Ids | None = None

    @property
    def ids(self) -> Ids:
        """[S]"""
        return self.pieces[:, 0].copy()

    @property
    def offsets(self) -> Ids:
        """[S, 2]"""
        places = self.pieces[:, 1:]
        return places.copy() if self.begins is None else places + self.begins[:, None]


class WordMemo:
    """The pieces of words by the word. Every word but a text's first is read with `space` before it.

    A byte-level model splits spaces by what stands beside them: there, a text with more than one between two words is
    read whole.
    """

    def __init__(self, space: str, byte_level: bool, read: Read, read_words: ReadWords) -> None:
        self._given = space, byte_level, read, read_words
        self._space, self._byte_level, self._read, self._read_words = self._given
        self._later: dict[str, bytes] = {}
        self._first = {} if byte_level else self._later

    def empty(self) -> WordMemo:
        """Another that reads alike, and has met no words."""
        return WordMemo(*self._given)

    @classmethod
    def of(
        cls, document: Mapping[str, Any], rust: tokenizers.Tokenizer, read: Read, read_words: ReadWords
    ) -> Self | None:
        """A memo that reads texts as the tokenizer of a document does; None if none was found that does."""
        if not all(token.special for token in rust.get_added_tokens_decoder().values()):
            return None  # tokens that a folder added are found in a text before it is split
        steps = [document.get(step) or {} for step in ("normalizer", "pre_tokenizer", "model")]
        normalizer, splitter, model = (step.get("type", "") for step in steps)
        if (splitter, model) == ("BertPreTokenizer", "WordPiece") and normalizer in ("", "BertNormalizer"):
            spaces = [""]
        elif (splitter, model) == ("ByteLevel", "BPE") and normalizer in ("", "NFC"):
            spaces = [" ", ""] if steps[1].get("use_regex", True) and not steps[2].get("dropout") else []
        else:
            spaces = []
        made = (cls(space, model == "BPE", read, read_words) for space in spaces)
        return next((memo for memo in made if memo._is_exact()), None)

    def _is_exact(self) -> bool:
        texts = [*PROBES, *(word for probe in PROBES for word in probe.split(" ")), PROBES[0] * 2]
        found = zip(self.found(texts, True), self._read(texts, True), strict=True)
        return all(np.array_equal(np.column_stack([its.ids, its.offsets]), whole) for its, whole in found)

    def found(self, texts: Sequence[str], located: bool) -> list[Found]:
        """The pieces of texts."""
        looked_up = [self._known(text) for text in texts]
        whole = self._completed(texts, {n: its for n, its in enumerate(looked_up) if None in its[1]}, located)
        return [
            Found(whole[number]) if number in whole else self._joined(*its, located)
            for number, its in enumerate(looked_up)
        ]

    def ids(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.int64]]:
        """The ids of all texts end to end [T], and how many each has [B]."""
        rows: list[bytes] = []
        lacking: dict[int, LookedUp] = {}
        for number, text in enumerate(texts):
            words, known = self._known(text)
            complete = None not in known
            rows.append(b"".join(known) if complete else b"")
            if not complete:
                lacking[number] = words, known
        whole = self._completed(texts, lacking, located=False)
        for number, (_, known) in lacking.items():
            rows[number] = np.repeat(whole[number], NUMBERS, 1).tobytes() if number in whole else b"".join(known)
        joined = np.frombuffer(b"".join(rows), dtype=np.int32).reshape(-1, NUMBERS)
        n_bytes = np.fromiter(map(len, rows), np.int64, len(rows))
        return joined[:, 0].copy(), n_bytes // (NUMBERS * joined.itemsize)

    def _completed(self, texts: Sequence[str], lacking: Mapping[int, LookedUp], located: bool) -> dict[int, Ids]:
        """Learn the words of texts, by number, that lack some; the pieces of those that have to be read whole."""
        whole = [number for number, (words, _) in lacking.items() if not self._fits(words)]
        read = dict(zip(whole, self._read([texts[number] for number in whole], located), strict=True))
        self._learn([its for number, its in lacking.items() if number not in read])
        return read

    def _known(self, text: str) -> LookedUp:
        words = text.split(" ")
        found: list[Any] = [*map(self._later.get, words)]
        found[0] = self._first.get(words[0])
        return words, found

    def _fits(self, words: list[str]) -> bool:
        """Whether the pieces of each word of a text are its own."""
        if max(map(len, words)) > LONGEST:
            return False
        if not self._byte_level:
            return True
        begun = self._space and len(words) > 1 and not words[0]  # by a space, which belongs to the second word
        own = words[1:] if begun else words
        return not any(not word or word[0].isspace() or word[-1].isspace() for word in own)

    def _learn(self, lacking: list[LookedUp]) -> None:
        """Read the words of texts that are not known, and put their pieces in their places."""
        firsts = [*{words[0] for words, known in lacking if known[0] is None}]
        laters = [*{word for words, known in lacking for word, its in _after_first(words, known) if its is None}]
        pieces = iter(self._read_words([*firsts, *(self._space + word for word in laters)]))
        first, later = ({word: next(pieces).tobytes() for word in new} for new in (firsts, laters))
        for words, known in lacking:  # not from memory, which another thread may have emptied
            known[0] = first[words[0]] if known[0] is None else known[0]
            known[1:] = [later[word] if its is None else its for word, its in _after_first(words, known)]
        self._first.update(first)
        self._later.update(later)
        for memo, new in ((self._first, first), (self._later, later)):
            if len(memo) > MOST_WORDS:
                memo.clear()
                memo.update(islice(new.items(), MOST_WORDS))

    def _joined(self, words: list[str], pieces: list[bytes], located: bool) -> Found:
        """The pieces of a text's words."""
        joined = np.frombuffer(b"".join(pieces), dtype=np.int32).reshape(-1, NUMBERS)
        if not located:
            return Found(joined)
        begins = np.cumsum([0, *(len(word) + 1 for word in words[:-1])], dtype=np.int32)
        begins[1:] -= len(self._space)
        return Found(joined, np.repeat(begins, [len(its) // (NUMBERS * joined.itemsize) for its in pieces]))


def _after_first(words: list[str], known: list[Any]) -> Iterator[tuple[str, Any]]:
    return islice(zip(words, known, strict=True), 1, None)
