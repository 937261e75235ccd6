"""One of several classes for two spans that a text or a pair marks, such as a pronoun and a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.core.errors import ZooError
from zoo.tasks.kinds.classification import Classification
from zoo.tasks.kinds.kind import TEXT, TEXT_PAIR, EncodedItem, ItemField, text_in
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from zoo.core.batch import Batch
    from zoo.core.interfaces import Tokenizer
    from zoo.text.encoding import LocatedEncoding

N_SPANS = 2
MARKED = re.compile(r"\*([^*]+)\*")
"""A marked span in plain text, as in: The *judge* met *her*."""


class SpanClassification(Classification):
    """A label is a class id; an item marks two spans, in one text or in either of a pair.

    In plain text and in data files, asterisks stand around what is marked, and are taken out.
    """

    head = "zoo.heads:SpanClassification"
    rewords = False

    def fields(self) -> tuple[ItemField, ...]:
        """A text or two, the spans if no asterisks mark them, and the class."""
        texts = (TEXT, *([TEXT_PAIR] if self.pair else []))
        spans = ItemField("spans", "two lists of text, start and end", optional=True)
        return *texts, spans, ItemField("label", self.wanted, gold=True)

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says. Raises ZooError unless there are two spans that lie in their texts."""
        texts = [text_in(row, name) for name in (TEXT.name, TEXT_PAIR.name)[: 1 + self.pair]]
        label = self.gold(row.get("label"))
        return _marked(texts, label) if row.get("spans") is None else _with_spans(texts, row["spans"], label)

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """An item without a label, its spans between asterisks."""
        super().example(texts, pair)
        return _marked(texts, None)

    def fits_item(self, item: Example) -> bool:
        """With two spans."""
        return super().fits_item(item) and len(item.spans) == N_SPANS

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """With the first and last token of each span."""
        from zoo.text.encoding import locate_texts

        texts = [item.first if item.second is None else (item.first, item.second) for item in examples]
        located = locate_texts(tokenizer, texts, max_length)
        items = [_in_tokens(its, item) for its, item in zip(located, examples, strict=True)]
        return items, sum(its.cut for its in located)

    def batch(self, items: Sequence[EncodedItem], labels: Sequence[Any] | None = None) -> Batch:
        """As TaskKind says, with the tokens of the spans."""
        from zoo.heads import LABEL, SPANS
        from zoo.text.collate import collate

        spans = [[int(place) for place in item.places] for item in items if item.places is not None]
        learned = {} if labels is None else {LABEL: list(labels)}
        return collate([item.encodings[0] for item in items], {**learned, SPANS: spans})


def _marked(texts: Sequence[str], label: Any) -> Example:
    """Texts without the asterisks around their two spans."""
    spans, plain = [], []
    for number, text in enumerate(texts):
        for order, found in enumerate(MARKED.finditer(text)):
            start = found.start() - 2 * order
            spans.append((number, start, start + len(found[1])))
        plain.append(MARKED.sub(r"\1", text))
    return _with_spans(plain, spans, label)


def _with_spans(texts: Sequence[str], spans: Any, label: Any) -> Example:
    """Raises ZooError unless two spans lie in their texts."""
    if not isinstance(spans, list) or len(spans) != N_SPANS:
        n = len(spans) if isinstance(spans, list) else 0
        raise ZooError(f"marks {n} spans and must mark two; write asterisks around each, as *this*")
    for span in spans:
        if [type(part) for part in span] != [int] * 3 or not 0 <= span[0] < len(texts):
            raise ZooError(f"the span {span!r:.60} is not written as text, start and end")
        if not 0 <= span[1] < span[2] <= len(texts[span[0]]):
            raise ZooError(f"the span {span[1]}:{span[2]} does not lie in its text of {len(texts[span[0]])} characters")
    found = tuple((int(number), int(start), int(end)) for number, start, end in spans)
    return Example(texts[0], texts[1] if len(texts) > 1 else None, label, spans=found)


def _in_tokens(located: LocatedEncoding, item: Example) -> EncodedItem:
    import numpy as np

    return EncodedItem(
        (located.encoding,), located.offsets, places=np.array([*_places(located, item.spans)], dtype=np.int32)
    )


def _places(located: LocatedEncoding, spans: Sequence[tuple[int, int, int]]) -> Iterator[int]:
    """The first and last token of each span; 1 and 0 for one that was cut off."""
    encoding, offsets = located.encoding, located.offsets
    for number, start, end in spans:
        of_text = (encoding.segments == number) & ~encoding.special
        inside = (of_text & (offsets[:, 1] > start) & (offsets[:, 0] < end)).nonzero()[0]
        yield from (int(inside[0]), int(inside[-1])) if len(inside) else (1, 0)
