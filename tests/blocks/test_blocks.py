"""Attention, dropout and starts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from zoo import IGNORE, Batch, Dims, Init, Layout, ZooError
from zoo.blocks import Dropout, SelfAttention, TokenPrediction, attention, dropped_attention, initialise, predict_tokens
from zoo.blocks.attention import Attention, _attend_by_length, _attend_padded
from zoo.blocks.init import sinusoids

DIMS = Dims(
    vocab_size=23, embedding_width=15, hidden_width=15, n_layers=2, n_heads=3, ffn_width=22, attention_dropout=0.0
)
LENGTHS = (4, 4, 7, 1, 7, 7)


def test_attention_by_length_equals_attention_of_each_sequence_alone() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(DIMS)
    hidden = torch.randn(sum(LENGTHS), 15)
    out = attention(hidden, Layout(LENGTHS))
    for part, expected in zip(hidden.split(LENGTHS), out.split(LENGTHS), strict=True):
        q, k, v = (
            f(part).view(len(part), 3, 5).transpose(0, 1) for f in (attention.query, attention.key, attention.value)
        )
        weights = (q @ k.transpose(1, 2) / math.sqrt(5)).softmax(dim=2)
        by_hand = attention.output((weights @ v).transpose(0, 1).reshape(len(part), 15))
        torch.testing.assert_close(by_hand, expected, atol=1e-6, rtol=1e-5)


def test_attention_over_the_padded_rectangle_is_the_same() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, sum(LENGTHS), 3, 5)
    layout = Layout(LENGTHS)
    expected = _attend_by_length(Attention(q, k, v, layout, 0.0))
    torch.testing.assert_close(_attend_padded(Attention(q, k, v, layout, 0.0)), expected, atol=1e-6, rtol=1e-5)


def test_a_head_count_that_does_not_divide_the_width_is_refused() -> None:
    with pytest.raises(ZooError, match=r"dims.n_heads=4 does not divide dims.hidden_width=15"):
        SelfAttention(DIMS.model_copy(update={"n_heads": 4}))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_drops_the_share_it_says_everywhere_alike_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    n = 400_000
    out = Dropout(p).train()(torch.ones(n))
    for every_fourth in range(4):
        share = (out[every_fourth::4] == 0).float().mean().item()
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / (n / 4))
    assert abs(out.mean().item() - 1) < 4 * math.sqrt(p / (1 - p) / n)


def test_dropout_has_the_gradient_of_its_mask() -> None:
    torch.manual_seed(0)
    values = torch.randn(1_001, requires_grad=True)
    out = Dropout(0.3).train()(values)
    out.sum().backward()
    assert torch.equal(values.grad == 0, out == 0)
    torch.testing.assert_close(values.grad * values, out)


def test_dropout_does_nothing_in_evaluation() -> None:
    values = torch.randn(5)
    assert Dropout(0.9).eval()(values) is values


def test_starts_have_the_spread_that_the_record_gives() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"linear": nn.Linear(300, 200), "table": nn.Embedding(300, 200), "norm": nn.LayerNorm(7)})
    initialise(model, Init(linear_std=0.06, embedding_std=0.1), seed=0)
    assert model["linear"].weight.std().item() == pytest.approx(0.06, rel=0.02)
    assert model["table"].weight.std().item() == pytest.approx(0.1, rel=0.02)
    assert (model["linear"].bias == 0).all()
    assert (model["norm"].weight == 1).all()


def test_a_model_without_memory_has_nothing_to_draw() -> None:
    with torch.device("meta"):
        model = nn.ModuleDict({"linear": nn.Linear(3, 2), "positions": nn.Embedding(3, 2)})
        initialise(model, Init(positions="sinusoidal"), seed=0)
    assert model["linear"].weight.is_meta


def test_keys_can_start_as_queries() -> None:
    attention = SelfAttention(DIMS)
    initialise(attention, Init(keys_start_as_queries=True), seed=0)
    assert torch.equal(attention.key.weight, attention.query.weight)
    assert not torch.equal(attention.value.weight, attention.query.weight)


def test_sinusoids_are_those_of_the_formula() -> None:
    table = sinusoids(4, 5, Init(position_base=10.0, position_amplitude=2.0))
    assert table.shape == (4, 5)
    assert table[3, 2].item() == pytest.approx(2 * math.sin(3 * 10 ** (-2 / 5)), rel=1e-5)
    assert table[3, 3].item() == pytest.approx(2 * math.cos(3 * 10 ** (-2 / 5)), rel=1e-5)


def test_a_batch_in_which_nothing_is_masked_has_a_loss_of_zero_and_a_gradient() -> None:
    head = TokenPrediction(DIMS)
    ids = torch.tensor([5, 6, 7])
    batch = Batch(ids, ids, ids > 9, Layout((3,)), targets=torch.full((3,), IGNORE))
    output = predict_tokens(head, torch.randn(3, 15), batch, torch.randn(23, 15))
    output.loss.backward()
    assert output.loss.item() == 0.0
    assert output.logits.shape == (0, 23)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_with_dropout_is_the_librarys_but_for_what_it_drops(
    causal: bool, window: int | None, biased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropped_attention, "CACHED_SCORES", 3 * 4**2)  # one of the sequences of four at a time
    torch.manual_seed(0)
    layout = Layout((7, 4, 4), causal=causal)
    added = torch.randn(1, 3, 7, 7)
    bias = (lambda query, key: added[..., : query.shape[2], : query.shape[2]]) if biased else None
    q, k, v = (torch.randn(15, 3, 5, requires_grad=True) for _ in range(3))
    expected = _attend_by_length(Attention(q, k, v, layout, 0.0, window, bias, 0.3))  # torch's own attention
    with torch.no_grad():
        draws = torch.stack([_attend_by_length(Attention(q, k, v, layout, 0.2, window, bias, 0.3)) for _ in range(600)])
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - expected).abs() <= 5 * error + 1e-5).all() and error.mean() > 1e-3
    monkeypatch.setattr(attention, "dropped", lambda weights, p: weights)
    monkeypatch.setattr(dropped_attention, "kept_share", lambda p: 1.0)
    monkeypatch.setattr(dropped_attention, "kept_values", lambda shape, p: torch.ones(shape, dtype=torch.uint8))
    kept = _attend_by_length(Attention(q, k, v, layout, 0.2, window, bias, 0.3))
    torch.testing.assert_close(kept, expected, atol=1e-6, rtol=1e-5)
    gradients = (torch.autograd.grad(out.square().sum(), (q, k, v)) for out in (kept, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_the_gradient_of_attention_with_dropout_is_that_of_the_same_mask() -> None:
    """Against torch's operations in double precision, with the mask that was drawn."""
    q, k, v = (torch.randn(18, 3, 5, requires_grad=True, dtype=torch.float64) for _ in range(3))
    torch.manual_seed(3)
    mixed = _attend_by_length(Attention(q, k, v, Layout((6, 6, 6)), 0.4))
    torch.manual_seed(3)
    kept = dropped_attention.kept_values((9, 6, 6), 0.4)
    heads = [its.view(3, 6, 3, 5).transpose(1, 2) for its in (q, k, v)]
    weights = (heads[0] @ heads[1].mT * 5**-0.5).softmax(-1) * kept.view(3, 3, 6, 6) / (1 - round(0.4 * 2**16) / 2**16)
    expected = (weights @ heads[2]).transpose(1, 2).reshape(18, 3, 5)
    torch.testing.assert_close(mixed, expected)
    gradients = (torch.autograd.grad(out.pow(3).sum(), (q, k, v)) for out in (mixed, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_in_half_precision_attention_with_dropout_stays_near_the_librarys() -> None:
    torch.manual_seed(0)
    layout = Layout((40, 24))
    q, k, v = (torch.randn(64, 3, 16) for _ in range(3))
    expected = _attend_by_length(Attention(q, k, v, layout, 0.0))
    with torch.autocast("cpu", torch.bfloat16):
        found = [
            _attend_by_length(Attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), layout, 0.1)) for _ in range(400)
        ]
    assert found[0].dtype == torch.bfloat16
    torch.testing.assert_close(torch.stack(found).float().mean(0), expected, atol=0.08, rtol=0.0)
