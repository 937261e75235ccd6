"""Exact match and F1 of answers, by the rules of SQuAD's official evaluation (evaluate-v2.0.py).

Answers are compared in lower case, without punctuation, articles and superfluous space; of several right answers the
nearest counts. Where a question may have no answer, a prediction also says by how much none is likelier than its
answer, and the `best-` metrics choose on the very items that they score from where on it is taken to say none.

Legend: R draws, N items.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np

from zoo.tasks.metrics.metric import Array, Drawn, Metric, Side, of_counts, ratio, share

KIND = "question-answering"

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

Likeness: TypeAlias = Callable[[str, str], float]


@dataclass(frozen=True, eq=False)
class Answers:
    """A side: the right or predicted answers of each item, and how much likelier none is than the predicted one."""

    texts: tuple[tuple[str, ...], ...]
    margins: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, rows: Iterable[int]) -> Answers:
        """Some of the items, in this order, also several times."""
        places = list(rows)
        return Answers(tuple(self.texts[p] for p in places), tuple(self.margins[p] for p in places))


@cache
def normalized(text: str) -> str:
    """A text as it is compared."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


@cache
def _words(text: str) -> Counter[str]:
    return Counter(normalized(text).split())


def exact(gold: str, made: str) -> float:
    """Whether two answers are equal, as they are compared."""
    return float(normalized(gold) == normalized(made))


def overlap(gold: str, made: str) -> float:
    """The F1 of the words of two answers."""
    ours, theirs = _words(made), _words(gold)
    if not ours or not theirs:
        return float(ours == theirs)
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total())


@lru_cache(maxsize=64)  # draws of items ask for the same sides many times
def _likenesses(of: Likeness, gold: Answers, made: Answers) -> tuple[Array, Array]:
    """Each item's likeness if its prediction is given as an answer [N], and if none is [N]."""
    answered, silent = [], []
    for right, found in zip(gold.texts, made.texts, strict=True):
        accepted = [answer for answer in right if normalized(answer)] or [""]
        answered.append(max(of(answer, next(iter(found), "")) for answer in accepted))
        silent.append(max(of(answer, "") for answer in accepted))
    return np.array(answered), np.array(silent)


def _counts(of: Likeness) -> Callable[[Side, Side], Array]:
    """The likeness of each item, and one. [N, 2]"""

    def counts(gold: Answers, made: Answers) -> Array:
        answered, silent = _likenesses(of, gold, made)
        likeness = np.where(np.array(made.margins) > 0, silent, answered)
        return np.stack([likeness, np.ones(len(likeness))], axis=1)

    return counts


def _order(made: Answers) -> tuple[Array, Array]:
    """Items from the surest answer on [N], and after which of them a threshold can lie [N]."""
    margins = np.array(made.margins)
    order = np.argsort(margins, kind="stable")
    return order, np.append(margins[order][1:] > margins[order][:-1], True)


def _best(of: Likeness, gold: Answers, made: Answers, weights: Array) -> tuple[Array, Array]:
    """The sums with the best threshold on each draw [R], and how many items are then answered [R]."""
    answered, silent = _likenesses(of, gold, made)
    order, ends = _order(made)
    gains = np.cumsum(weights[:, order] * (answered - silent)[order], axis=1)
    gains = np.concatenate([np.zeros((len(weights), 1)), np.where(ends, gains, -np.inf)], axis=1)
    return weights @ silent + gains.max(axis=1), gains.argmax(axis=1)


def best_threshold(gold: Answers, made: Answers) -> float:
    """The margin above which none is predicted, with the best F1 on these items."""
    n_answered = int(_best(overlap, gold, made, np.ones((1, len(gold))))[1][0])
    margins = np.sort(np.array(made.margins))
    return float(margins[n_answered - 1] if n_answered else margins[0] - 1)


def _of_best(of: Likeness) -> tuple[Callable[[Side, Side], float], Drawn]:
    def drawn(gold: Answers, predictions: Sequence[Answers], weights: Array) -> Array:
        sums = [_best(of, gold, made, weights)[0] for made in predictions]
        return ratio(np.stack(sums, axis=1), weights.sum(axis=1)[:, None])

    return lambda gold, made: float(drawn(gold, [made], np.ones((1, len(gold))))[0, 0]), drawn


def _with_best_threshold(name: str, of: Likeness) -> Metric:
    value, drawn = _of_best(of)
    return Metric(name, KIND, value, drawn=drawn, chosen="no-answer threshold")


METRICS = (
    of_counts("exact-match", KIND, _counts(exact), share),
    of_counts("f1", KIND, _counts(overlap), share),
    _with_best_threshold("best-exact-match", exact),
    _with_best_threshold("best-f1", overlap),
)
