"""Texts cut to fit, and many sequences end to end in one array, without a step of Python for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Ids


def runs(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of runs, one after the other, by where each starts and its length. [B], [B] -> [T]"""
    places: NDArray[np.int64] = np.arange(lengths.sum(), dtype=np.int64)
    places += np.repeat(starts - (lengths.cumsum() - lengths), lengths)
    return places


def framed(
    read: Ids, lengths: NDArray[np.int64], before: Ids, after: Ids, room: int
) -> tuple[Ids, NDArray[np.int64], int]:
    """Texts of these lengths [B], end to end, cut to `room` ids and each put between those of its frame: all ids [T],
    how many each sequence has [B], and how many texts were cut.
    """
    kept = np.minimum(lengths, room)
    whole = kept + len(before) + len(after)
    ends = whole.cumsum()
    starts = ends - whole
    ids = np.empty(int(whole.sum()), dtype=np.int32)
    for places, frame in ((starts, before), (ends - len(after), after)):
        for place, index in enumerate(frame):
            ids[places + place] = index
    n_cut = int((lengths > room).sum())
    ids[runs(starts + len(before), kept)] = read[runs(lengths.cumsum() - lengths, kept)] if n_cut else read
    return ids, whole, n_cut


def longest_first(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    """What remains of two texts cut token by token from the longer; an odd place goes to the longer one."""
    shorter = min(n_first, n_second, room // 2)
    longer = min(max(n_first, n_second), room - shorter)
    return (longer, shorter) if n_first > n_second else (shorter, longer)
