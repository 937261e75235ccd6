"""Checks of task heads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from zoo.core.batch import IGNORE, Batch
from zoo.core.specs import HeadConfig, PoolingConfig
from zoo.heads import LABEL, TaskHead
from zoo.tasks.kinds import make_head
from zoo.testing.division import check_division, tokens_of
from zoo.testing.material import DIMS, ragged_batch
from zoo.text.collate import Label

CLASSES = ("a", "b", "c")

HEAD_LENGTHS = (7, 3, 11, 3, 5, 7, 4)

QUESTIONS = (0, 2, 1, 1, 2, 0, 0)
"""The question that each sequence is a choice of."""

HEAD_LABELS: dict[str, Sequence[Label]] = {
    "classification": [2, 0, IGNORE, 1, 1, 0, 2],
    "multi-label": [[1, 0, 1], [0, 0, 0], [IGNORE, 1, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1], [IGNORE] * 3],
    "regression": [0.5, 2.0, -1.0, 0.25, 4.0, float(IGNORE), 1.0],
    "question-answering": [[1, 4], [0, 2], [IGNORE, IGNORE], [1, 1], [3, 4], [0, 6], [2, IGNORE]],
    "multiple-choice": [[2, 0, 1][question] for question in QUESTIONS],
}
"""Labels of those lengths, some of them missing, by kind; tags are a batch's targets."""

HEAD_KINDS = (*HEAD_LABELS, "token-classification")

POOLINGS = (
    (False, PoolingConfig(dropout=0.0)),
    (True, PoolingConfig(dropout=0.0, pooling="mean")),
    (True, PoolingConfig(dropout=0.0, pair="compare")),
)
"""How heads of sequences may pool them: whether pairs, and how."""


def head_batch(kind: str) -> Batch:
    """A batch with labels for this kind of head, in which they are spread unevenly."""
    labels = {LABEL: HEAD_LABELS[kind]} if kind in HEAD_LABELS else {}
    items = QUESTIONS if kind == "multiple-choice" else ()
    return ragged_batch(DIMS.vocab_size, labels, lengths=HEAD_LENGTHS, n_classes=len(CLASSES), items=items)


def check_head_kind(kind: str) -> None:
    """A head of the zoo's own passes, however it reads."""
    torch.manual_seed(0)
    for pair, pooling in POOLINGS:
        check_head(make_head(DIMS, HeadConfig(kind=kind, labels=CLASSES, pair=pair, pooling=pooling)), head_batch(kind))


def check_head(head: TaskHead, batch: Batch) -> None:
    """Losses and gradients as `check_division` wants them, and an item alone is predicted as it is among others.

    The head is of DIMS; the batch has its labels.
    """
    torch.manual_seed(0)
    check_division(head.eval(), batch)
    hidden = torch.randn(len(batch.ids), DIMS.hidden_width)
    together = head.by_item(head.logits(hidden, batch), batch)
    alone: list[tuple[int, list[Tensor]]] = []
    for index in range(batch.n_items):
        part = batch.micro_batch(index, batch.n_items)
        logits = head.logits(hidden[tokens_of(batch, index, batch.n_items)], part)
        alone.append((part.items[0] if part.items else part.order[0], head.by_item(logits, part)))
    each = [logits for _, found in sorted(alone, key=lambda pair: pair[0]) for logits in found]
    assert len(each) == len(together), f"logits of {len(together)} items in a batch, of {len(each)} alone"
    for one, among in zip(each, together, strict=True):
        wrong = "the logits of an item alone are not those among others"
        torch.testing.assert_close(one, among, rtol=1e-4, atol=1e-5, msg=partial("{}: {}".format, wrong))
