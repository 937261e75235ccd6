"""Task heads: the same for every variant, so that a comparison compares encoders."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks import Dropout, Features, NormedPooler, Pooler, compared, mixed, mixed_loss
from zoo.core.batch import IGNORE, Batch, Output, Predicted
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective
from zoo.core.specs import Dims, HeadConfig, PoolingConfig

LABEL = "task"
"""The name under which a batch carries the labels of a task."""

SPANS = "spans"
"""The name under which a batch carries the tokens that items mark."""

Loss: TypeAlias = Callable[..., Tensor]
"""(logits, targets, reduction="sum") to a scalar."""


class TaskHead(Objective):
    """One vector per sequence, dropout, and a linear layer; Devlin et al. 2019, section 4.1.

    `joint` reads a pair as one text, pooling its first or last token or the mean of its tokens through the pooler;
    `compare` takes the means u and v of the two texts and reads [u, v, |u - v|, u * v],
    Conneau et al. 2017, arXiv:1705.02364, section 3.1. A head of tokens reads each token by itself.

    A kind of head defines its number of outputs, its logits and targets, and the loss between them; the loss is the
    mean over the targets that are not IGNORE. A head that reads `features` is linear, without a pooler.
    """

    label = LABEL
    counts_targets_only = True
    reads_tokens: ClassVar[bool] = False
    loss: ClassVar[Loss] = staticmethod(F.cross_entropy)

    layers: nn.Module | None
    """What makes the scores in place of pooler and linear layer, where its config names a library's class; set with
    `Encoder.head_layers` by whatever reads such a folder."""

    features: Features | None
    """What it reads of the layers, if not the last hidden states; `zoo.tasks.kinds.make_head` sets it, and gives the
    head `dims` whose hidden width is that of the features."""

    label_smoothing = 0.0
    class_weights: Tensor | None
    """The weight of each class in the loss, 1 in the mean over training items. [C]"""

    def __init__(self, dims: Dims, config: HeadConfig) -> None:
        super().__init__()
        pooling = config.pooling
        self.config = config
        self.features = None
        self.layers = None
        self.register_buffer("class_weights", None, persistent=False)
        self.uses_pair_features = config.pair and pooling.pair == "compare" and not self.reads_tokens
        self.pooler: nn.Module | None = None
        if config.library_class:
            return
        if not self.uses_pair_features and (pooling.norm or not self.reads_tokens):
            self.pooler = _pooler(dims, pooling) if config.features is None else nn.Identity()
        self.input_dropout = Dropout(pooling.input_dropout)
        self.dropout = Dropout(self.dropout_rate(pooling))
        width = dims.hidden_width * (4 if self.uses_pair_features else 1)
        bias = self.reads_tokens or pooling.output_bias
        self.output = nn.Linear(width, self.n_outputs(config.labels), bias=bias)

    def n_outputs(self, labels: Sequence[str]) -> int:
        """The size of the linear layer's output; one per label by default."""
        return len(labels)

    def dropout_rate(self, pooling: PoolingConfig) -> float:
        """The share of what the linear layer reads that is dropped in training."""
        return pooling.dropout

    def scores(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] -> [B, outputs], or [T, outputs] for a head of tokens."""
        if self.layers is not None:
            return self.layers(hidden, batch.layout)  # type: ignore[no-any-return]
        vectors = self._token_vectors(hidden) if self.reads_tokens else self._vectors(hidden, batch)
        vectors = mixed(vectors, batch) if batch.partners else vectors
        return self.output(self.dropout(vectors))  # type: ignore[no-any-return]

    def _token_vectors(self, hidden: Tensor) -> Tensor:
        vectors: Tensor = hidden if self.pooler is None else self.pooler(hidden)
        return vectors

    def _vectors(self, hidden: Tensor, batch: Batch) -> Tensor:
        layout = batch.layout
        if self.pooler is None:
            return compared(hidden, batch)
        pool = {"first": layout.first, "last": layout.last, "mean": layout.mean}[self.config.pooling.pooling]
        pooled: Tensor = self.pooler(self.input_dropout(pool(hidden)))
        return pooled

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """The logits for predictions, in the shape of the task."""
        return self.scores(hidden, batch)

    def compared(self, hidden: Tensor, batch: Batch) -> Tensor:
        """What the loss compares with the targets: the logits."""
        return self.logits(hidden, batch)

    def targets(self, batch: Batch) -> Tensor:
        """The targets, IGNORE if unknown."""
        return batch.labels[LABEL]

    def n_targets(self, batch: Batch) -> Tensor:
        """How many targets are known. Scalar."""
        return (self.targets(batch) != IGNORE).sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits and targets in the shape of the task."""
        logits, targets = self.compared(hidden, batch), self.targets(batch)
        wanted = self._predicted(batch)
        if batch.partners:
            total = mixed_loss(self._loss, _wide(logits), targets, batch)
        else:
            known = logits.flatten(0, targets.ndim - 1).index_select(0, wanted.places)
            total = self._loss(_wide(known), wanted.targets)
        return Output(total / wanted.n, logits, targets, self.correct(logits, targets))

    def _loss(self, logits: Tensor, targets: Tensor, reduction: str = "sum") -> Tensor:
        """The losses of targets that are known, with what the recipe adds to a loss over classes."""
        changed = self.label_smoothing != 0.0 or self.class_weights is not None
        more = {"weight": self.class_weights, "label_smoothing": self.label_smoothing} if changed else {}
        return self.loss(logits, targets, reduction=reduction, **more)

    def _predicted(self, batch: Batch) -> Predicted:
        exactly = self.loss is not F.cross_entropy  # others may not know IGNORE
        return batch.predicted("labels", self.targets, batch.labels.get(LABEL, batch.targets), exactly=exactly)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor | None:
        """Which targets are predicted correctly, in their shape; None for scores, which are neither right nor wrong."""
        return logits.argmax(dim=-1) == targets

    def by_item(self, logits: Tensor, batch: Batch) -> list[Tensor]:
        """Each item's own part of the logits, in the order in which the items were collated; by sequence by default."""
        return _collated(logits.unbind(), batch)


class SequenceClassification(TaskHead):
    """One of C classes, by cross-entropy: logits [B, C], targets [B]."""


class MultiLabelClassification(TaskHead):
    """Any of C labels, independently, by binary cross-entropy: logits [B, C], targets [B, C] of zeros and ones."""

    @staticmethod
    def loss(logits: Tensor, targets: Tensor, reduction: str) -> Tensor:
        """Of yes and no."""
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction=reduction)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Yes is predicted above 0, if it is more probable than not. [B, C]"""
        return (logits > 0) == targets.bool()


class Regression(TaskHead):
    """A score, by mean squared error: logits [B], targets [B]."""

    loss = staticmethod(F.mse_loss)

    def n_outputs(self, labels: Sequence[str]) -> int:
        """One."""
        return 1

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to scores [B]."""
        return self.scores(hidden, batch).squeeze(1)

    def targets(self, batch: Batch) -> Tensor:
        """Floats, even if all scores of a batch are whole numbers. [B]"""
        labels = batch.labels[LABEL]
        return labels if labels.is_floating_point() else labels.float()

    def correct(self, logits: Tensor, targets: Tensor) -> None:
        """None: a score is neither right nor wrong."""


class TokenClassification(TaskHead):
    """One of C tags for each token, by cross-entropy over the tokens that have one: logits [T, C], targets [T].

    Devlin et al. 2019, section 5.3.
    """

    reads_tokens = True

    def targets(self, batch: Batch) -> Tensor:
        """The batch's own targets: a tag belongs to a token. [T]"""
        return batch.targets

    def by_item(self, logits: Tensor, batch: Batch) -> list[Tensor]:
        """[T, C] to the logits of each sequence, [S, C]."""
        return _collated(torch.split(logits, list(batch.layout.lengths)), batch)


class QuestionAnswering(TaskHead):
    """The start and end of an answer in its sequence, by cross-entropy over its tokens; Devlin et al. 2019, s. 4.2.

    Logits are [B, 2, S] and targets [B, 2]: first and last token, counted from the sequence's first, which itself
    stands for no answer.
    """

    reads_tokens = True

    def dropout_rate(self, pooling: PoolingConfig) -> float:
        """That of answers."""
        return pooling.answer_dropout

    def n_outputs(self, labels: Sequence[str]) -> int:
        """Two per token: the scores of a start and of an end there."""
        return 2

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to [B, 2, S], minus infinity where an answer cannot be: outside the second text, but for the first."""
        return _at_answers(self.compared(hidden, batch), batch)

    def compared(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to [B, 2, S], minus infinity beside the sequences only: the loss compares with all tokens."""
        padded, mask = batch.layout.pad(self.scores(hidden, batch))
        return padded.masked_fill(~mask[:, :, None], -torch.inf).transpose(1, 2)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to a loss over all tokens, and logits [B, 2, S] of possible answers."""
        output = super().forward(hidden, batch, token_table)
        logits = _at_answers(output.logits, batch)
        return replace(output, logits=logits, correct=self.correct(logits, output.targets))

    def by_item(self, logits: Tensor, batch: Batch) -> list[Tensor]:
        """[B, 2, S] to the logits of each sequence, [2, its own S]."""
        rows = [row[:, :n] for row, n in zip(logits, batch.layout.lengths, strict=True)]
        return _collated(rows, batch)


def _at_answers(logits: Tensor, batch: Batch) -> Tensor:
    """[B, 2, S], minus infinity except at tokens of the text that the question is about, and at the first."""
    mask, _ = batch.layout.pad((batch.segments == 1) & ~batch.special)
    mask[:, 0] = True
    return logits.masked_fill(~mask[:, None], -torch.inf)


class MultipleChoice(TaskHead):
    """One of several texts, each scored with a sequence of its own; Devlin et al. 2019, section 4.4.

    A question is an item of the batch, and its choices are the item's sequences in the order in which they were
    collated, each labelled with the number of the right one: logits [Q, C], targets [Q].
    """

    def n_outputs(self, labels: Sequence[str]) -> int:
        """One, as each choice is scored by itself."""
        return 1

    def logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] to [Q, C], minus infinity where a question has fewer choices. Raises ZooError without items."""
        scores, mask = _by_item(self.scores(hidden, batch).squeeze(1), batch)
        return scores.masked_fill(~mask, -torch.inf)

    def targets(self, batch: Batch) -> Tensor:
        """The right choice of each question. [Q]"""
        return _by_item(batch.labels[LABEL], batch)[0][:, 0]

    def by_item(self, logits: Tensor, batch: Batch) -> list[Tensor]:
        """[Q, C] to the logits of each question's own choices, the questions in the order of their numbers."""
        sizes = Counter(batch.items)
        return [row[: sizes[item]] for item, row in zip(sorted(sizes), logits, strict=True)]


class MultipleAnswers(MultipleChoice):
    """Which of several answers are right, each by itself, by binary cross-entropy over all answers.

    Items are as those of MultipleChoice, and each sequence is labelled 1 if its answer is right, or 0: logits [Q, C],
    minus infinity where a question has fewer answers, and targets [Q, C], IGNORE there. Wang et al. 2019, NeurIPS,
    section 4.
    """

    loss = staticmethod(MultiLabelClassification.loss)

    def targets(self, batch: Batch) -> Tensor:
        """Which answers of each question are right. [Q, C]"""
        labels, mask = _by_item(batch.labels[LABEL], batch)
        return labels.masked_fill(~mask, IGNORE)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Right is predicted above 0, if it is more probable than not. [Q, C]"""
        return (logits > 0) == targets.bool()


class SpanClassification(TaskHead):
    """One of C classes for two spans: what SequenceClassification reads, and the mean of each span's tokens beside it.

    As the baselines of SuperGLUE read WiC; Wang et al. 2019, NeurIPS, section 4. The batch's labels named SPANS [B, 4]
    are the first and last token of both spans in their sequence; a span that was cut off has its last before its first,
    and is read as zeros.
    """

    def __init__(self, dims: Dims, config: HeadConfig) -> None:
        super().__init__(dims, config)
        width = self.output.in_features + 2 * dims.hidden_width
        self.output = nn.Linear(width, self.n_outputs(config.labels), bias=config.pooling.output_bias)

    def _vectors(self, hidden: Tensor, batch: Batch) -> Tensor:
        spans, layout = batch.labels[SPANS][batch.layout.sequence_of], batch.layout
        inside = [(layout.positions >= spans[:, at]) & (layout.positions <= spans[:, at + 1]) for at in (0, 2)]
        return torch.cat([super()._vectors(hidden, batch), *(layout.mean(hidden, where) for where in inside)], dim=1)


def _pooler(dims: Dims, pooling: PoolingConfig) -> nn.Module:
    """What follows pooling, before the linear layer."""
    if pooling.activation is None:
        return nn.Identity()
    return NormedPooler(dims, pooling.activation) if pooling.norm else Pooler(dims.hidden_width, pooling.activation)


def _collated(rows: Sequence[Tensor], batch: Batch) -> list[Tensor]:
    """Rows of packed sequences in the order in which these were collated."""
    placed = dict(zip(batch.order, rows, strict=True))
    return [placed[place] for place in sorted(placed)]


def _by_item(values: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Values of sequences [B] by item and place in it [Q, C], and where there is one [Q, C]."""
    rows = batch.on_device("choices", _rows_of_choices, batch.ids)
    mask = rows >= 0
    return values.index_select(0, rows.clamp(min=0).flatten()).view_as(rows).masked_fill(~mask, 0), mask


def _rows_of_choices(batch: Batch) -> Tensor:
    """The row in the batch of each question's choices, -1 where it has fewer than others. [Q, C]"""
    if not batch.items:
        raise ZooError("a batch of choices does not say which question each belongs to; give collate their `items`")
    rows: dict[int, list[int]] = defaultdict(list)
    for row in sorted(range(len(batch.items)), key=lambda row: (batch.items[row], batch.order[row])):
        rows[batch.items[row]].append(row)
    widest = max(map(len, rows.values()))
    return torch.tensor([its + [-1] * (widest - len(its)) for its in rows.values()], device=batch.ids.device)


def _wide(values: Tensor) -> Tensor:
    """Values in at least float32: a loss summed in half precision is rounded away."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
