"""A tag for each word of a text; Devlin et al. 2019, section 5.3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.core.errors import UnknownName, ZooError
from zoo.tasks.kinds.classification import class_id, id_of, is_id
from zoo.tasks.kinds.kind import EncodedItem, ItemField, TaskKind, percent, text_in
from zoo.tasks.tagging import CHARACTERS, OUTSIDE, SPACES, word_spans
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.batch import Batch, Ids
    from zoo.core.interfaces import Tokenizer
    from zoo.text.encoding import LocatedEncoding


class TokenClassification(TaskKind):
    """A label is a list of tag ids, one per word.

    Words are what white space divides; or with `words="characters"`, as for Chinese, each character is one. The first
    piece of a word carries its tag, the others none. A word that was cut off, or has no piece, is predicted as the tag
    O, or as the first tag where there is no O.
    """

    head = "zoo.heads:TokenClassification"
    columns = ("start", "end", "word", "prediction", "probability")
    options = ("words",)
    baselines: ClassVar = {
        "majority": "zoo.tasks.baselines:majority_tag",
        "most-frequent-tag": "zoo.tasks.baselines:most_frequent_tag",
    }

    def __init__(self, labels: Sequence[str], pair: bool = False, *, words: Any = SPACES) -> None:
        super().__init__(labels, pair)
        if words not in (SPACES, CHARACTERS):
            raise UnknownName("way to divide words", str(words)[:60], (SPACES, CHARACTERS))
        self.by_characters = words == CHARACTERS

    def words(self, text: str) -> list[tuple[int, int]]:
        """Where the words of a text begin and end."""
        return word_spans(text, by_characters=self.by_characters)

    def joined(self, words: Sequence[str]) -> str:
        """The text of these words."""
        return ("" if self.by_characters else " ").join(words)

    def _is_word(self, word: str) -> bool:
        return len(word) == 1 if self.by_characters else word.split() == [word]

    def problem(self) -> str | None:
        """Tags belong to the words of one text."""
        return "has one text per item" if self.pair else super().problem()

    def fits(self, value: Any) -> bool:
        """A list of tag ids."""
        return isinstance(value, list) and all(is_id(tag, len(self.labels)) for tag in value)

    @property
    def wanted(self) -> str:
        """A list of ids."""
        return f"a list of tag ids below {len(self.labels)}, one per word"

    def fits_item(self, item: Example) -> bool:
        """As many tags as words."""
        return super().fits_item(item) and len(item.label) == len(self.words(item.first))

    def read(self, cell: str) -> tuple[int, ...]:
        """Tags with spaces between them."""
        return tuple(id_of(tag, self.labels) for tag in cell.split())

    def shown(self, value: Any) -> str:
        """Tags with spaces between them."""
        return " ".join(self.labels[tag] for tag in value)

    def fields(self) -> tuple[ItemField, ...]:
        """Words and their tags."""
        words = ItemField("tokens", "a list of words, or a text with spaces between them", several=True)
        return words, ItemField("tags", "a list of as many tags, or tags with spaces between them", gold=True)

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says."""
        words = row.get("tokens")
        if isinstance(words, list):
            unfit = [word for word in words if not isinstance(word, str) or not self._is_word(word)]
            if unfit:
                what = "characters" if self.by_characters else "words without spaces"
                raise ZooError(f"tokens should be {what}, and one is {unfit[0]!r:.60}")
            words = self.joined(words)
        return Example(text_in({"tokens": words}, "tokens"), label=self.gold(row.get("tags")))

    def gold(self, value: Any) -> tuple[int, ...] | None:
        """A list of names or ids of tags, or names with spaces between them."""
        if not isinstance(value, list):
            return self.read(value) if isinstance(value, str) else value
        tags = [class_id(tag, self.labels) for tag in value]
        return None if None in tags else tuple(tag for tag in tags if tag is not None)

    def labels_in(self, value: Any) -> list[str]:
        """As TaskKind says."""
        return value.split() if isinstance(value, str) else super().labels_in(value)

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """One text."""
        if pair or len(texts) != 1:
            raise ZooError(f"has {len(texts)} texts; tags need one text, without --pairs")
        return Example(texts[0])

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """With the first piece of each word."""
        words = [self.words(item.first) for item in examples]
        located = _located(examples, tokenizer, max_length, words if self.by_characters else None)
        return [_in_words(*pair) for pair in zip(located, words, strict=True)], sum(its.cut for its in located)

    def encode_lines(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """With the words that the tokenizer sees, which has punctuation apart; by characters as always."""
        if self.by_characters:
            return self.encode(examples, tokenizer, max_length)
        located = _located(examples, tokenizer, max_length)
        return [_as_pieced(its, tokenizer) for its in located], sum(its.cut for its in located)

    def batch(self, items: Sequence[EncodedItem], labels: Sequence[Any] | None = None) -> Batch:
        """Tags are targets of tokens, IGNORE but at the first piece of each word."""
        from zoo.text.collate import collate

        targets = None if labels is None else [_targets(*pair) for pair in zip(items, labels, strict=True)]
        return collate([item.encodings[0] for item in items], targets=targets)

    def decode(self, item: EncodedItem, logits: Tensor) -> list[int]:
        """[S, C] to the most probable tag of each word's first piece."""
        assert item.places is not None
        tags = logits.argmax(1).tolist()
        unread = self.labels.index(OUTSIDE) if OUTSIDE in self.labels else 0
        return [tags[place] if place >= 0 else unread for place in item.places.tolist()]

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """A row for each word that was read; a piece of white space alone is none."""
        assert item.places is not None and item.words is not None
        probabilities, tags = logits.softmax(1).max(1)
        for (start, end), place in zip(item.words.tolist(), item.places.tolist(), strict=True):
            word = " ".join(example.first[start:end].split())
            if place >= 0 and word:
                yield str(start), str(end), word, self.labels[int(tags[place])], percent(probabilities[place])

    def side(self, values: Sequence[Any]) -> list[tuple[str, ...]]:
        """The tags of each text by name."""
        return [tuple(self.labels[tag] for tag in tags) for tags in values]

    def is_constant(self, values: Sequence[Any]) -> bool:
        """Whether all words have one tag."""
        return len({tag for tags in values for tag in tags}) == 1


def _located(
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    max_length: int,
    words: Sequence[Sequence[tuple[int, int]]] | None = None,
) -> list[LocatedEncoding]:
    """With words, each is encoded by itself, so that no piece has parts of two."""
    from zoo.text.encoding import locate_texts, locate_words

    texts = [item.first for item in examples]
    return locate_words(tokenizer, texts, words, max_length) if words else locate_texts(tokenizer, texts, max_length)


def _in_words(located: LocatedEncoding, words: list[tuple[int, int]]) -> EncodedItem:
    """The first piece that lies in each word, or none."""
    import numpy as np

    real = np.flatnonzero(~located.encoding.special)
    starts = located.offsets[real]
    # A piece may begin with the space before its word, as those of byte-level tokenizers do: its end tells.
    firsts = np.searchsorted(starts[:, 1], [start + 1 for start, _ in words]) if words else np.zeros(0, dtype=int)
    places = [
        int(real[first]) if first < len(real) and starts[first, 0] < end else -1
        for first, (_, end) in zip(firsts.tolist(), words, strict=True)
    ]
    return EncodedItem((located.encoding,), located.offsets, _array(words), np.array(places, dtype=np.int32))


def _as_pieced(located: LocatedEncoding, tokenizer: Tokenizer) -> EncodedItem:
    import numpy as np

    encoding, offsets = located.encoding, located.offsets
    places = np.flatnonzero(~encoding.special)
    begins = [place for place in places.tolist() if place == places[0] or tokenizer.word_starts[encoding.ids[place]]]
    ends = [following - 1 for following in begins[1:]] + [int(places[-1])] if begins else []
    words = [(int(offsets[first, 0]), int(offsets[last, 1])) for first, last in zip(begins, ends, strict=True)]
    return EncodedItem((encoding,), offsets, _array(words), np.array(begins, dtype=np.int32))


def _array(spans: list[tuple[int, int]]) -> Ids:
    import numpy as np

    return np.array(spans, dtype=np.int32).reshape(-1, 2)


def _targets(item: EncodedItem, tags: Sequence[int]) -> Ids:
    """[S]"""
    import numpy as np

    from zoo.core.batch import IGNORE

    assert item.places is not None
    targets = np.full(len(item), IGNORE, dtype=np.int32)
    for place, tag in zip(item.places.tolist(), tags, strict=True):
        if place >= 0:
            targets[place] = tag
    return targets
