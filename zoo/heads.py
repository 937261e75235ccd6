"""Task heads: the same for every variant, so that a comparison compares encoders."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.batch import IGNORE, Batch, Output
from zoo.blocks import Dropout, Pooler
from zoo.interfaces import Objective
from zoo.specs import Dims, HeadUse

LABEL = "task"
"""The name under which a batch carries the labels of a task."""

START, END = "task.start", "task.end"
"""The names under which a batch carries where an answer begins and ends, counted from each sequence's first token."""

QUESTION = "task.question"
"""The name under which a batch carries the number, from 0, of the question that each sequence is a choice of."""


class TaskHead(Objective):
    """One vector a sequence, dropout, and a linear layer; Devlin et al. 2019, section 4.1.

    `joint` reads a pair as one text, pooling its first token or the mean of its tokens through the pooler;
    `compare` takes the means u and v of the two texts and reads [u, v, |u - v|, u * v],
    Conneau et al. 2017, arXiv:1705.02364, section 3.1. A head of tokens reads each as it is.
    """

    label = LABEL
    reads_tokens: ClassVar[bool] = False

    def __init__(self, dims: Dims, use: HeadUse, n_outputs: int) -> None:
        super().__init__()
        reading = use.reading
        self.use = use
        self.compares = use.pair and reading.pair == "compare" and not self.reads_tokens
        self.pooler = None if self.compares or self.reads_tokens else Pooler(dims.hidden_width)
        self.input_dropout = Dropout(reading.input_dropout)
        self.dropout = Dropout(reading.dropout)
        self.output = nn.Linear(dims.hidden_width * (4 if self.compares else 1), n_outputs)

    def scores(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] -> [B, outputs], or [T, outputs] for a head of tokens."""
        vectors = hidden if self.reads_tokens else self._vectors(hidden, batch)
        out: Tensor = self.output(self.dropout(vectors))
        return out

    def _vectors(self, hidden: Tensor, batch: Batch) -> Tensor:
        layout = batch.layout
        if self.pooler is None:
            u, v = (layout.mean(hidden, (batch.segments == text) & ~batch.special) for text in (0, 1))
            return torch.cat([u, v, (u - v).abs(), u * v], dim=1)
        first = self.use.reading.pooling == "first"
        pooled: Tensor = self.pooler(self.input_dropout(layout.first(hidden) if first else layout.mean(hidden)))
        return pooled

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """What `predict` reads: the scores, in the shape of the task."""
        return self.scores(hidden, batch)

    @abstractmethod
    def predict(self, logits: Tensor) -> list[Any]:
        """One prediction for each row of the logits."""


class Classify(TaskHead):
    """One of C classes, by cross-entropy."""

    def __init__(self, dims: Dims, use: HeadUse) -> None:
        super().__init__(dims, use, len(use.labels))

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [B, C]."""
        logits = self.logits(hidden, batch)
        targets = batch.labels[LABEL]
        return Output(F.cross_entropy(_wide(logits), targets), logits, targets)

    def predict(self, logits: Tensor) -> list[Any]:
        """[B, C] to class ids."""
        ids: list[int] = logits.argmax(dim=1).tolist()
        return ids


class Multilabel(Classify):
    """Any of C labels, each by itself, by binary cross-entropy; the batch's labels are [B, C] of zeros and ones."""

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [B, C]."""
        logits = self.logits(hidden, batch)
        targets = batch.labels[LABEL]
        return Output(F.binary_cross_entropy_with_logits(_wide(logits), targets.to(logits.dtype)), logits, targets)

    def predict(self, logits: Tensor) -> list[Any]:
        """[B, C] to the ids of the labels that are more probable than not."""
        return [row.nonzero().flatten().tolist() for row in logits > 0]


class Regress(TaskHead):
    """A score, by mean squared error."""

    def __init__(self, dims: Dims, use: HeadUse) -> None:
        super().__init__(dims, use, 1)

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to scores [B]."""
        return self.scores(hidden, batch).squeeze(1)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to scores [B]."""
        logits = self.logits(hidden, batch)
        targets = batch.labels[LABEL]
        return Output(F.mse_loss(_wide(logits), targets), logits, targets)

    def predict(self, logits: Tensor) -> list[Any]:
        """[B] to scores."""
        scores: list[float] = logits.tolist()
        return scores


class Tag(TaskHead):
    """One of C tags for each token, by cross-entropy over the tokens that have one; Devlin et al. 2019, section 5.3."""

    reads_tokens = True

    def __init__(self, dims: Dims, use: HeadUse) -> None:
        super().__init__(dims, use, len(use.labels))

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [T, C]; the batch's targets are the tags, IGNORE where there is none."""
        logits = self.logits(hidden, batch)
        return Output(_cross_entropy(logits, batch.targets), logits, batch.targets)

    def predict(self, logits: Tensor) -> list[Any]:
        """[T, C] to tag ids."""
        ids: list[int] = logits.argmax(dim=1).tolist()
        return ids


class Span(TaskHead):
    """Where an answer begins and ends in its sequence, by cross-entropy over its tokens; Devlin et al. 2019, s. 4.2."""

    reads_tokens = True

    def __init__(self, dims: Dims, use: HeadUse) -> None:
        super().__init__(dims, use, 2)

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to [B, 2, S], minus infinity where no answer can be: outside the second text, at special tokens."""
        return _rectangle(self.scores(hidden, batch), batch, _answerable(batch))

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [B, 2, S] beside targets [B, 2]; the loss compares with every token, as the paper's does."""
        scores = self.scores(hidden, batch)
        targets = torch.stack([batch.labels[START], batch.labels[END]], dim=1)
        compared = _rectangle(scores, batch, torch.ones_like(batch.special))
        loss = _cross_entropy(compared.flatten(0, 1), targets.flatten())
        return Output(loss, _rectangle(scores, batch, _answerable(batch)), targets)

    def predict(self, logits: Tensor) -> list[Any]:
        """[B, 2, S] to the most probable (first, last) that are in order; (0, 0) where no answer can be."""
        return best_spans(logits)[0]


def best_spans(logits: Tensor) -> tuple[list[tuple[int, int]], list[float]]:
    """[B, 2, S], minus infinity where no answer can be, to the most probable (first, last) in order, and how probable.

    Where no answer can be anywhere, that is (0, 0) with probability 0.
    """
    begins, ends = logits.float().log_softmax(dim=2).nan_to_num(-torch.inf, neginf=-torch.inf).unbind(1)
    together = begins[:, :, None] + ends[:, None, :]
    ordered = torch.ones_like(together, dtype=torch.bool).triu()
    best, places = together.masked_fill(~ordered, -torch.inf).flatten(1).max(dim=1)
    return [divmod(place, logits.shape[2]) for place in places.tolist()], best.exp().tolist()


def _answerable(batch: Batch) -> Tensor:
    """Which tokens are of the text that is asked about. [T]"""
    return (batch.segments == 1) & ~batch.special


def _rectangle(scores: Tensor, batch: Batch, where: Tensor) -> Tensor:
    """Scores of tokens [T, 2] as [B, 2, S], minus infinity where `where` [T] is not, and beside the sequences."""
    padded, _ = batch.layout.pad(scores)
    mask, _ = batch.layout.pad(where)
    return padded.masked_fill(~mask[:, :, None], -torch.inf).transpose(1, 2)


class Choice(TaskHead):
    """One of several texts, each scored with a sequence of its own; Devlin et al. 2019, section 4.4.

    Each of the Q questions of a batch has equally many choices, C, and each choice carries its question's number and
    label.
    """

    def __init__(self, dims: Dims, use: HeadUse) -> None:
        super().__init__(dims, use, 1)

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to [Q, C], choices in the order in which they were collated."""
        return _by_question(self.scores(hidden, batch).squeeze(1), batch)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [Q, C]."""
        logits = self.logits(hidden, batch)
        targets = _by_question(batch.labels[LABEL], batch)[:, 0]
        return Output(F.cross_entropy(_wide(logits), targets), logits, targets)

    def predict(self, logits: Tensor) -> list[Any]:
        """[Q, C] to the number of the choice."""
        ids: list[int] = logits.argmax(dim=1).tolist()
        return ids


class Pool(Objective):
    """The pooled first token, for a checkpoint with a pooler and no head; with nothing to learn, its loss is zero."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.pooler = Pooler(dims.hidden_width)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to pooled [B, H]; there are no targets."""
        pooled = self.pooler(batch.layout.first(hidden))
        return Output(hidden.new_zeros(()), pooled, batch.targets[:0])


HEADS: dict[str, type[TaskHead]] = {
    "classify": Classify,
    "multilabel": Multilabel,
    "regress": Regress,
    "tag": Tag,
    "span": Span,
    "choice": Choice,
}


def make_head(dims: Dims, use: HeadUse) -> TaskHead:
    """The head that a record describes."""
    return HEADS[use.kind](dims, use)  # type: ignore[call-arg]  # each counts its own outputs


def _by_question(values: Tensor, batch: Batch) -> Tensor:
    """Values of sequences [B] by question and choice [Q, C]."""
    questions = batch.labels[QUESTION]
    before = torch.tensor(batch.order, device=values.device)
    order = (questions * len(questions) + before).argsort()
    return values[order].view(int(questions.max()) + 1, -1)


def _wide(values: Tensor) -> Tensor:
    """Values in at least float32: a loss summed in half precision is rounded away."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over targets other than IGNORE; zero, not NaN, where all are."""
    counted = (targets != IGNORE).sum().clamp(min=1)
    return F.cross_entropy(_wide(logits), targets, ignore_index=IGNORE, reduction="sum") / counted
