"""Learning from a teacher's layers, pair by pair as TinyBERT does, against plain torch on the library's models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM

from tests.train.test_distillation import drawn, ours_of, student
from tests.train.test_techniques import batch, model
from zoo import Finetuning, ZooError
from zoo.blocks.attention import Attention
from zoo.core.batch import Encoding, Layout
from zoo.core.specs import Distillation
from zoo.text.collate import collate
from zoo.train.distances import attention_distance
from zoo.train.distillation import ATTENTION, HIDDEN, Lesson, Student
from zoo.train.step import StepConfig, Stepper


def attention(seed: int, layout: Layout, n_heads: int = 2, window: int | None = None) -> Attention:
    query, key, value = (drawn(layout.n_tokens, n_heads, 3, seed=seed + at) for at in range(3))
    return Attention(query, key, value, layout, window=window)


def scores_by_hand(of: Attention) -> list[Tensor]:
    """The scores of each sequence. -> [N, S, S] each"""
    parts = [part.split(of.layout.lengths) for part in (of.query, of.key)]
    return [torch.einsum("inw,jnw->nij", q, k) / 3**0.5 for q, k in zip(*parts, strict=True)]


def test_attention_is_compared_by_scores_before_the_softmax_sequence_by_sequence() -> None:
    layout = Layout((4, 4, 2))
    ours, theirs = attention(0, layout), attention(5, layout)
    each = [F.mse_loss(a, b) for a, b in zip(scores_by_hand(ours), scores_by_hand(theirs), strict=True)]
    expected = sum(length * loss for length, loss in zip(layout.lengths, each, strict=True)) / layout.n_tokens
    torch.testing.assert_close(attention_distance(ours, theirs), expected)


def test_what_is_not_seen_counts_as_no_difference_and_has_a_gradient() -> None:
    layout = Layout((3,), causal=True)
    ours, theirs = attention(0, layout), attention(5, layout, window=1)
    ours.query.requires_grad_()
    seen = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    squares = (scores_by_hand(ours)[0] - scores_by_hand(theirs)[0]) ** 2 * seen
    found = attention_distance(ours, theirs)
    torch.testing.assert_close(found, squares.sum() / (2 * 3 * 3))
    found.backward()  # type: ignore[no-untyped-call]
    assert ours.query.grad is not None and ours.query.grad.isfinite().all()


def test_attention_needs_as_many_heads() -> None:
    layout = Layout((4,))
    with pytest.raises(ZooError, match=r"has 2 heads and one of the teacher 3, .* exchange \+dims.n_heads=3"):
        attention_distance(attention(0, layout), attention(0, layout, n_heads=3))


@pytest.mark.parametrize(
    ("layer_map", "sizes", "pairs"),
    [
        (None, (4, 12), [(4, 12)]),
        ("uniform", (4, 12), [(0, 0), (1, 3), (2, 6), (3, 9), (4, 12)]),
        ("uniform", (4, 6), [(0, 0), (1, 2), (2, 3), (3, 5), (4, 6)]),
        ("uniform", (3, 2), [(0, 0), (1, 1), (2, 2), (3, 2)]),
        ("3,1", (2, 3), [(0, 0), (1, 3), (2, 1)]),
    ],
)
def test_which_layers_are_paired(layer_map: str | None, sizes: tuple[int, int], pairs: list[tuple[int, int]]) -> None:
    assert Distillation(layer_map=layer_map).pairs(*sizes) == pairs


@pytest.mark.parametrize(
    ("layer_map", "why"),
    [
        ("1,2,3", "layer_map=1,2,3 names 3 of the teacher's layers, and the student has 2; name one for each"),
        ("2,5", "layer_map=2,5: the teacher has no layer 5 but layers 1 to 4"),
    ],
)
def test_layers_that_are_not_there_are_refused(layer_map: str, why: str) -> None:
    with pytest.raises(ZooError, match=why):
        Distillation(layer_map=layer_map).pairs(2, 4)


def test_without_a_map_the_last_layers_are_compared_alone() -> None:
    own, teacher, asked = model(), model(seed=8), batch()
    alone = student(own, teacher, hidden=1.0, attention=1.0)(asked)
    pairs = student(own, teacher, hidden=1.0, attention=1.0, layer_map="uniform")(asked)
    states = [of.hidden_states(asked) for of in (own, teacher)]
    each = [1 - F.cosine_similarity(ours, theirs, dim=-1).mean() for ours, theirs in zip(*states, strict=True)]
    torch.testing.assert_close(alone[HIDDEN].loss, each[-1])
    torch.testing.assert_close(pairs[HIDDEN].loss, torch.stack(each).sum())
    assert 0 < alone[ATTENTION].loss < pairs[ATTENTION].loss


def test_micro_batches_add_up_to_the_whole_batch() -> None:
    found = []
    for n in (1, 3):
        own = model()
        made = student(own, model(seed=8), hidden=1.0, attention=1.0, layer_map="3,1,2")
        how = StepConfig(gradient_accumulation_steps=n)
        tally = Stepper(made, torch.optim.SGD(made.parameters()), Finetuning(learning_rate=1.0), how).add_gradients(
            batch(), 0
        )
        found.append([tally.numbers(), *(p.grad for p in own.parameters() if p.grad is not None)])
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)


def library_model(n_layers: int, width: int) -> BertForMaskedLM:
    return BertForMaskedLM(
        BertConfig(
            vocab_size=60, hidden_size=width, num_hidden_layers=n_layers, num_attention_heads=2, intermediate_size=20,
            max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip


def scores(library: BertForMaskedLM, states: tuple[Tensor, ...], layer: int) -> Tensor:
    """The scores of a layer, from 0, before the softmax. [B, N, S, S]"""
    attention: Any = library.bert.encoder.layer[layer].attention.self
    query, key = (
        linear(states[layer]).unflatten(-1, (2, -1)).transpose(1, 2) for linear in (attention.query, attention.key)
    )
    made: Tensor = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
    return made


def test_tinyberts_recipe_is_one_step_of_plain_torch_on_the_librarys_models(tmp_path: Path) -> None:
    torch.manual_seed(1)
    teacher, theirs = library_model(4, 24).eval(), library_model(2, 16)
    its, own = ours_of(teacher, tmp_path / "teacher"), ours_of(theirs, tmp_path / "student")
    record = Distillation(
        teacher="t", labels=0.0, logits=1.0, temperature=1.0,
        hidden=1.0, hidden_distance="squared", attention=1.0, layer_map="uniform",
    )  # fmt: skip
    made = Student(own, its, Lesson(record, "bert.mlm", "bert.mlm"), seed=0)
    matrices = []
    for linear in (made.embedding_projection, made.projection):
        assert linear is not None
        matrices.append(nn.Parameter(linear.weight.detach().clone()))
    assert not torch.equal(*matrices)
    ids = torch.randint(5, 60, (3, 9), generator=torch.Generator().manual_seed(2))
    labels = torch.where(torch.arange(9) % 3 == 1, ids, -100)
    encodings = [Encoding(each, np.zeros_like(each), np.zeros(9, dtype=bool)) for each in ids.int().numpy()]
    asked = collate(encodings, targets=list(labels.int().numpy()))
    recipe = Finetuning(learning_rate=1e-3, weight_decay=0.0, clip_norm=0.0)
    Stepper(made, torch.optim.SGD(made.parameters(), lr=0.1), recipe, StepConfig()).step(asked, 0, 0.1, "")

    with torch.no_grad():
        told = teacher(ids, output_hidden_states=True)
    said = theirs.train()(ids, output_hidden_states=True)
    into_embedding, into_layers = matrices
    loss = F.mse_loss(said.hidden_states[0] @ into_embedding.T, told.hidden_states[0])  # equation 9
    for layer, of in ((1, 2), (2, 4)):
        loss = loss + F.mse_loss(said.hidden_states[layer] @ into_layers.T, told.hidden_states[of])  # equation 8
        with torch.no_grad():
            known = scores(teacher, told.hidden_states, of - 1)
        loss = loss + F.mse_loss(scores(theirs, said.hidden_states, layer - 1), known)  # equation 7
    at = labels != -100
    loss = loss + F.cross_entropy(said.logits[at], told.logits[at].softmax(-1))  # equation 10, at temperature 1
    loss.backward()
    torch.optim.SGD([*theirs.parameters(), *matrices], lr=0.1).step()
    for name, tensor in ours_of(theirs, tmp_path / "after").state_dict().items():
        torch.testing.assert_close(own.state_dict()[name], tensor, atol=2e-6, rtol=1e-5)
    for linear, matrix in ((made.embedding_projection, into_embedding), (made.projection, into_layers)):
        assert linear is not None
        torch.testing.assert_close(linear.weight, matrix, atol=2e-6, rtol=1e-5)
