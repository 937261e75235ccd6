"""Scores of texts, of minimal pairs and of candidates for a gap, by what a language model was pre-trained to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from zoo.core.errors import ZooError
from zoo.inference.likelihood import language_model, log_probabilities, longest
from zoo.model import Model
from zoo.tasks.kinds import TaskKind
from zoo.tasks.minimal_pairs import MinimalPair
from zoo.tasks.task import Example
from zoo.text.encoding import LocatedEncoding, encode_texts, locate_texts
from zoo.text.lines import read_lines

WINDOW = 1_024
"""Texts whose copies are sorted by length together."""

GAPS = ("[MASK]", "<mask>")
"""How a gap is written in a text, whatever a model calls its mask."""


@dataclass(frozen=True, slots=True)
class TextScore:
    """The log-probability of a text in nats, the tokens and words of it that were scored, and whether it was cut."""

    log_probability: float
    n_tokens: int
    n_words: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A text with one gap, and candidates for it."""

    before: str
    after: str
    candidates: tuple[str, ...]

    def filled(self, candidate: str) -> str:
        """The text with a candidate in the gap."""
        return f"{self.before}{candidate}{self.after}"


def score_texts(model: Model, texts: Iterable[str], *, within_words: bool = False) -> Iterator[TextScore]:
    """Each text's log-probability, in order; texts longer than the model reads are cut.

    Raises ZooError if the model is no language model, or a text holds no token.
    """
    rest, n_read, limit = iter(texts), 0, longest(model)
    while window := list(islice(rest, WINDOW)):
        encodings, _ = encode_texts(model.text_tokenizer, window, limit)
        whole = model.text_tokenizer.encode(window)
        found = log_probabilities(model, encodings, within_words=within_words)
        for number, (text, ids, logs) in enumerate(zip(window, whole, found, strict=True), n_read + 1):
            if not len(logs):
                raise ZooError(f"text {number} is {text!r:.60}, which holds no token to score")
            yield TextScore(float(logs.sum()), len(logs), len(text.split()), cut=len(logs) < len(ids))
        n_read += len(window)


def score_pairs(
    model: Model, pairs: Sequence[MinimalPair], *, within_words: bool = False
) -> list[tuple[TextScore, TextScore]]:
    """The good and the bad sentence's score of each pair."""
    texts = (text for pair in pairs for text in (pair.good, pair.bad))
    scores = score_texts(model, texts, within_words=within_words)
    return list(zip(scores, scores, strict=True))


def preferred(model: Model, kind: TaskKind, items: Sequence[Example]) -> tuple[list[Any], int]:
    """What a kind that is answered by likelihood predicts for items, and of how many a choice was cut."""
    each = score_texts(model, (choice for item in items for choice in item.choices))
    scores = [[next(each) for _ in item.choices] for item in items]
    return (
        [kind.prefer([score.log_probability for score in its]) for its in scores],
        sum(any(score.cut for score in its) for its in scores),
    )


def score_gap(model: Model, gap: Gap) -> list[float]:
    """The log-probability of each candidate's tokens in its text; of the whole text if the model is causal.

    A candidate of several tokens is scored as the pseudo-log-likelihood of these. Raises ZooError if one holds none, or
    lies beyond the last token that the model reads.
    """
    causal = language_model(model).causal
    limit, texts = longest(model), [gap.filled(candidate) for candidate in gap.candidates]
    located = locate_texts(model.text_tokenizer, texts, limit)
    spans = [(len(gap.before), len(gap.before) + len(candidate)) for candidate in gap.candidates]
    places = [_inside(its, span) for its, span in zip(located, spans, strict=True)]
    for candidate, its in zip(gap.candidates, places, strict=True):
        if not its:
            raise ZooError(f"{candidate!r:.60} holds no token within the first {limit:,} of its text")
    encodings = [its.encoding for its in located]
    return [float(logs.sum()) for logs in log_probabilities(model, encodings, None if causal else places)]


def _inside(located: LocatedEncoding, span: tuple[int, int]) -> list[int]:
    """The places of the tokens that share a character with a span of their text."""
    start, end = located.offsets.T
    shared = ~located.encoding.special & (start < span[1]) & (end > span[0])
    places: list[int] = np.flatnonzero(shared).tolist()
    return places


def read_texts(path: Path) -> Iterator[str]:
    """The texts of a file, one per line. Raises ZooError for an empty one, with its line."""
    for number, line in read_lines(path):
        if not line.strip():
            raise ZooError(f"{path}:{number}: is empty; each line should be a text")
        yield line


def read_gaps(path: Path) -> list[Gap]:
    """The lines of a file: a text with a gap, and candidates, tabs between them. Raises ZooError with file and line."""
    gaps = [_gap(line, f"{path}:{number}") for number, line in read_lines(path)]
    if not gaps:
        raise ZooError(f"{path}: is empty; each line should be a text with a gap, and candidates, tabs between them")
    return gaps


def _gap(line: str, where: str) -> Gap:
    text, *candidates = line.split("\t")
    marks = [mark for mark in GAPS for _ in range(text.count(mark))]
    if len(marks) != 1:
        raise ZooError(f"{where}: has {len(marks)} gaps; the text before the first tab needs one, written {GAPS[0]}")
    if len(candidates) < 2 or not all(candidate.strip() for candidate in candidates):
        raise ZooError(f"{where}: has {len(candidates)} candidates; give two or more, a tab before each")
    before, _, after = text.partition(marks[0])
    return Gap(before, after, tuple(candidates))
