"""The best stretch of a text among the start and end scores of its tokens, over all windows of the text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.tasks.kinds.kind import EncodedItem


class Span(NamedTuple):
    """Characters from `start` up to `end`, the probability of this answer among all answers, and the margin: by how
    much the score of no answer is above this one's."""

    start: int
    end: int
    probability: float
    margin: float


def best_answer(windows: Sequence[EncodedItem], logits: Tensor, longest: int) -> Span:
    """The answer of highest score, start plus end, in any window; Devlin et al. 2019, section 4.2.

    Logits are those of all windows, one after the other [2, S], minus infinity where no answer can be; the first token
    of each window stands for no answer, whose score is the lowest of them. An answer begins at a token that has its
    widest context in its window, and has at most `longest` tokens. As in google-research/bert's run_squad.py.
    """
    pieces = torch.split(logits.detach().float().nan_to_num(-math.inf, neginf=-math.inf), [*map(len, windows)], dim=1)
    none = min(float(piece[:, 0].sum()) for piece in pieces)
    answers = torch.cat([_answers_only(piece) for piece in pieces], dim=1)
    norm = float(answers.logsumexp(dim=1).sum())
    found = [
        best_span(_from_widest(window, piece), longest)
        for window, piece in zip(windows, torch.split(answers, [*map(len, windows)], dim=1), strict=True)
    ]
    number = max(range(len(found)), key=lambda number: found[number][1])
    (first, last), score = found[number]
    offsets = windows[number].offsets
    assert offsets is not None
    if score == -math.inf:
        return Span(0, 0, 0.0, 0.0)
    margin = none - score if none > -math.inf else 0.0
    return Span(int(offsets[first, 0]), int(offsets[last, 1]), math.exp(score - norm), margin)


def best_span(scores: Tensor, longest: int) -> tuple[tuple[int, int], float]:
    """[2, S], minus infinity where an answer cannot begin or end, to its best first and last token, and their sum.

    An answer has at most `longest` tokens. Where no answer can be, that is (0, 0).
    """
    longest = min(longest, scores.shape[1])
    ends = F.pad(scores[1], (0, longest - 1), value=-math.inf).unfold(0, longest, 1)
    best, place = (scores[0][:, None] + ends).detach().flatten().max(dim=0)
    first, more = divmod(int(place), longest)
    return (first, first + more), float(best)


def _answers_only(piece: Tensor) -> Tensor:
    """The same without the first token, which stands for no answer."""
    return F.pad(piece[:, 1:], (1, 0), value=-math.inf)


def _from_widest(window: EncodedItem, piece: Tensor) -> Tensor:
    """Starts only where the window has the widest context."""
    if window.widest is None or len(window.widest) != piece.shape[1]:
        return piece
    return torch.stack([piece[0].masked_fill(~torch.from_numpy(window.widest), -math.inf), piece[1]])
