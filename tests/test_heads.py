"""Heads of every kind, against numbers worked out by hand and by a second formula."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.checkpoints.pool import Pool
from zoo.core.batch import IGNORE, Batch, Encoding
from zoo.core.errors import ZooError
from zoo.core.specs import Dims, HeadConfig, PoolingConfig
from zoo.heads import (
    LABEL,
    MultiLabelClassification,
    MultipleChoice,
    QuestionAnswering,
    Regression,
    SequenceClassification,
    TaskHead,
    TokenClassification,
)
from zoo.tasks.kinds import make_head, task_kind
from zoo.tasks.kinds.answer_spans import best_span
from zoo.tasks.kinds.kind import EncodedItem
from zoo.testing import head_batch
from zoo.testing.heads import HEAD_KINDS
from zoo.text.collate import Label, collate

DIMS = Dims(vocab_size=13, embedding_width=7, hidden_width=7, n_layers=1, n_heads=1, ffn_width=5, max_length=11)
LENGTHS = (5, 3, 4, 3)


def batch_of(
    labels: Sequence[Label] | None = None, targets: list[list[int]] | None = None, items: Sequence[int] = ()
) -> Batch:
    encodings = []
    for length in LENGTHS:
        special = np.zeros(length, dtype=bool)
        special[[0, -1]] = True
        encodings.append(Encoding(np.full(length, 5, np.int32), (np.arange(length) > 1).astype(np.int32), special))
    arrays = [np.array(row, dtype=np.int32) for row in targets] if targets else None
    return collate(encodings, labels={LABEL: labels} if labels else None, targets=arrays, items=items)


def hidden_of(batch: Batch) -> Tensor:
    return torch.randn(len(batch.ids), 7, generator=torch.Generator().manual_seed(1))


def use(kind: str, *labels: str) -> HeadConfig:
    return HeadConfig(kind=kind, labels=labels, pooling=PoolingConfig(dropout=0.0))


def test_a_tag_is_chosen_for_each_token_and_counted_where_there_is_one() -> None:
    targets = [[IGNORE, 0, 2, 1, IGNORE], [IGNORE, 1, IGNORE], [IGNORE, 2, 2, IGNORE], [IGNORE, IGNORE, IGNORE]]
    batch = batch_of(targets=targets)
    head = TokenClassification(DIMS, use("token-classification", "O", "B", "I"))
    hidden = hidden_of(batch)
    output = head(hidden, batch, torch.empty(0))
    logits = hidden @ head.output.weight.T + head.output.bias
    torch.testing.assert_close(output.logits, logits)
    counted = [(row, tag) for row, tag in enumerate(batch.targets.tolist()) if tag != IGNORE]
    by_hand = sum(logits[row].logsumexp(0) - logits[row, tag] for row, tag in counted) / len(counted)
    torch.testing.assert_close(output.loss, by_hand)
    by_sequence = head.by_item(logits, batch)
    assert [len(its) for its in by_sequence] == list(LENGTHS)
    assert head.pooler is None


def test_a_batch_without_a_tag_has_a_loss_of_zero() -> None:
    batch = batch_of()
    loss = TokenClassification(DIMS, use("token-classification", "O", "B"))(
        hidden_of(batch), batch, torch.empty(0)
    ).loss
    assert loss.item() == 0.0


def test_a_span_is_looked_for_within_its_own_sequence() -> None:
    batch = batch_of([(1, 3), (0, 2), (2, 2), (IGNORE, IGNORE)])
    head = QuestionAnswering(DIMS, use("question-answering"))
    hidden = hidden_of(batch)
    output = head(hidden, batch, torch.empty(0))
    scores = head.scores(hidden, batch)
    losses = []
    for place, (begin, length) in enumerate(zip(batch.layout.starts.tolist(), batch.layout.lengths, strict=True)):
        own = scores[begin : begin + length]
        for column, target in enumerate(batch.labels[LABEL][place]):
            if target != IGNORE:
                losses.append(F.cross_entropy(own[None, :, column], target[None]))
    torch.testing.assert_close(output.loss, torch.stack(losses).mean())
    assert output.logits.shape == (4, 2, 5)
    assert output.logits[0, 0, 3:].tolist() == [-torch.inf] * 2


def test_the_best_span_is_in_order() -> None:
    start, end = [0.0, 5.0, 1.0, -torch.inf], [9.0, 0.0, 2.0, -torch.inf]
    assert best_span(torch.tensor([start, end]), 4)[0] == (0, 0)  # 9, as (1, 0) with 14 is backwards
    assert best_span(torch.tensor([start, [0.0, 0.0, 2.0, -torch.inf]]), 4)[0] == (1, 2)


@pytest.mark.parametrize("seed", range(5))
def test_an_answer_is_the_best_pair_of_places_in_the_second_text(seed: int) -> None:
    rng = np.random.default_rng(seed)
    encodings = []
    for n_question, n_text in zip(rng.integers(0, 5, 12).tolist(), rng.integers(0, 7, 12).tolist(), strict=True):
        special = np.zeros(n_question + n_text + 3, dtype=bool)
        special[[0, n_question + 1, -1]] = True
        segments = (np.arange(len(special)) > n_question + 1).astype(np.int32)
        encodings.append(Encoding(np.full(len(special), 5, np.int32), segments, special))
    batch = collate(encodings, labels={LABEL: [(0, 0)] * 12})
    head = QuestionAnswering(DIMS, use("question-answering"))
    hidden = torch.randn(len(batch.ids), 7, generator=torch.Generator().manual_seed(seed))
    scores = head.scores(hidden, batch).detach()
    best = []
    for begin, length in zip(batch.layout.starts.tolist(), batch.layout.lengths, strict=True):
        own = range(begin, begin + length)
        places = [place for place in own if batch.segments[place] == 1 and not batch.special[place]]
        pairs = [(a, b) for a in places for b in places if a <= b]
        found = max(pairs, key=lambda pair: float(scores[pair[0], 0] + scores[pair[1], 1]), default=(begin, begin))
        best.append((found[0] - begin, found[1] - begin))
    for logits in (head.logits(hidden, batch), head(hidden, batch, torch.empty(0)).logits):
        logits[:, :, 0] = -torch.inf  # the place of no answer
        rows = [best_span(row, 30)[0] for row in logits]
        assert rows == best


def test_choices_are_put_back_in_the_order_in_which_they_were_collated() -> None:
    batch = batch_of([1, 1, 0, 0], items=[0, 0, 1, 1])
    head = MultipleChoice(DIMS, use("multiple-choice"))
    hidden = hidden_of(batch)
    scores = head.scores(hidden, batch).squeeze(1)
    before = {place: scores[row] for row, place in enumerate(batch.order)}
    logits = torch.stack([torch.stack([before[0], before[1]]), torch.stack([before[2], before[3]])])
    output = head(hidden, batch, torch.empty(0))
    assert torch.equal(output.logits, logits)
    assert output.targets.tolist() == [1, 0]
    torch.testing.assert_close(output.loss, F.cross_entropy(logits, torch.tensor([1, 0])))
    assert all(map(torch.equal, head.by_item(logits, batch), logits))


def test_a_class_is_read_from_the_pooled_first_token() -> None:
    batch = batch_of([1, 0, 2, 1])
    head = SequenceClassification(DIMS, use("classification", "a", "b", "c"))
    hidden = hidden_of(batch)
    assert head.pooler is not None
    pooled = torch.tanh(head.pooler.dense(hidden[batch.layout.starts]))
    output = head(hidden, batch, torch.empty(0))
    torch.testing.assert_close(output.logits, head.output(pooled))
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, batch.labels[LABEL]))


def test_a_score_is_fitted_by_squares() -> None:
    batch = batch_of([0.5, 0.25, 4.0, 1.0])
    output = Regression(DIMS, use("regression"))(hidden_of(batch), batch, torch.empty(0))
    torch.testing.assert_close(output.loss, ((output.logits - batch.labels[LABEL]) ** 2).mean())


@pytest.mark.parametrize("where", ["dropout", "input_dropout"])
def test_dropout_before_and_after_the_dense_layer_acts_in_training_alone(where: str) -> None:
    batch = batch_of([1, 0, 1, 1])
    pooling = PoolingConfig(dropout=0.0).model_copy(update={where: 0.5})
    head = make_head(DIMS, HeadConfig(kind="classification", labels=("a", "b"), pooling=pooling))
    hidden = hidden_of(batch)
    torch.manual_seed(0)
    assert not torch.equal(head.scores(hidden, batch), head.scores(hidden, batch))
    head.eval()
    assert torch.equal(head.scores(hidden, batch), head.scores(hidden, batch))


def test_heads_of_answers_have_a_dropout_of_their_own() -> None:
    batch = batch_of([[2, 3], [0, 0], [1, 1], [2, 2]])
    hidden = hidden_of(batch)
    for dropout, answer_dropout in [(0.5, 0.0), (0.0, 0.5)]:
        pooling = PoolingConfig(dropout=dropout, answer_dropout=answer_dropout)
        head = make_head(DIMS, HeadConfig(kind="question-answering", pooling=pooling))
        torch.manual_seed(0)
        assert torch.equal(head.scores(hidden, batch), head.scores(hidden, batch)) == (not answer_dropout)


def test_each_of_several_labels_is_decided_for_itself() -> None:
    batch = batch_of([[1, 0, 1], [0, 0, IGNORE], [1, 1, 1], [0, 1, 0]])
    head = MultiLabelClassification(DIMS, use("multi-label", "a", "b", "c"))
    output = head(hidden_of(batch), batch, torch.empty(0))
    known = [
        -torch.nn.functional.logsigmoid(logit if target else -logit)
        for logit, target in zip(output.logits.flatten(), batch.labels[LABEL].flatten().tolist(), strict=True)
        if target != IGNORE
    ]
    assert len(known) == 11 == int(head.n_targets(batch))
    torch.testing.assert_close(output.loss, torch.stack(known).mean())
    decided = [[label for label in range(3) if row[label] > 0] for row in output.logits.tolist()]
    kind = task_kind(head.config)
    assert [kind.decode(EncodedItem(()), row) for row in output.logits] == decided
    met, counted = output.hits()
    by_hand = sum(
        (label in row) == bool(target)
        for row, targets in zip(decided, batch.labels[LABEL].tolist(), strict=True)
        for label, target in enumerate(targets)
        if target != IGNORE
    )
    assert (int(met), int(counted)) == (by_hand, 11)


def test_questions_may_have_unequally_many_choices() -> None:
    batch = batch_of([0, 2, 2, 2], items=[7, 4, 4, 4])
    head = MultipleChoice(DIMS, use("multiple-choice"))
    hidden = hidden_of(batch)
    before = dict(zip(batch.order, head.scores(hidden, batch).squeeze(1), strict=True))
    output = head(hidden, batch, torch.empty(0))
    assert output.targets.tolist() == [2, 0]  # question 4, then 7
    assert torch.equal(output.logits[0], torch.stack([before[1], before[2], before[3]]))
    assert output.logits[1].tolist() == [before[0].item(), -torch.inf, -torch.inf]
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits[:1], torch.tensor([2])) / 2)
    output.loss.backward()
    assert head.output.weight.grad is not None and head.output.weight.grad.isfinite().all()


def test_choices_of_unknown_questions_are_refused() -> None:
    batch = batch_of([0, 0, 1, 1])
    with pytest.raises(ZooError, match="does not say which question each belongs to; give collate their `items`"):
        MultipleChoice(DIMS, use("multiple-choice"))(hidden_of(batch), batch, torch.empty(0))


def test_whole_numbers_are_scores_all_the_same() -> None:
    batch = batch_of([1, 0, 4, 2])
    output = Regression(DIMS, use("regression"))(hidden_of(batch), batch, torch.empty(0))
    torch.testing.assert_close(output.loss, ((output.logits - batch.labels[LABEL]) ** 2).mean())
    assert output.hits() == (0, 0)


def test_where_no_label_is_known_the_loss_is_zero_and_so_are_its_gradients() -> None:
    labels: dict[str, Label] = {
        "classification": IGNORE,
        "multi-label": [IGNORE] * 3,
        "regression": float(IGNORE),
        "question-answering": [IGNORE] * 2,
        "multiple-choice": IGNORE,
    }
    for kind, label in labels.items():
        batch = batch_of([label] * 4, items=[0, 0, 1, 1])
        head = make_head(DIMS, use(kind, "a", "b", "c"))
        output = head(hidden_of(batch), batch, torch.empty(0))
        output.loss.backward()
        assert output.loss == 0 and int(head.n_targets(batch)) == 0, kind
        assert all(parameter.grad is not None and not parameter.grad.any() for parameter in head.parameters()), kind


def test_a_pooler_without_a_head_has_nothing_to_be_right_about() -> None:
    batch = batch_of()
    pool = Pool(DIMS)
    output = pool(hidden_of(batch), batch, torch.empty(0))
    output.loss.backward()
    assert output.loss == 0 and output.hits() == (0, 0) and int(pool.n_targets(batch)) == 0
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in pool.parameters())


@pytest.mark.parametrize("kind", HEAD_KINDS)
def test_every_head_is_made_from_its_record_and_gives_gradients(kind: str) -> None:
    batch = head_batch(kind)
    head: TaskHead = make_head(DIMS, use(kind, "a", "b", "c"))
    head(hidden_of(batch), batch, torch.empty(0)).loss.backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
