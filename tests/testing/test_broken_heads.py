"""A head, or an objective, that is wrong in one respect fails its check, and is told in which."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo import IGNORE, Batch, Output
from zoo.core.specs import HeadConfig
from zoo.heads import (
    LABEL,
    MultiLabelClassification,
    MultipleChoice,
    QuestionAnswering,
    SequenceClassification,
    TaskHead,
    TokenClassification,
)
from zoo.testing import DIMS, check_head, conformance, head_batch
from zoo.testing.heads import CLASSES, HEAD_KINDS


class MeanOverAll(SequenceClassification):
    """Divides by all sequences, also by those without a label."""

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        logits, targets = self.logits(hidden, batch), self.targets(batch)
        return Output(F.cross_entropy(logits, targets, reduction="sum") / len(targets), logits, targets)


class CountsSequences(MultiLabelClassification):
    """Takes a sequence for one prediction, whatever its labels."""

    def n_targets(self, batch: Batch) -> Tensor:
        return torch.tensor(batch.layout.n_sequences)


class CountsChoices(MultipleChoice):
    """Takes each choice for a prediction."""

    def n_targets(self, batch: Batch) -> Tensor:
        return (batch.labels[LABEL] != IGNORE).sum()


class MeanOfMeans(QuestionAnswering):
    """Means of starts and of ends, as if each had equally many targets."""

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        logits, targets = self.compared(hidden, batch), self.targets(batch)
        loss = sum(F.cross_entropy(logits[:, end], targets[:, end]) for end in (0, 1)) / 2
        return Output(loss, logits, targets)


class LooksAside(TokenClassification):
    """Reads the mean of the batch beside each token."""

    def scores(self, hidden: Tensor, batch: Batch) -> Tensor:
        return super().scores(hidden + hidden.mean(dim=0), batch)


class Deaf(SequenceClassification):
    """Lets no gradient through."""

    def scores(self, hidden: Tensor, batch: Batch) -> Tensor:
        return super().scores(hidden.detach(), batch)


class Repeats(MultipleChoice):
    """Gives for each choice what it should once."""

    def by_item(self, logits: Tensor, batch: Batch) -> list[Tensor]:
        return [row for place, row in enumerate(super().by_item(logits, batch)) for _ in range(place + 1)]


class Shifts(SequenceClassification):
    """Gives other logits in a batch than alone."""

    def by_item(self, logits: Tensor, batch: Batch) -> list[Tensor]:
        return super().by_item(logits + len(logits), batch)


BROKEN: list[tuple[Callable[..., TaskHead], str]] = [
    ("classification", MeanOverAll, "the loss of a batch in 2 parts is not that of the whole batch"),
    ("multi-label", CountsSequences, "n_targets gives 7, but 17 predictions have a target"),
    ("multiple-choice", CountsChoices, "n_targets gives 7, but 3 predictions have a target"),
    ("question-answering", MeanOfMeans, "the loss of a batch in 2 parts"),
    ("token-classification", LooksAside, "the loss of a batch in 2 parts"),
    ("classification", Deaf, "no gradient reaches the hidden states"),
    ("multiple-choice", Repeats, "logits of 6 items in a batch, of 3 alone"),
    ("classification", Shifts, "the logits of an item alone are not those among others"),
]


@pytest.mark.parametrize(("kind", "broken", "told"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_head_fails(kind: str, broken: Callable[..., TaskHead], told: str) -> None:
    head = broken(DIMS, HeadConfig(kind=kind, labels=CLASSES))
    with pytest.raises(AssertionError, match=told):
        check_head(head, head_batch(kind))


def test_a_batch_that_tears_questions_apart_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    torn = Batch.micro_batch

    def micro_batch(self: Batch, index: int, n: int) -> Batch:
        """Sequence by sequence, whatever it is of."""
        rows = list(range(self.layout.n_sequences))[index::n]
        whole = Batch(self.ids, self.segments, self.special, self.layout, self.targets, self.labels, self.order)
        made = torn(whole, index, n)
        return Batch(
            made.ids, made.segments, made.special, made.layout, made.targets, made.labels, made.order,
            items=tuple(self.items[row] for row in rows),
        )  # fmt: skip

    monkeypatch.setattr(Batch, "micro_batch", micro_batch)
    with pytest.raises((AssertionError, IndexError), match=r"in 2 parts is not that|Target 2 is out of bounds"):
        check_head(MultipleChoice(DIMS, HeadConfig(kind="multiple-choice")), head_batch("multiple-choice"))


def test_conformance_has_a_check_for_every_kind_of_head() -> None:
    from zoo import Catalog

    catalog = Catalog.installed()
    heads = [str(check) for check in conformance(catalog) if str(check).startswith("head ")]
    assert heads == [f"head {kind}" for kind in HEAD_KINDS]
    assert not [check for check in conformance(catalog, "bert") if str(check).startswith("head ")]
