"""Learning from a teacher, against torch's own distributions and losses, and hand-written formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, kl_divergence
from transformers import BertConfig, BertForMaskedLM

import zoo
from tests.train.test_techniques import CLASSES, batch, model, weights
from zoo import Finetuning, ZooError
from zoo.core.batch import IGNORE, ITEM, Batch, Encoding, Layout, Output
from zoo.core.specs import Distillation
from zoo.heads import MultipleAnswers, QuestionAnswering, Regression, SequenceClassification, TaskHead
from zoo.model import Model
from zoo.text.collate import collate
from zoo.train.distances import answers_of, hidden_distance, logit_distance, relation_distance
from zoo.train.distillation import HIDDEN, LOGITS, RELATIONS, Lesson, LogitCache, Student, take_layers
from zoo.train.loop import fit
from zoo.train.step import StepConfig, Stepper


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).float()


def output(logits: Tensor, targets: Tensor) -> Output:
    return Output(logits.new_zeros(()), logits, targets)


def student(own: Model, teacher: Model, **record: Any) -> Student:
    lesson = Lesson(Distillation(teacher="t", **record), "task", "task")
    made = Student(own, teacher, lesson, seed=5)
    made.train()
    return made


def ours_of(library: BertForMaskedLM, folder: Path) -> Model:
    library.save_pretrained(folder)
    return zoo.load(folder)


def choices() -> Batch:
    """Two questions, of three choices and of two; of the training items 3 and 4."""
    rng, owners = np.random.default_rng(0), [0, 0, 0, 1, 1]
    ids = [rng.integers(5, 60, 4).astype(np.int32) for _ in owners]
    encodings = [Encoding(each, np.zeros_like(each), np.zeros(4, dtype=bool)) for each in ids]
    labels = {"task": [1, 0, 1, 1, 0], ITEM: [3 + owner for owner in owners]}
    return collate(encodings, labels, items=owners)


def test_classes_are_compared_by_the_divergence_of_tempered_probabilities() -> None:
    ours, theirs, targets = drawn(5, 3), drawn(5, 3, seed=1), torch.tensor([0, 2, IGNORE, 1, 1])
    found = logit_distance(output(ours, targets), theirs, "classes", 3.0)
    each = kl_divergence(Categorical(logits=theirs / 3), Categorical(logits=ours / 3))
    torch.testing.assert_close(found, 9 * each[targets != IGNORE].mean())


def test_at_temperature_one_the_gradient_is_that_of_soft_labels() -> None:
    ours, theirs = drawn(4, 3).requires_grad_(), drawn(4, 3, seed=1)
    found = logit_distance(output(ours, torch.zeros(4, dtype=torch.long)), theirs, "classes", 1.0)
    soft = F.cross_entropy(ours, theirs.softmax(-1))
    for one, other in zip(torch.autograd.grad(found, ours), torch.autograd.grad(soft, ours), strict=True):
        torch.testing.assert_close(one, other)


def test_tokens_that_no_answer_can_have_change_nothing_and_give_no_nan() -> None:
    ours, theirs, targets = drawn(2, 2, 4), drawn(2, 2, 4, seed=1), torch.tensor([[0, 1], [2, 2]])
    wide = [torch.cat([logits, torch.full((2, 2, 3), -torch.inf)], dim=-1) for logits in (ours, theirs)]
    wide[0].requires_grad_()
    found = logit_distance(output(wide[0], targets), wide[1], "classes", 2.0)
    torch.testing.assert_close(found, logit_distance(output(ours, targets), theirs, "classes", 2.0))
    found.backward()  # type: ignore[no-untyped-call]
    assert wide[0].grad is not None and wide[0].grad.isfinite().all()


def test_yes_or_no_is_compared_by_the_divergence_of_its_two_probabilities() -> None:
    ours, theirs = drawn(3, 4), drawn(3, 4, seed=1)
    targets = torch.tensor([[0, 1, 1, 0], [1, 0, IGNORE, IGNORE], [0, 0, 0, IGNORE]])
    found = logit_distance(output(ours, targets), theirs, "decisions", 2.0)
    each = kl_divergence(Bernoulli(logits=theirs / 2), Bernoulli(logits=ours / 2))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found, 4 * each[targets != IGNORE].mean())


def test_scores_are_compared_by_their_squared_difference() -> None:
    ours, theirs = drawn(6), drawn(6, seed=1)
    found = logit_distance(output(ours, torch.zeros(6)), theirs, "scores", 7.0)
    torch.testing.assert_close(found, F.mse_loss(ours, theirs))


def test_hidden_states_are_compared_as_torch_does() -> None:
    ours, theirs = drawn(7, 5), drawn(7, 5, seed=1)
    cosine = F.cosine_embedding_loss(ours, theirs, torch.ones(7))
    torch.testing.assert_close(hidden_distance(ours, theirs, "cosine"), cosine)
    torch.testing.assert_close(hidden_distance(ours, theirs, "squared"), ((ours - theirs) ** 2).mean())


@pytest.mark.parametrize("n_heads", [1, 2])
def test_relations_are_those_of_minilm_sequence_by_sequence(n_heads: int) -> None:
    lengths = (4, 4, 2)
    ours, theirs = ([drawn(10, width, seed=seed + at) for at in range(3)] for width, seed in ((6, 0), (8, 3)))
    found = relation_distance(ours, theirs, Layout(lengths), n_heads)
    expected = 0.0
    for mine, told in zip(ours, theirs, strict=True):
        for one, other in zip(mine.split(lengths), told.split(lengths), strict=True):
            for a, b in zip(one.chunk(n_heads, dim=1), other.chunk(n_heads, dim=1), strict=True):
                scores = [x @ x.T / x.shape[1] ** 0.5 for x in (b, a)]
                expected += kl_divergence(*(Categorical(logits=each) for each in scores)).sum().item()
    assert found.item() == pytest.approx(expected / n_heads / 10, rel=1e-5)


def test_relations_need_widths_that_their_heads_divide() -> None:
    with pytest.raises(ZooError, match="width of 6 cannot be divided into 4 heads; give distillation"):
        relation_distance([drawn(3, 6)] * 3, [drawn(3, 8)] * 3, Layout((3,)), 4)


def test_the_losses_of_a_step_are_those_of_two_models_side_by_side() -> None:
    own, teacher, asked = model(), model(seed=8), batch()
    made = student(own, teacher, hidden=1.0, relations=1.0, temperature=3.0)
    found = made(asked)
    ours, theirs = own.eval()(asked)["task"], teacher(asked)["task"]
    torch.testing.assert_close(found["task"].loss, ours.loss)
    torch.testing.assert_close(found[LOGITS].loss, logit_distance(ours, theirs.logits, "classes", 3.0))
    states = [of.hidden_states(asked) for of in (own, teacher)]
    torch.testing.assert_close(found[HIDDEN].loss, hidden_distance(states[0][-1], states[1][-1], "cosine"))
    seen: list[list[Tensor]] = [[], []]  # what the linear layers of the last attention give, as hooks see it
    for of, into in zip((own, teacher), seen, strict=True):
        attention = of.encoder.layers[-1].attention.attention
        hooks = [
            getattr(attention, n).register_forward_hook(lambda *of, into=into: into.append(of[2]))
            for n in ("query", "key", "value")
        ]
        of.hidden(asked)
        for hook in hooks:
            hook.remove()
    torch.testing.assert_close(found[RELATIONS].loss, relation_distance(*seen, asked.layout, 2))


def test_the_weighted_sum_is_what_is_learnt_and_the_teacher_stays() -> None:
    own, teacher = model(), model(seed=8)
    before = weights(teacher)
    made = student(own, teacher, labels=0.25, logits=2.0)
    losses = made(batch())
    (0.25 * losses["task"].loss + 2.0 * losses[LOGITS].loss).backward()
    expected = {name: p.grad.clone() for name, p in own.named_parameters() if p.grad is not None}
    own.zero_grad(set_to_none=True)
    stepper = Stepper(made, torch.optim.SGD(made.parameters(), lr=0.0), Finetuning(learning_rate=1.0), StepConfig())
    stepper.add_gradients(batch(), 0)
    for name, parameter in own.named_parameters():
        torch.testing.assert_close(parameter.grad, expected.get(name))
    assert all(torch.equal(value, weights(teacher)[name]) for name, value in before.items())


def test_micro_batches_add_up_to_the_whole_batch() -> None:
    found = []
    for n in (1, 3):
        own = model()
        made = student(own, model(seed=8), hidden=1.0, relations=1.0)
        how = StepConfig(gradient_accumulation_steps=n)
        tally = Stepper(made, torch.optim.SGD(made.parameters()), Finetuning(learning_rate=1.0), how).add_gradients(
            batch(), 0
        )
        grads = {name: p.grad for name, p in own.named_parameters()}
        found.append((tally.numbers(), grads))
    (whole, grads), (parts, others) = found
    torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-6)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, others[name], rtol=1e-4, atol=1e-6)


def test_a_student_of_another_width_learns_a_matrix_that_is_not_the_models() -> None:
    own, wide = model(), model(width=32, seed=8)
    names = {*own.state_dict()}
    made = student(own, wide, labels=0.0, logits=0.0, hidden=1.0, hidden_distance="squared")
    assert made.projection is not None and made.projection.weight.shape == (32, 24)
    history = fit(
        made, repeat(batch()), Finetuning(learning_rate=0.01, warmup=0.0), 40, lambda a, b: None, StepConfig(seed=1)
    )
    assert history.losses[HIDDEN][-1] < 0.5 * history.losses[HIDDEN][0]
    assert {*own.state_dict()} == names and {*made.state_dict()} == {*names, "projection.weight"}


def test_a_student_that_learns_logits_alone_comes_to_answer_as_its_teacher() -> None:
    own, teacher, asked = model(), model(seed=8), batch()
    made = student(own, teacher, labels=0.0, logits=1.0)
    recipe = Finetuning(learning_rate=0.01, warmup=0.0)
    losses = fit(made, repeat(asked), recipe, 30, lambda a, b: None, StepConfig(seed=1)).losses[LOGITS]
    assert losses[-1] < 0.1 * losses[0]
    made.eval()
    assert {*made(asked)} == {"task"}


@pytest.mark.parametrize(
    ("head", "answers"),
    [
        (SequenceClassification, "classes"),
        (QuestionAnswering, "classes"),
        (MultipleAnswers, "decisions"),
        (Regression, "scores"),
    ],
)
def test_what_logits_are_follows_from_the_heads_loss(head: type[TaskHead], answers: str) -> None:
    assert answers_of(head) == answers


def test_a_head_with_a_loss_of_its_own_cannot_teach_its_logits() -> None:
    class Ordinal(TaskHead):
        loss = staticmethod(F.huber_loss)

    with pytest.raises(ZooError, match=r"logits of Ordinal are neither .*; give distillation.logits=0"):
        answers_of(Ordinal)


def test_what_a_teacher_told_once_is_what_it_says_of_each_batch() -> None:
    own, teacher, asked = model(), model(seed=8), batch()
    item_logits = teacher.eval()(asked)["task"].logits[torch.tensor(asked.order).argsort()]  # in the items' order
    asked_for: list[int] = []

    def ask(numbers: Sequence[int]) -> list[Tensor]:
        asked_for.extend(numbers)
        return [item_logits[number - 2].detach() for number in numbers]

    lesson = Lesson(Distillation(teacher="t"), "task", cache=LogitCache(ask))
    numbered = replace(asked, labels={**asked.labels, ITEM: torch.tensor(asked.order) + 2})
    once, each = Student(own, None, lesson, seed=0), student(own, teacher)
    for _ in range(2):
        torch.testing.assert_close(once(numbered)[LOGITS].loss, each(asked)[LOGITS].loss)
    assert sorted(asked_for) == list(range(2, 8))


@pytest.mark.parametrize("kind", ["multiple-choice", "multiple-answers"])
def test_choices_are_told_by_question(kind: str) -> None:
    made = model(kind=kind, labels=() if kind == "multiple-choice" else CLASSES[:2])
    head = made.objective("task")
    assert isinstance(head, TaskHead)
    asked = choices()
    logits = head.logits(made.hidden(asked), asked)
    told = drawn(2, 3)
    told[1, 2] = -torch.inf  # the second question has two choices
    rows = {3: told[0], 4: told[1, :2]}
    lesson = Lesson(
        Distillation(teacher="t"), "task", cache=LogitCache(lambda numbers: [rows[number] for number in numbers])
    )
    student = Student(made, None, lesson, seed=0)
    found = student(asked)[LOGITS].loss
    expected = logit_distance(output(logits, head.targets(asked)), told, answers_of(head), 2.0)
    torch.testing.assert_close(found, expected)
    assert found.isfinite()


def test_distilberts_recipe_is_one_step_of_plain_torch_on_the_librarys_models(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=60, hidden_size=24, num_hidden_layers=4, num_attention_heads=2, intermediate_size=20,
        max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(1)
    teacher = BertForMaskedLM(config).eval()
    theirs = BertForMaskedLM(BertConfig(**{**config.to_dict(), "num_hidden_layers": 2}))
    its, own = ours_of(teacher, tmp_path / "teacher"), ours_of(theirs, tmp_path / "student")
    take_layers(own, its, (1, 3))
    theirs.bert.embeddings.load_state_dict(teacher.bert.embeddings.state_dict())
    theirs.cls.load_state_dict(teacher.cls.state_dict())
    for to, of in zip(theirs.bert.encoder.layer, (0, 2), strict=True):
        to.load_state_dict(teacher.bert.encoder.layer[of].state_dict())
    record = Distillation(teacher="t", labels=2.0, logits=5.0, hidden=1.0, temperature=2.0)
    made_student = Student(own, its, Lesson(record, "bert.mlm", "bert.mlm"), seed=0)
    ids = torch.randint(5, 60, (3, 9), generator=torch.Generator().manual_seed(2))
    labels = torch.where(torch.arange(9) % 3 == 1, ids, -100)
    encodings = [Encoding(each, np.zeros_like(each), np.zeros(9, dtype=bool)) for each in ids.int().numpy()]
    asked = collate(encodings, targets=list(labels.int().numpy()))
    recipe = Finetuning(learning_rate=1e-3, weight_decay=0.0, clip_norm=0.0)
    Stepper(made_student, torch.optim.SGD(own.parameters(), lr=0.1), recipe, StepConfig()).step(asked, 0, 0.1, "")
    with torch.no_grad():
        told = teacher(ids, output_hidden_states=True)
    said = theirs.train()(ids, labels=labels, output_hidden_states=True)
    at = labels != -100
    distance = torch.nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(said.logits[at] / 2, -1), F.softmax(told.logits[at] / 2, -1)
    )
    states = [each.hidden_states[-1].flatten(0, 1) for each in (said, told)]
    cosine = F.cosine_embedding_loss(*states, torch.ones(len(states[0])))
    (5.0 * distance * 4 + 2.0 * said.loss + 1.0 * cosine).backward()
    torch.optim.SGD(theirs.parameters(), lr=0.1).step()
    for name, tensor in ours_of(theirs, tmp_path / "after").state_dict().items():
        torch.testing.assert_close(own.state_dict()[name], tensor, atol=2e-6, rtol=1e-5)
