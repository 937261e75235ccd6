"""The answer to a question as a stretch of a text, or none; Devlin et al. 2019, sections 4.2 and 4.3."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import JsonValue

from zoo.core.errors import ZooError
from zoo.tasks.kinds.kind import (
    DIGITS,
    EncodedItem,
    ItemField,
    Rewording,
    TaskKind,
    are_probabilities,
    percent,
    text_in,
)
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.interfaces import Tokenizer
    from zoo.tasks.kinds.answer_spans import Span

CLOSE = 0.01
"""How far the scores of two runs of one model may differ by rounding."""


class QuestionAnswering(TaskKind):
    """A label is the answers that count as right, each where it begins in the second text and as it stands there.

    The first text is the question, and a model learns the first answer. With the option `no_answer`, a question may
    have none, which a model says by pointing at its first token; a prediction is then an answer, and by how much the
    score of no answer is above it. Above `threshold`, it means no answer.
    """

    head = "zoo.heads:QuestionAnswering"
    columns = ("start", "end", "prediction", "probability")
    several_texts = True
    answers_lie_in_items = True
    options = ("no_answer", "threshold")
    reads = frozenset({"max_length", "stride", "longest_question", "longest_answer"})
    cuts = "questions"
    rewords = True
    baselines: ClassVar = {"tf-idf-sentence": "zoo.tasks.sentence_baseline:best_sentence"}

    def __init__(
        self, labels: Sequence[str], pair: bool = False, *, no_answer: bool = False, threshold: float = 0.0
    ) -> None:
        super().__init__(labels, pair)
        self.no_answer, self.threshold = no_answer, threshold

    def problem(self) -> str | None:
        """An item is a question and a text."""
        return "has no labels" if self.labels else None if self.pair else "has pairs of a question and a text"

    def fits(self, value: Any) -> bool:
        """Answers, and a number after the answer of a prediction where there may be none."""
        if not isinstance(value, list) or not all(map(_is_answer, value[:-1])):
            return False
        if not value:
            return self.no_answer
        return _is_answer(value[-1]) or (self.no_answer and len(value) == 2 and _is_number(value[-1]))

    @property
    def wanted(self) -> str:
        """Answers."""
        return "a list of answers, each its first character and its text" + ", which may be empty" * self.no_answer

    def fits_item(self, item: Example) -> bool:
        """Within the text."""
        text = item.second or ""
        return super().fits_item(item) and all(text[at : at + len(answer)] == answer for at, answer in item.label)

    def read(self, cell: str) -> tuple[tuple[int, str], ...]:
        """Where the answer begins, a colon and the answer; nothing if there is none."""
        if not cell and self.no_answer:
            return ()
        start, colon, answer = cell.partition(":")
        if not (colon and answer and start.isdecimal()):
            raise ValueError(f"the answer {cell!r:.60} is not written start:text, as 17:Paris")
        return ((int(start), answer),)

    def shown(self, value: Any) -> str:
        """Where the answer begins, a colon and the answer; nothing if there is none."""
        return "" if self.is_none(value) else f"{value[0][0]}:{value[0][1]}"

    def is_none(self, value: Any) -> bool:
        """Whether a label or a prediction is that there is no answer."""
        return not value or not value[0][1] or (_is_number(value[-1]) and value[-1] > self.threshold)

    def fields(self) -> tuple[ItemField, ...]:
        """A question, a text, and the answers in it."""
        start = ItemField("answer_start", "where the answer begins, in characters", gold=True, optional=True)
        return (
            ItemField("question", "a text"),
            ItemField("context", "the text that holds the answer"),
            ItemField("answers", "the answer, or SQuAD's texts with their answer_start", gold=True),
            start,
        )

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says."""
        question, context = text_in(row, "question"), text_in(row, "context")
        found = row.get("answers")
        answers = found if isinstance(found, dict) else {"text": found, "answer_start": row.get("answer_start")}
        texts, starts = (_listed(answers.get(name)) for name in ("text", "answer_start"))
        if texts is None:
            return Example(question, context)
        if not texts and not self.no_answer:
            raise ZooError("the question has no answer; the kind's option no_answer allows that")
        places = [*(starts or ()), *[None] * len(texts)]
        return Example(question, context, tuple(_placed(*pair, context) for pair in zip(texts, places, strict=False)))

    def foreign(self, value: Any, *, gold: bool = False) -> Any:
        """A text, empty for no answer; or the texts that count as right. Where they are in a context is not known."""
        texts = value.get("text") if isinstance(value, dict) else value
        texts = texts if isinstance(texts, list) else [texts]
        if unfit := [text for text in texts if not isinstance(text, str)]:
            raise ValueError(f"the answer should be a text, and is {unfit[0]!r:.60}")
        if gold:
            return [[0, text] for text in texts if text]
        if len(texts) != 1:
            raise ValueError(f"has {len(texts)} answers, and a prediction is one")
        return [[0, texts[0]], *([0.0] if self.no_answer else [])]

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """A question and a text."""
        if len(texts) != 2:
            raise ZooError(f"has {len(texts)} texts; an answer span needs a question and a text, a tab between them")
        return Example(texts[0], texts[1])

    def reworded(self, item: Example, change: Rewording) -> Example:
        """The question alone, as answers are places in the other text."""
        return replace(item, first=" ".join(word for word, _ in change(item.first.split())))

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """The text in windows, each after the question; counted as cut are the questions that were."""
        from zoo.text.windows import window_texts

        texts = [(item.first, item.second or "") for item in examples]
        stride = self.reading.stride_of(max_length)
        windows, n_cut = window_texts(tokenizer, texts, max_length, stride, self.reading.longest_question)
        return [EncodedItem.of_windows(its, text) for its, (_, text) in zip(windows, texts, strict=True)], n_cut

    def longest(self, max_length: int) -> int:
        """The longest question."""
        return min(self.reading.longest_question, max_length // 2)

    def target(self, item: EncodedItem, label: Any) -> list[int]:
        """The first and the last token of the first answer; 0 and 0 in a window that does not hold all of it. [2]"""
        if not label:
            return [0, 0]
        assert item.offsets is not None
        (encoding,), (begin, answer) = item.encodings, label[0]
        begin, end = begin + len(answer) - len(answer.lstrip()), begin + len(answer.rstrip())
        text = (encoding.segments == 1) & ~encoding.special
        starts, ends = item.offsets[:, 0], item.offsets[:, 1]
        places = (text & (ends > begin) & (starts < end)).nonzero()[0].tolist()
        whole = places and starts[text].min() <= begin and ends[text].max() >= end
        return [places[0], places[-1]] if whole else [0, 0]

    def join_logits(self, logits: Sequence[Tensor]) -> Tensor:
        """Windows one after the other. [2, S]"""
        import torch

        return logits[0] if len(logits) == 1 else torch.cat(list(logits), dim=1)

    def decode(self, item: EncodedItem, logits: Tensor) -> list[Any]:
        """[2, S] to the best answer, and where there may be none the score of that above it."""
        found = self._span(item, logits)
        answer = [found.start, item.text[found.start : found.end]]
        return [answer, found.margin] if self.no_answer else [answer]

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The best answer and its probability, or none and the probability of that."""
        found = self._span(item, logits)
        if self.no_answer and found.margin > self.threshold:
            yield "", "", "", percent(1 / (1 + math.exp(-found.margin)))
        else:
            answer = " ".join(item.text[found.start : found.end].split())
            yield str(found.start), str(found.end), answer, percent(found.probability)

    def probabilities(self, item: EncodedItem, logits: Tensor) -> list[float]:
        """Of the answer, among all answers. [1]"""
        return [round(self._span(item, logits).probability, DIGITS)]

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """One."""
        return are_probabilities(value, 1, of_one=False)

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """The answer, right if it matches one exactly, to a question that has any."""
        from zoo.tasks.metrics.question_answering import exact

        if gold:
            yield probabilities[0], any(exact(right, prediction[0][1]) for _, right in gold)

    def _span(self, item: EncodedItem, logits: Tensor) -> Span:
        from zoo.tasks.kinds.answer_spans import best_answer

        return best_answer(item.parts, logits, self.reading.longest_answer)

    def chosen(self, gold: Sequence[Any], predictions: Sequence[Any]) -> dict[str, JsonValue]:
        """The threshold with the best F1 on development items; Devlin et al. 2019, section 4.3."""
        from zoo.tasks.metrics.question_answering import best_threshold

        return {"threshold": best_threshold(self.side(gold), self.side(predictions))} if self.no_answer else {}

    def side(self, values: Sequence[Any]) -> Any:
        """Answers of each item, and how far above the threshold the score of no answer is."""
        from zoo.tasks.metrics.question_answering import Answers

        texts = tuple(tuple(part[1] for part in value if isinstance(part, list)) for value in values)
        margins = tuple(
            value[-1] - self.threshold if value and _is_number(value[-1]) else -math.inf for value in values
        )
        return Answers(texts, margins)

    def same(self, value: Any, other: Any) -> bool:
        """The same stretch, and about the same score of no answer."""
        margins = [side[-1] if side and _is_number(side[-1]) else 0.0 for side in (value, other)]
        return bool(value[:1] == other[:1]) and abs(margins[0] - margins[1]) <= CLOSE


def _is_answer(part: Any) -> bool:
    return isinstance(part, list) and [type(each) for each in part] == [int, str] and part[0] >= 0


def _is_number(part: Any) -> bool:
    return isinstance(part, int | float) and not isinstance(part, bool) and math.isfinite(part)


def _listed(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) or value is None else [value]


def _placed(answer: Any, start: Any, context: str) -> tuple[int, str]:
    """Where an answer lies in its text. Raises ZooError if it doesn't, or not there."""
    if not isinstance(answer, str) or not answer:
        raise ZooError(f"the answer should be a text, and is {answer!r:.60}")
    if start in (None, ""):
        begins = context.find(answer)
    elif isinstance(start, bool) or not str(start).isdecimal():
        raise ZooError(f"answer_start should be a whole number from 0, and is {start!r:.60}")
    else:
        begins = int(start)
    if begins < 0 or context[begins : begins + len(answer)] != answer:
        raise ZooError(f"the answer {answer!r:.60} is not in its context" + f" at character {start}" * bool(start))
    return begins, answer
