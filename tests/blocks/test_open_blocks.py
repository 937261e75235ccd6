"""Attention with windows, biases and rotary positions, and the blocks around it, against formulas by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from zoo import Dims, Layout, ZooError
from zoo.blocks import (
    AttentionBlock,
    FeedForward,
    GatedFeedForward,
    LayerStack,
    PreNormAttentionBlock,
    PreNormFeedForwardBlock,
    Rotary,
    SelfAttention,
    attend,
    by_key,
    log_bucket,
)
from zoo.blocks.attention import Attention, _attend_by_length, _attend_padded

DIMS = Dims(vocab_size=23, embedding_width=12, hidden_width=12, n_layers=2, n_heads=3, ffn_width=22, dropout=0.0)
LENGTHS = (4, 4, 9, 1, 9, 6)


def slopes(query: Tensor, key: Tensor) -> Tensor:
    """ALiBi without regard to direction; Press et al. 2022, arXiv:2108.12409, section 3."""
    place = torch.arange(query.shape[2])
    per_head = torch.tensor([0.5, 0.25, 0.125])[:, None, None]
    return -per_head * (place[:, None] - place).abs()


def content(query: Tensor, key: Tensor) -> Tensor:
    """A bias that depends on what is read, as in DeBERTa."""
    return query.sum(dim=3)[:, :, :, None] * key.mean(dim=3)[:, :, None, :]


def by_hand(q: Tensor, k: Tensor, v: Tensor, causal: bool, window: int | None, bias: object) -> Tensor:
    """One sequence [S, N, D], one score after the other."""
    out = torch.zeros_like(v)
    added = None if bias is None else bias(*(x.transpose(0, 1)[None] for x in (q, k)))  # type: ignore[operator]
    for head in range(q.shape[1]):
        for i in range(len(q)):
            seen = [j for j in range(len(q)) if (not causal or j <= i) and (window is None or abs(i - j) <= window)]
            scores = torch.stack([q[i, head] @ k[j, head] / math.sqrt(q.shape[2]) for j in seen])
            if added is not None:
                scores = scores + added.expand(1, q.shape[1], len(q), len(q))[0, head, i, seen]
            out[i, head] = scores.softmax(0) @ v[seen, head]
    return out


@pytest.mark.parametrize("bias", [None, slopes, content])
@pytest.mark.parametrize("window", [None, 0, 2, 5, 50])
@pytest.mark.parametrize("causal", [False, True])
def test_each_token_attends_to_its_window_of_its_own_sequence(
    causal: bool, window: int | None, bias: Callable[[Tensor, Tensor], Tensor] | None
) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, sum(LENGTHS), 3, 4)
    layout = Layout(LENGTHS, causal=causal)
    expected = torch.cat(
        [by_hand(*qkv, causal, window, bias) for qkv in zip(*(x.split(LENGTHS) for x in (q, k, v)), strict=True)]
    )
    for found in (
        attend(q, k, v, layout, window=window, bias=bias),
        _attend_padded(Attention(q, k, v, layout, 0.0, window, bias)),
    ):
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_that_sees_nothing_leaves_gradients_finite_and_equal(causal: bool) -> None:
    torch.manual_seed(0)
    layout, weights = Layout(LENGTHS, causal=causal), torch.randn(sum(LENGTHS), 3, 4)
    gradients = []
    for way in (_attend_by_length, _attend_padded):
        torch.manual_seed(1)
        q, k, v = (torch.randn(sum(LENGTHS), 3, 4).requires_grad_() for _ in range(3))
        (way(Attention(q, k, v, layout, 0.0, 1, slopes)) * weights).sum().backward()
        gradients.append((q.grad, k.grad, v.grad))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_without_window_and_bias_attention_is_torchs_own_to_the_bit() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 10, 3, 4)
    found = attend(q, k, v, Layout((5, 5)))
    rectangles = (x.view(2, 5, 3, 4).transpose(1, 2) for x in (q, k, v))
    expected = nn.functional.scaled_dot_product_attention(*rectangles)
    assert torch.equal(found, expected.transpose(1, 2).reshape(10, 3, 4))


def test_rotary_positions_multiply_by_complex_numbers_of_length_one() -> None:
    torch.manual_seed(0)
    values = torch.randn(sum(LENGTHS), 3, 6)
    turned, _ = Rotary(6, base=50.0)(values, values, Layout(LENGTHS))
    places = [place for length in LENGTHS for place in range(length)]
    for i in range(3):
        angle = torch.tensor([place * 50.0 ** (-2 * i / 6) for place in places])
        number = (
            torch.complex(values[:, :, i], values[:, :, i + 3]) * torch.polar(torch.ones(len(places)), angle)[:, None]
        )
        torch.testing.assert_close(turned[:, :, i], number.real)
        torch.testing.assert_close(turned[:, :, i + 3], number.imag)


def test_rotary_scores_depend_on_distance_and_not_on_place() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 8).expand(2, 20, 1, 8)
    q, k = Rotary(8)(query, key, Layout((20,)))
    scores = q[:, 0] @ k[:, 0].T
    for distance in range(-19, 20):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5, rtol=1e-5)
    assert scores.diagonal(1)[0] != scores.diagonal(-1)[0]


def test_rotary_positions_of_a_head_of_odd_width_are_refused() -> None:
    with pytest.raises(ZooError, match="heads of even width, not 5"):
        Rotary(5)


def test_attention_with_positions_and_a_window_has_the_gradient_of_its_weights() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(DIMS, positions=Rotary(4), window=2, bias=False).double()
    hidden = torch.randn(8, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda h: attention.eval()(h, Layout((3, 5))), hidden)
    assert [name for name, _ in attention.named_parameters() if "bias" in name] == []


def test_a_gated_feed_forward_multiplies_what_is_activated_with_a_gate() -> None:
    torch.manual_seed(0)
    dims = DIMS.model_copy(update={"activation": "silu"})
    gated, hidden = GatedFeedForward(dims), torch.randn(5, 12)
    up, gate = hidden @ gated.up.weight.T + gated.up.bias, hidden @ gated.gate.weight.T + gated.gate.bias
    expected = (up * up.sigmoid() * gate) @ gated.down.weight.T + gated.down.bias
    torch.testing.assert_close(gated(hidden), expected)
    bare = GatedFeedForward(dims, bias=False)
    assert sum(p.numel() for p in bare.parameters()) == 3 * 12 * 22


def test_blocks_with_norms_before_leave_the_residual_stream_alone() -> None:
    torch.manual_seed(0)
    hidden, layout = torch.randn(8, 12), Layout((3, 5))
    attention, feedforward = SelfAttention(DIMS), FeedForward(DIMS)
    norm = nn.RMSNorm(12, eps=1e-6)
    rms = hidden / (hidden.pow(2).mean(dim=1, keepdim=True) + 1e-6).sqrt()
    first = PreNormAttentionBlock(DIMS, attention, norm).eval()
    torch.testing.assert_close(first(hidden, layout), hidden + attention.eval()(rms, layout))
    second = PreNormFeedForwardBlock(DIMS, feedforward, norm).eval()
    torch.testing.assert_close(second(hidden), hidden + feedforward(rms))


def test_a_stack_norms_what_leaves_its_last_layer_and_nothing_else() -> None:
    torch.manual_seed(0)
    blocks = [AttentionBlock(DIMS), PreNormAttentionBlock(DIMS)]
    stack, hidden, layout = LayerStack(blocks, nn.LayerNorm(12)).eval(), torch.randn(8, 12), Layout((3, 5))
    inner = blocks[0](hidden, layout)
    first, last = stack.states(hidden, layout)
    assert torch.equal(first, inner)
    torch.testing.assert_close(last, nn.functional.layer_norm(blocks[1](inner, layout), (12,)))
    assert torch.equal(stack(hidden, layout), last)


@pytest.mark.parametrize("name", ["n_heads", "ffn_width"])
def test_a_block_asks_by_name_for_a_size_that_is_left_out(name: str) -> None:
    dims = DIMS.model_copy(update={name: None})
    with pytest.raises(ZooError, match=rf"it needs dims.{name}, which the variant leaves out"):
        SelfAttention(dims) if name == "n_heads" else FeedForward(dims)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the variable-length kernel is CUDA's")
@pytest.mark.parametrize("window", [None, 2, 5])
@pytest.mark.parametrize("causal", [False, True])
def test_the_variable_length_kernel_sees_the_same_window(causal: bool, window: int | None) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, sum(LENGTHS), 3, 32).to("cuda", torch.bfloat16)
    layout = Layout(LENGTHS, torch.device("cuda"), causal)
    found = attend(q, k, v, layout, window=window)
    exact = attend(q.float(), k.float(), v.float(), layout, window=window)
    on_cpu = attend(*(x.float().cpu() for x in (q, k, v)), Layout(LENGTHS, causal=causal), window=window)
    torch.testing.assert_close(exact.cpu(), on_cpu, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.float(), exact, atol=2e-2, rtol=2e-2)


def test_scores_are_multiplied_by_the_scale_before_a_bias_is_added() -> None:
    layout = Layout((3, 5, 5))
    q, k, v = torch.randn(3, 13, 2, 4)
    added = torch.randn(5, 5)
    found = attend(q, k, v, layout, scale=0.3, bias=lambda query, key: added[: query.shape[2], : query.shape[2]])
    for start, length in ((0, 3), (3, 5), (8, 5)):
        rows = slice(start, start + length)
        scores = 0.3 * torch.einsum("qnd,knd->nqk", q[rows], k[rows]) + added[:length, :length]
        torch.testing.assert_close(found[rows], torch.einsum("nqk,knd->qnd", scores.softmax(2), v[rows]))


def test_numbers_by_distance_are_put_at_each_key() -> None:
    """Distances j - i from -2 to 2 of three tokens."""
    by_distance = torch.tensor([[[10.0, 11, 12, 13, 14], [20, 21, 22, 23, 24], [30, 31, 32, 33, 34]]])
    expected = torch.tensor([[[12.0, 13, 14], [21, 22, 23], [30, 31, 32]]])
    assert torch.equal(by_key(by_distance), expected)
    assert torch.equal(by_key(torch.full((2, 1, 1), 7.0)), torch.full((2, 1, 1), 7.0))
    values = torch.randn(2, 4, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(by_key, values)


def test_buckets_of_distances_are_those_of_the_transformers_library() -> None:
    for n_buckets, farthest in ((4, 9), (8, 40), (32, 128), (256, 512), (6, 513)):
        distances = torch.arange(-farthest + 1, farthest)
        found = log_bucket(distances, n_buckets, farthest)
        assert torch.equal(found, make_log_bucket_position(distances, n_buckets, farthest).long())
        assert torch.equal(found, -found.flip(0))
