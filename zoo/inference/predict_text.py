"""What a model's own head says of plain text, in the words of its folder: no task is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from zoo.core.batch import Batch
from zoo.core.errors import ZooError
from zoo.heads import QuestionAnswering, TaskHead, best_spans
from zoo.inference.fill_mask import OBJECTIVE
from zoo.model import WINDOW, Model
from zoo.text.encoding import Text, locate_texts, log_cut

Row = tuple[str, ...]
"""The texts of an item: one, two, or a text and the choices after it."""


@dataclass(frozen=True)
class Predictions:
    """A table of words, each row beginning with its item's number from 0."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def predict_texts(model: Model, items: Sequence[Row], *, labels: Sequence[str] | None = None) -> Predictions:
    """What the head predicts for each item, in these labels or its own; how many items were cut is logged.

    Raises ZooError where the model has no head, or items don't fit it.
    """
    head = head_for_text(model, labels)
    made = [_Read(model, head, items[start : start + WINDOW]) for start in range(0, len(items), WINDOW)]
    table = TABLES[head.config.kind]
    rows = [row for start, read in enumerate(made) for row in table.rows(read, start * WINDOW)]
    log_cut(sum(read.n_cut for read in made), len(items), model.variant.dims.max_length)
    return Predictions(("index", *table.columns), rows)


def head_for_text(model: Model, labels: Sequence[str] | None = None) -> TaskHead:
    """A model's task head, its classes called by these labels if any are given.

    Raises ZooError where it has none, telling what the model is good for, and where labels don't fit it.
    """
    heads = [head for head in model.objectives.values() if isinstance(head, TaskHead)]
    if not heads:
        has = ", ".join(model.objective_names) or "an encoder alone"
        use = "zoo encode and zoo fill" if OBJECTIVE in model.objective_names else "zoo encode"
        raise ZooError(
            f"the model {model.variant.name!r} has {has}, and no task head; what works with it is {use}, and zoo "
            "compare fine-tunes it"
        )
    return heads[0] if labels is None else _renamed(heads[0], labels)


def _renamed(head: TaskHead, labels: Sequence[str]) -> TaskHead:
    """The same head with other words for its classes."""
    if len(labels) != len(head.config.labels) or len(set(labels)) < len(labels):
        own = ", ".join(head.config.labels) or "none, as its answers are no classes"
        raise ZooError(f"the model has {len(head.config.labels)} labels ({own}); name each once, in that order")
    renamed = copy(head)
    renamed.config = head.config.model_copy(update={"labels": tuple(labels)})
    return renamed


def check_row(kind: str, row: Row, where: str, *, pairs: bool) -> Row:
    """The texts of an item as this kind of head wants them. Raises ZooError, saying where, for another number."""
    if kind == "multiple-choice":
        fits, needed = len(row) > 2, "multiple choice needs a text and at least two choices, tabs between them"
    elif kind == "question-answering":
        fits, needed = len(row) == 2, "an answer span needs a question and a text, a tab between them"
    elif kind == "token-classification":
        fits, needed = not pairs, "tags need one text, without --pairs"
    else:
        fits, needed = len(row) == 1 + pairs, "--pairs needs two texts, a tab between them"
    if not fits:
        raise ZooError(f"{where}: has {len(row)} texts; {needed}")
    return row


class _Read:
    """Some items read by a model: their texts, tokens, and the head's scores of each sequence.

    Scores are [C], [S, C] of tags, or [2, S] of spans.
    """

    def __init__(self, model: Model, head: TaskHead, items: Sequence[Row]) -> None:
        tokenizer = model.text_tokenizer
        self.items, self.labels = items, head.config.labels
        located = locate_texts(
            tokenizer, [text for item in items for text in _sequences(item, head)], model.variant.dims.max_length
        )
        self.encodings = [each.encoding for each in located]
        self.offsets = [each.offsets for each in located]
        self.n_cut = sum(each.cut for each in located)
        self.word_starts = tokenizer.word_starts
        self.scores = model.map_sequences(self.encodings, partial(_by_sequence, head))


def _sequences(item: Row, head: TaskHead) -> list[Text]:
    """The texts and pairs that are read of an item: itself, or its first text beside each choice."""
    if head.config.kind == "multiple-choice":
        return [(item[0], choice) for choice in item[1:]]
    return [item[0] if len(item) == 1 else (item[0], item[1])]


def _by_sequence(head: TaskHead, hidden: Tensor, batch: Batch) -> Sequence[Tensor]:
    if isinstance(head, QuestionAnswering):
        return head.logits(hidden, batch).float().cpu().unbind()
    made = head.scores(hidden, batch).float().cpu()
    return torch.split(made, list(batch.layout.lengths)) if head.reads_tokens else made.unbind()


def _classified(read: _Read, first: int) -> Iterator[tuple[str, ...]]:
    for index, scores in enumerate(read.scores, first):
        probability, best = scores.softmax(0).max(0)
        yield str(index), read.labels[int(best)], f"{float(probability):.4f}"


def _multilabelled(read: _Read, first: int) -> Iterator[tuple[str, ...]]:
    """Every label that is more probable than not."""
    for index, scores in enumerate(read.scores, first):
        found = [(label, float(p)) for label, p in zip(read.labels, scores.sigmoid(), strict=True) if p > 0.5]
        yield str(index), ",".join(label for label, _ in found), ",".join(f"{p:.4f}" for _, p in found)


def _scored(read: _Read, first: int) -> Iterator[tuple[str, ...]]:
    for index, scores in enumerate(read.scores, first):
        yield str(index), f"{float(scores):.4f}"


def _tagged(read: _Read, first: int) -> Iterator[tuple[str, ...]]:
    """A row a word, with the tag of its first piece; Devlin et al. 2019, section 5.3."""
    for index, (encoding, offsets, scores) in enumerate(
        zip(read.encodings, read.offsets, read.scores, strict=True), first
    ):
        probabilities, best = scores.softmax(1).max(1)
        text = read.items[index - first][0]
        places: list[int] = np.flatnonzero(~encoding.special).tolist()
        begin = [place for place in places if place == places[0] or read.word_starts[encoding.ids[place]]]
        for place, following in zip(begin, [*begin[1:], len(places) + 1], strict=False):
            start, end = int(offsets[place, 0]), int(offsets[following - 1, 1])
            tag, probability = read.labels[int(best[place])], f"{float(probabilities[place]):.4f}"
            yield str(index), str(start), str(end), _one_line(text[start:end]), tag, probability


def _answered(read: _Read, first: int) -> Iterator[tuple[str, ...]]:
    """The most probable stretch of the second text."""
    for index, (offsets, logits) in enumerate(zip(read.offsets, read.scores, strict=True), first):
        [(begin, end)], [probability] = best_spans(logits[None])
        start, stop = int(offsets[begin, 0]), int(offsets[end, 1])
        answer = _one_line(read.items[index - first][1][start:stop])
        yield str(index), str(start), str(stop), answer, f"{probability:.4f}"


def _chosen(read: _Read, first: int) -> Iterator[tuple[str, ...]]:
    scores = iter(read.scores)
    for index, (_, *choices) in enumerate(read.items, first):
        probability, best = torch.cat([next(scores) for _ in choices]).softmax(0).max(0)
        yield str(index), str(int(best)), choices[int(best)], f"{float(probability):.4f}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class _Table:
    """What is told of an item besides its number."""

    columns: tuple[str, ...]
    rows: Callable[[_Read, int], Iterator[tuple[str, ...]]]


TABLES: dict[str, _Table] = {
    "classification": _Table(("prediction", "probability"), _classified),
    "multi-label": _Table(("prediction", "probability"), _multilabelled),
    "regression": _Table(("prediction",), _scored),
    "token-classification": _Table(("start", "end", "word", "prediction", "probability"), _tagged),
    "question-answering": _Table(("start", "end", "prediction", "probability"), _answered),
    "multiple-choice": _Table(("prediction", "multiple-choice", "probability"), _chosen),
}
