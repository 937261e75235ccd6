"""A tag for each word of a text; Devlin et al. 2019, section 5.3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.core.errors import UnknownName, ZooError
from zoo.core.specs import LOSS_FIELDS
from zoo.tasks.kinds.classification import class_id, id_of, is_id
from zoo.tasks.kinds.constants import most_common_tags
from zoo.tasks.kinds.kind import (
    EncodedItem,
    ItemField,
    Rewording,
    TaskKind,
    UnfitWord,
    are_probabilities,
    percent,
    rounded,
    text_in,
)
from zoo.tasks.tagging import CHARACTERS, OUTSIDE, SPACES, convert_tags, marks_entities, recognized, word_spans
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.batch import Batch, Ids
    from zoo.core.interfaces import Tokenizer
    from zoo.text.windows import Window


class TokenClassification(TaskKind):
    """A label is a list of tag ids, one per word.

    Words are what white space divides; or with `words="characters"`, as for Chinese, each character is one. The first
    piece of a word carries its tag, the others none; one without a piece is predicted as the tag O, or as the first tag
    where there is no O. Longer texts are read in windows, and nothing is cut off.
    """

    head = "zoo.heads:TokenClassification"
    loss_reads = LOSS_FIELDS - {"mixup"}
    rewords = True
    columns = ("start", "end", "word", "prediction", "probability")
    options = ("words",)
    reads = frozenset({"max_length", "stride"})
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

    def text_of(self, words: Sequence[str]) -> str:
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
        return tuple(id_of(tag, self.labels) for tag in self._converted(cell.split()))

    def _converted(self, tags: list[Any]) -> list[Any]:
        """Tags of entities in the scheme of the labels, wrong sequences repaired; others as they are."""
        if self._scheme and all(isinstance(tag, str) for tag in tags) and marks_entities(tags):
            return list(convert_tags(tags, self._scheme))
        return tags

    @cached_property
    def _scheme(self) -> str | None:
        """That of the labels, if they are tags of one."""
        if not marks_entities(self.labels):
            return None
        by_type = sorted(self.labels, key=lambda label: (label[2:], label))
        with suppress(ZooError):
            return recognized([by_type])
        return None

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
            for place, word in enumerate(words):
                if not isinstance(word, str) or not self._is_word(word):
                    what = "characters" if self.by_characters else "words without spaces"
                    raise UnfitWord(place, f"tokens should be {what}, and this is {word!r:.60}")
            words = self.text_of(words)
        return Example(text_in({"tokens": words}, "tokens"), label=self.gold(row.get("tags")))

    def gold(self, value: Any) -> tuple[int, ...] | None:
        """A list of names or ids of tags, or names with spaces between them."""
        if not isinstance(value, list):
            return self.read(value) if isinstance(value, str) else value
        converted = zip(value, self._converted(value), strict=True)
        tags = [self._tag(place, *pair) for place, pair in enumerate(converted)]
        return None if None in tags else tuple(tag for tag in tags if tag is not None)

    def _tag(self, place: int, written: Any, tag: Any) -> int | None:
        try:
            return class_id(tag, self.labels)
        except (ZooError, ValueError) as error:
            source = "" if tag == written else f"{written!r:.60}, in the scheme of the labels: "
            raise UnfitWord(place, f"{source}{error}") from None

    def foreign(self, value: Any, *, gold: bool = False) -> Any:
        """Tags as they are, or in the scheme of the labels where they are in another."""
        tags = value.split() if isinstance(value, str) else value
        if isinstance(tags, list) and {*map(str, tags)} <= {*self.labels}:
            return [self.labels.index(str(tag)) for tag in tags]
        return super().foreign(tags)

    def mismatch(self, gold: Any, prediction: Any) -> str | None:
        """Each word has a tag."""
        return None if len(gold) == len(prediction) else f"has {len(prediction)} tags for {len(gold)} words"

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
        """With the first piece of each word; a long text in windows, each word in the one with most context."""
        texts = [item.first for item in examples]
        words = [self.words(text) for text in texts]
        if self.by_characters:
            from zoo.text.encoding import encode_words

            pieces = encode_words(tokenizer, texts, words)
        else:
            pieces = tokenizer.encode_with_offsets(texts)
        firsts = [_firsts(offsets, its) for (_, offsets), its in zip(pieces, words, strict=True)]
        return self._windowed(tokenizer, pieces, words, firsts, max_length), 0

    def reworded(self, item: Example, change: Rewording) -> Example:
        """Tags move with their words."""
        changed = change([item.first[start:end] for start, end in self.words(item.first)])
        return replace(
            item,
            first=self.text_of([word for word, _ in changed]),
            label=item.label and tuple(item.label[place] for _, place in changed),
        )

    def encode_lines(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """With the words that the tokenizer sees, which has punctuation apart; by characters as always."""
        if self.by_characters:
            return self.encode(examples, tokenizer, max_length)
        pieces = tokenizer.encode_with_offsets([item.first for item in examples])
        firsts = [_beginnings(ids, tokenizer) for ids, _ in pieces]
        words = [_between(offsets, its) for (_, offsets), its in zip(pieces, firsts, strict=True)]
        return self._windowed(tokenizer, pieces, words, firsts, max_length), 0

    def _windowed(
        self,
        tokenizer: Tokenizer,
        pieces: Sequence[tuple[Ids, Ids]],
        words: Sequence[list[tuple[int, int]]],
        firsts: Sequence[Sequence[int]],
        max_length: int,
    ) -> list[EncodedItem]:
        from zoo.text.windows import window_pieces

        windows = window_pieces(tokenizer, pieces, max_length, self.reading.stride_of(max_length))
        return [_item(*its) for its in zip(windows, words, firsts, strict=True)]

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

    def probabilities(self, item: EncodedItem, logits: Tensor) -> list[list[float]]:
        """Of each tag for each word, none for a word that was not read. [W, C]"""
        assert item.places is not None
        tags = rounded(logits.softmax(1))
        return [tags[place] if place >= 0 else [] for place in item.places.tolist()]

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """One per tag, or none, for each word."""
        fit = isinstance(value, list) and len(value) == len(prediction)
        return fit and all(word == [] or are_probabilities(word, len(self.labels)) for word in value)

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """The tag of each word that was read."""
        for right, tag, its in zip(gold, prediction, probabilities, strict=False):
            if its:
                yield its[tag], tag == right

    def parts(self, gold: Sequence[Any], predictions: Sequence[Any]) -> Mapping[str, Mapping[str, float]]:
        """Precision, recall and F1 of each type of entity, and how many there are; none of tags that mark none."""
        from zoo.tasks.metrics.tagging import scores_by_type

        return scores_by_type(self.side(gold), self.side(predictions)) if marks_entities(self.labels) else {}

    def side(self, values: Sequence[Any]) -> list[tuple[str, ...]]:
        """The tags of each text by name."""
        return [tuple(self.labels[tag] for tag in tags) for tags in values]

    def is_constant(self, values: Sequence[Any]) -> bool:
        """Whether all words have one tag."""
        return len({tag for tags in values for tag in tags}) == 1

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """The most frequent tags, each for every word."""
        return most_common_tags(gold)


def _firsts(offsets: Ids, words: Sequence[tuple[int, int]]) -> list[int]:
    """The first piece that lies in each word, -1 if none does."""
    import numpy as np

    if not words:
        return []
    # A piece may begin with the space before its word, as those of byte-level tokenizers do: its end decides.
    found = np.searchsorted(offsets[:, 1], [start + 1 for start, _ in words]).tolist()
    return [
        place if place < len(offsets) and offsets[place, 0] < end else -1
        for place, (_, end) in zip(found, words, strict=True)
    ]


def _beginnings(ids: Ids, tokenizer: Tokenizer) -> list[int]:
    """The pieces that begin a word, as the tokenizer sees it."""
    starts = tokenizer.word_starts
    return [place for place, piece in enumerate(ids.tolist()) if place == 0 or starts[piece]]


def _between(offsets: Ids, firsts: Sequence[int]) -> list[tuple[int, int]]:
    """Where words begin and end, each with the pieces up to the next."""
    lasts = [*(following - 1 for following in firsts[1:]), len(offsets) - 1]
    return [(int(offsets[first, 0]), int(offsets[last, 1])) for first, last in zip(firsts, lasts, strict=False)]


def _item(windows: Sequence[Window], words: list[tuple[int, int]], firsts: Sequence[int]) -> EncodedItem:
    """Windows, each with the places of the words that are its, and the places of all words in them end to end."""
    import numpy as np

    spans, places, before = _array(words), np.full(len(words), -1, dtype=np.int32), 0
    parts = []
    for window in windows:
        real = np.flatnonzero(~window.encoding.special)
        local = np.array(firsts, dtype=np.int32) - window.begin
        its = (np.array(firsts) >= 0) & (local >= 0) & (local < len(real))
        its[its] = window.widest[real[local[its]]]
        own = np.full(len(words), -1, dtype=np.int32)
        own[its] = real[local[its]]
        places[its] = own[its] + before
        before += len(window)
        parts.append(EncodedItem((window.encoding,), window.offsets, spans, own, window.widest))
    if len(parts) == 1:
        return parts[0]
    encodings = tuple(part.encodings[0] for part in parts)
    return EncodedItem(encodings, words=spans, places=places, windows=tuple(parts))


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
