"""Texts to sequences as a model reads them, and sequences to batches of like length."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Encoding, Ids
from zoo.core.errors import ZooError
from zoo.core.filling import STEP
from zoo.core.interfaces import Tokenizer
from zoo.core.specs import Dims
from zoo.text.collate import Sequences

Text: TypeAlias = str | tuple[str, str]
"""One text, or a pair."""

BATCH_TOKENS = 4_096

LARGEST_REUSED = 2**25 - 2**12
"""Bytes above which glibc asks the system for each tensor, which fills its pages with zeros: the upper limit of its
M_MMAP_THRESHOLD (mallopt(3)). A product with such a result takes up to 15% longer."""

WINDOW = 512
"""The number of texts held at once; sorted by length, they make batches without waste."""

GPU_WINDOW = 2_048
"""The same on a GPU, which takes more at once, and for which the next window is prepared meanwhile."""

LONG = 64
"""Characters of a text for each token that a model reads of it; of longer texts, the beginning is tried first."""

log = logging.getLogger("zoo")


def encoded_windows(tokenizer: Tokenizer, texts: Iterator[Text], max_length: int, most: int) -> Iterator[Sequences]:
    """Texts or pairs as sequences, some at a time: few at first, so that a GPU has work soon, later up to `most`.

    How many were cut is logged at the end.
    """
    n_cut = n_texts = 0
    size = min(WINDOW, most)
    while window := list(islice(texts, size)):
        sequences, cut = _joined(tokenizer, window, max_length)
        n_cut, n_texts, size = n_cut + cut, n_texts + len(window), min(2 * size, most)
        yield sequences
    log_cut(n_cut, n_texts, max_length)


def _joined(tokenizer: Tokenizer, texts: Sequence[Text], max_length: int) -> tuple[Sequences, int]:
    """The same as `encode_texts`, all texts at once where the tokenizer can do that and none is a pair or very long."""
    single = [text for text in texts if isinstance(text, str) and len(text) <= LONG * max_length]
    joined = tokenizer.encode_joined(single, max_length) if len(single) == len(texts) else None
    if joined is not None:
        return Sequences(joined), joined.n_cut
    encodings, n_cut = encode_texts(tokenizer, texts, max_length)
    return Sequences(encodings), n_cut


def encode_texts(tokenizer: Tokenizer, texts: Sequence[Text], max_length: int) -> tuple[list[Encoding], int]:
    """Each text or pair as one sequence of at most `max_length` tokens, and how many had to be cut."""
    firsts = _beginnings(tokenizer, [text if isinstance(text, str) else text[0] for text in texts], max_length)
    seconds = iter(_beginnings(tokenizer, [text[1] for text in texts if not isinstance(text, str)], max_length))
    encodings, n_cut = [], 0
    for text, first in zip(texts, firsts, strict=True):
        second = None if isinstance(text, str) else next(seconds)
        if second is not None and min(len(first), len(second)) > max_length:  # the longer one has an odd place
            first, second = tokenizer.encode(text)
        encodings.append(tokenizer.join(first, second, max_length))
        n_cut += is_cut(tokenizer, first, second, max_length)
    return encodings, n_cut


def _beginnings(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> list[Ids]:
    """The ids of texts; of a very long one the first at least, more than `most`."""
    read = [_beginning(text, most * LONG) if tokenizer.splits_at_spaces else text for text in texts]
    found = tokenizer.encode(read)
    for place, text in enumerate(texts):
        if len(found[place]) <= 2 * most and len(read[place]) < len(text):
            found[place] = tokenizer.encode([text])[0]
    return found


def _beginning(text: str, n: int) -> str:
    """The first n characters of a text up to a space, or all of it if it is no longer or has none there."""
    return text if len(text) <= n else text[:n].rpartition(" ")[0].rstrip() or text


def is_cut(tokenizer: Tokenizer, first: Ids, second: Ids | None, max_length: int) -> bool:
    """Whether the ids of a text or a pair are too many for one sequence."""
    n_ids = len(first) + (0 if second is None else len(second))
    return n_ids + tokenizer.n_special(second is not None) > max_length


@dataclass(frozen=True)
class LocatedEncoding:
    """A sequence, where in its text each token is, and whether it was cut.

    `offsets` [S, 2] are the first character and the one after the last, both 0 for special tokens.
    """

    encoding: Encoding
    offsets: Ids
    cut: bool


def locate_texts(tokenizer: Tokenizer, texts: Sequence[Text], max_length: int) -> list[LocatedEncoding]:
    """The same sequences, with the place of each token. Raises ZooError if the tokenizer cannot say it."""
    firsts = tokenizer.encode_with_offsets([text if isinstance(text, str) else text[0] for text in texts])
    seconds = iter(tokenizer.encode_with_offsets([text[1] for text in texts if not isinstance(text, str)]))
    return [
        _located(tokenizer, (first,) if isinstance(text, str) else (first, next(seconds)), max_length)
        for text, first in zip(texts, firsts, strict=True)
    ]


def encode_words(
    tokenizer: Tokenizer, texts: Sequence[str], words: Sequence[Sequence[tuple[int, int]]]
) -> list[tuple[Ids, Ids]]:
    """The ids of texts and their places, each word [start, end] encoded by itself, so that no piece has parts of two.

    A piece of a space before a word is left out, as none is there.
    """
    both = list(zip(texts, words, strict=True))
    names = list({text[start:end]: None for text, spans in both for start, end in spans})
    encoded = zip(names, tokenizer.encode_with_offsets(names), strict=True)
    pieces = {name: _without_space(tokenizer, *its) for name, its in encoded}
    return [_together(text, spans, pieces) for text, spans in both]


def _together(text: str, spans: Sequence[tuple[int, int]], pieces: Mapping[str, tuple[Ids, Ids]]) -> tuple[Ids, Ids]:
    its = [pieces[text[start:end]] for start, end in spans]
    none = np.zeros(0, dtype=np.int32)
    ids = np.concatenate([none, *(ids for ids, _ in its)])
    places = [offsets + start for (_, offsets), (start, _) in zip(its, spans, strict=True)]
    return ids.astype(np.int32), np.concatenate([none.reshape(0, 2), *places]).astype(np.int32)


def _without_space(tokenizer: Tokenizer, ids: Ids, offsets: Ids) -> tuple[Ids, Ids]:
    """A word's pieces without those of no text before the first that has some."""
    n_blank = 0
    while n_blank < len(ids) - 1 and not tokenizer.decode(ids[n_blank : n_blank + 1].tolist()).strip():
        n_blank += 1
    return ids[n_blank:], offsets[n_blank:]


def _located(tokenizer: Tokenizer, parts: Sequence[tuple[Ids, Ids]], max_length: int) -> LocatedEncoding:
    encoding = tokenizer.join(parts[0][0], parts[1][0] if len(parts) > 1 else None, max_length)
    offsets = np.zeros((len(encoding), 2), dtype=np.int32)
    n_kept = 0
    for number, (_, its) in enumerate(parts):
        places = np.flatnonzero((encoding.segments == number) & ~encoding.special)
        offsets[places] = its[: len(places)]
        n_kept += len(places)
    return LocatedEncoding(encoding, offsets, n_kept < sum(len(ids) for ids, _ in parts))


def log_cut(n_cut: int, n_items: int, max_length: int, what: str = "items") -> None:
    """Log how many items, or what of each, lost their ends, if any did."""
    if n_cut:
        log.warning(f"{n_cut:,} of {n_items:,} {what} were cut to {max_length:,} tokens")


def check_texts(texts: Iterable[Text]) -> Iterator[Text]:
    """The same texts. Raises ZooError for an item that is neither a text nor a tuple of two, or is no valid Unicode."""
    for index, text in enumerate(texts):
        parts = (text,) if isinstance(text, str) else text
        pair = isinstance(text, tuple) and len(text) == 2 and all(isinstance(part, str) for part in text)
        if not (isinstance(text, str) or pair):
            raise ZooError(f"item {index} is {text!r:.60}; it should be a text, or a tuple of two texts for a pair")
        try:
            "".join(parts).encode()
        except UnicodeEncodeError:
            raise ZooError(f"item {index} holds half of a surrogate pair: {text!r:.60}; read it as UTF-8") from None
        yield text


def tokens_up_to(sequences: Sequences, most: int) -> int:
    """How many tokens sequences have, counted no further than `most`."""
    n_tokens = 0
    for length in sequences.each_length():
        n_tokens += length
        if n_tokens >= most:
            break
    return n_tokens


def tokens_on_cpu(dims: Dims) -> int:
    """The tokens of a batch on a CPU, so that the widest tensor of a layer can be reused."""
    width = dims.ffn_width or 4 * dims.hidden_width
    return min(BATCH_TOKENS, max(1, LARGEST_REUSED // (4 * width * STEP)) * STEP)


def batches_by_length(
    lengths: NDArray[np.int64], batch_size: int | None = None, n_tokens: int | None = None
) -> Iterator[list[int]]:
    """Indices of sequences of these lengths, shortest first: `batch_size` at a time, or else about `n_tokens` tokens at
    a time, which is BATCH_TOKENS if it is not given.
    """
    order = lengths.argsort(kind="stable")
    ends = lengths[order].cumsum()  # the tokens up to and with each
    start = 0
    while start < len(order):
        before = ends[start - 1] if start else 0
        fits = int(np.searchsorted(ends, before + (n_tokens or BATCH_TOKENS), side="right"))
        stop = start + batch_size if batch_size else max(start + 1, fits)
        yield order[start:stop].tolist()
        start = stop
