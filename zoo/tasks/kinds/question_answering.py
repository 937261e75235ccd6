"""The answer to a question as a stretch of a text; Devlin et al. 2019, section 4.2."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.core.errors import ZooError
from zoo.tasks.kinds.kind import EncodedItem, ItemField, TaskKind, percent, text_in
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.interfaces import Tokenizer


class QuestionAnswering(TaskKind):
    """A label is where in the second text the answer begins and ends, in characters; the first text is the question."""

    head = "zoo.heads:QuestionAnswering"
    columns = ("start", "end", "prediction", "probability")
    several_texts = True
    reads = frozenset({"max_length", "stride", "longest_question", "longest_answer"})

    def problem(self) -> str | None:
        """An item is a question and a text."""
        return "has no labels" if self.labels else None if self.pair else "has pairs of a question and a text"

    def fits(self, value: Any) -> bool:
        """Two places in order."""
        return isinstance(value, list) and [type(part) for part in value] == [int, int] and 0 <= value[0] <= value[1]

    @property
    def wanted(self) -> str:
        """Two places."""
        return "two characters' places, the first and the one after the last of an answer"

    def fits_item(self, item: Example) -> bool:
        """Within the text."""
        return super().fits_item(item) and item.label[1] <= len(item.second or "")

    def read(self, cell: str) -> tuple[int, int]:
        """Two numbers, a colon between them."""
        start, colon, end = cell.partition(":")
        if not (colon and start.isdigit() and end.isdigit()):
            raise ValueError(f"the answer's place {cell!r:.60} is not written start:end")
        return int(start), int(end)

    def shown(self, value: Any) -> str:
        """Two numbers, a colon between them."""
        return f"{value[0]}:{value[1]}"

    def fields(self) -> tuple[ItemField, ...]:
        """A question, a text, and the answer in it."""
        start = ItemField("answer_start", "where the answer begins, in characters", gold=True, optional=True)
        return (
            ItemField("question", "a text"),
            ItemField("context", "the text that holds the answer"),
            ItemField("answers", "the answer, or SQuAD's texts with their answer_start", gold=True),
            start,
        )

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says; of several answers the first counts."""
        question, context = text_in(row, "question"), text_in(row, "context")
        found = row.get("answers")
        answers = found if isinstance(found, dict) else {"text": found, "answer_start": row.get("answer_start")}
        text, start = (_first(answers.get(name)) for name in ("text", "answer_start"))
        return Example(question, context, None if text is None else _place(text, start, context))

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """A question and a text."""
        if len(texts) != 2:
            raise ZooError(f"has {len(texts)} texts; an answer span needs a question and a text, a tab between them")
        return Example(texts[0], texts[1])

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """The text in windows, each after the question; counted as cut are the questions that were."""
        from zoo.text.windows import window_texts

        texts = [(item.first, item.second or "") for item in examples]
        stride = self.reading.stride_of(max_length)
        windows, n_cut = window_texts(tokenizer, texts, max_length, stride, self.reading.longest_question)
        return [EncodedItem.of_windows(its) for its in windows], n_cut

    def target(self, item: EncodedItem, label: Any) -> list[int]:
        """The first and the last token of the answer, IGNORE in a window that does not hold all of it. [2]"""
        from zoo.core.batch import IGNORE

        assert item.offsets is not None
        (encoding,) = item.encodings
        text = (encoding.segments == 1) & ~encoding.special
        starts, ends = item.offsets[:, 0], item.offsets[:, 1]
        places = (text & (ends > label[0]) & (starts < label[1])).nonzero()[0].tolist()
        whole = places and ends[text].max() >= label[1] and starts[text].min() <= label[0]
        return [places[0], places[-1]] if whole else [IGNORE, IGNORE]

    def join_logits(self, logits: Sequence[Tensor]) -> Tensor:
        """Windows one after the other. [2, S]"""
        import torch

        return torch.cat(list(logits), dim=1)

    def decode(self, item: EncodedItem, logits: Tensor) -> list[int]:
        """[2, S] to the most probable stretch of the second text."""
        return self._best(item, logits)[0]

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The most probable stretch of the second text."""
        (start, end), probability = self._best(item, logits)
        answer = " ".join((example.second or "")[start:end].split())
        yield str(start), str(end), answer, percent(probability)

    def _best(self, item: EncodedItem, logits: Tensor) -> tuple[list[int], float]:
        """The characters of the most probable stretch, which begins where its window has the most context."""
        import torch

        pieces = torch.split(log_probabilities(logits), [len(part) for part in item.parts], dim=1)
        found = []
        for part, piece in zip(item.parts, pieces, strict=True):
            if part.widest is not None and len(item.parts) > 1:
                begins = piece[0].masked_fill(~torch.from_numpy(part.widest), -torch.inf)
                piece = torch.stack([begins, piece[1]])
            found.append(best_span(piece, self.reading.longest_answer))
        number = max(range(len(found)), key=lambda number: found[number][1])
        (first, last), score = found[number]
        offsets = item.parts[number].offsets
        assert offsets is not None
        return [int(offsets[first, 0]), int(offsets[last, 1])], math.exp(score)

    def side(self, values: Sequence[Any]) -> Any:
        """Places. [N, 2]"""
        import numpy as np

        return np.asarray(values, dtype=np.int64).reshape(-1, 2)


def _first(value: Any) -> Any:
    return (value[0] if value else None) if isinstance(value, list) else value


def _place(answer: Any, start: Any, context: str) -> tuple[int, int]:
    """Where an answer lies in its text. Raises ZooError if it doesn't, or not there."""
    if not isinstance(answer, str) or not answer:
        raise ZooError(f"the answer should be a text, and is {answer!r:.60}")
    begins = context.find(answer) if start in (None, "") else int(start)
    if begins < 0 or context[begins : begins + len(answer)] != answer:
        raise ZooError(f"the answer {answer!r:.60} is not in its context" + f" at character {start}" * bool(start))
    return begins, begins + len(answer)


def log_probabilities(logits: Tensor) -> Tensor:
    """[2, S] to the logarithms of the probabilities that an answer begins and ends at a token."""
    return logits.detach().float().log_softmax(dim=1).nan_to_num(-math.inf, neginf=-math.inf)


def best_span(scores: Tensor, longest: int) -> tuple[tuple[int, int], float]:
    """[2, S], minus infinity where an answer cannot begin or end, to its best first and last token, and their sum.

    An answer has at most `longest` tokens. Where no answer can be, that is (0, 0).
    """
    import torch.nn.functional as F

    longest = min(longest, scores.shape[1])
    ends = F.pad(scores[1], (0, longest - 1), value=-math.inf).unfold(0, longest, 1)
    best, place = (scores[0][:, None] + ends).detach().flatten().max(dim=0)
    first, more = divmod(int(place), longest)
    return (first, first + more), float(best)
