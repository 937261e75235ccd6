"""Texts longer than a model reads, as windows that overlap, so that nothing is cut off.

As in google-research/bert's run_squad.py, whose doc_stride is `stride` here; Devlin et al. 2019, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Encoding, Flags, Ids
from zoo.core.errors import ZooError
from zoo.core.interfaces import Tokenizer
from zoo.text.encoding import Text

AT_ONCE = 4_096
"""Texts that are tokenized together, which bounds memory."""


@dataclass(frozen=True)
class Window:
    """A stretch of a text as one sequence, after the whole first text if it is of a pair.

    `offsets` [S, 2] are where in its text each token begins and ends, both 0 for special tokens. `widest` [S] says of
    which tokens of the text no other window holds more context, so that each token has one window to be judged in.
    """

    encoding: Encoding
    offsets: Ids
    widest: Flags
    begin: int = 0
    """The place in its text of its first token of it."""

    def __len__(self) -> int:
        return len(self.encoding)


def window_texts(
    tokenizer: Tokenizer, texts: Sequence[Text], max_length: int, stride: int, longest_first: int | None = None
) -> tuple[list[tuple[Window, ...]], int]:
    """Each text as one window or several of at most `max_length` tokens, and of how many pairs the first text was cut.

    Of a pair, the second text is divided, and the first is in every window, cut to `longest_first` tokens and to half
    of what a window has room for. Raises ZooError if the tokenizer cannot say where its pieces are.
    """
    firsts = [text if isinstance(text, str) else text[0] for text in texts]
    seconds = [text[1] for text in texts if not isinstance(text, str)]
    pieces = _located(tokenizer, [*firsts, *seconds])
    windows, n_cut = [], 0
    for text, first in zip(texts, firsts, strict=True):
        room = max_length - tokenizer.n_special(not isinstance(text, str))
        if room < 2:
            raise ZooError(f"{max_length} tokens leave no room for text beside the special ones; allow more")
        if isinstance(text, str):
            windows.append(_windows(tokenizer, None, pieces[text], room, stride))
            continue
        kept = min(len(pieces[first][0]), longest_first or room, room // 2)
        n_cut += kept < len(pieces[first][0])
        head = pieces[first][0][:kept], pieces[first][1][:kept]
        windows.append(_windows(tokenizer, head, pieces[text[1]], room - kept, stride))
    return windows, n_cut


def window_pieces(
    tokenizer: Tokenizer, pieces: Sequence[tuple[Ids, Ids]], max_length: int, stride: int
) -> list[tuple[Window, ...]]:
    """The same of texts that are tokens and their offsets already."""
    room = max_length - tokenizer.n_special(False)
    if room < 2:
        raise ZooError(f"{max_length} tokens leave no room for text beside the special ones; allow more")
    return [_windows(tokenizer, None, its, room, stride) for its in pieces]


def spans_of(n: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Where windows of at most `room` of n tokens begin and end; none is left out, whatever the stride."""
    step, spans = min(stride, room), [(0, min(n, room))]
    while spans[-1][1] < n:
        begin = spans[-1][0] + step
        spans.append((begin, min(n, begin + room)))
    return spans


def widest_of(spans: Sequence[tuple[int, int]], n: int) -> NDArray[np.int64]:
    """For each of n tokens the window with most context on its poorer side, then the longer one, then the first."""
    most = np.full(n, -1.0)
    chosen = np.zeros(n, dtype=np.int64)
    for number, (begin, end) in enumerate(spans):
        places = np.arange(begin, end)
        context = np.minimum(places - begin, end - 1 - places) + 0.01 * (end - begin)
        better = places[context > most[begin:end]]
        most[better], chosen[better] = context[better - begin], number
    return chosen


def _located(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, tuple[Ids, Ids]]:
    """The tokens of every text and their places; a text that occurs several times is tokenized once."""
    distinct = list(dict.fromkeys(texts))
    found: dict[str, tuple[Ids, Ids]] = {}
    for start in range(0, len(distinct), AT_ONCE):
        some = distinct[start : start + AT_ONCE]
        found |= zip(some, tokenizer.encode_with_offsets(some), strict=True)
    return found


def _windows(
    tokenizer: Tokenizer, first: tuple[Ids, Ids] | None, text: tuple[Ids, Ids], room: int, stride: int
) -> tuple[Window, ...]:
    ids, offsets = text
    spans = spans_of(len(ids), room, stride)
    widest = widest_of(spans, len(ids)) if len(spans) > 1 else np.zeros(len(ids), dtype=np.int64)
    return tuple(
        replace(_window(tokenizer, first, ids[begin:end], offsets[begin:end], widest[begin:end] == number), begin=begin)
        for number, (begin, end) in enumerate(spans)
    )


def _window(tokenizer: Tokenizer, first: tuple[Ids, Ids] | None, ids: Ids, offsets: Ids, widest: Flags) -> Window:
    whole = len(ids) + (0 if first is None else len(first[0])) + tokenizer.n_special(first is not None)
    encoding = tokenizer.join(ids if first is None else first[0], None if first is None else ids, max(3, whole))
    places = np.flatnonzero(~encoding.special)
    at = np.zeros((len(encoding), 2), dtype=np.int32)
    at[places] = offsets if first is None else np.concatenate([first[1], offsets])
    best = np.zeros(len(encoding), dtype=np.bool_)
    best[places[len(places) - len(ids) :]] = widest
    return Window(encoding, at, best)
