"""The flash kernel for packed sequences, as far as a machine without a GPU can tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo import Layout
from zoo.blocks import attention, flash
from zoo.blocks.attention import Attention, _attend_by_length, _attend_padded, _chosen
from zoo.blocks.cross_entropy import _Chunked

LENGTHS = (4, 7, 1, 7, 2)


def queries(*, like: str = "cpu", width: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(3, sum(LENGTHS), 2, width, device=like, dtype=dtype)


def test_torch_still_has_the_operator_with_dropout_windows_and_a_gradient() -> None:
    assert flash.has_operator(), "torch has changed _flash_attention_forward: attention with dropout would be padded"
    q, k, v = queries(like="meta", dtype=torch.bfloat16).requires_grad_().unbind()
    out = flash._by_operator(q, k, v, Layout(LENGTHS, torch.device("meta")).ends, 7, 0.1, 3, 3)
    assert out.shape == q.shape and out.requires_grad
    backward = torch.ops.aten._flash_attention_backward.default._schema.arguments
    assert {"dropout_p", "window_size_left", "rng_state"} <= {argument.name for argument in backward}


def kernel(
    *given: Any, return_debug_mask: bool, window_size_left: int = -1, window_size_right: int = -1
) -> list[Tensor]:
    """What torch says of the operator, slowly: sequences between ends, causal, and a window with two sides."""
    q, k, v, ends, other_ends, longest, other_longest, dropout, causal = given
    assert torch.equal(ends, other_ends) and ends.dtype == torch.int32 and longest == other_longest
    assert not dropout and not return_debug_mask and int(ends.diff().max()) <= longest
    place = torch.arange(len(q))
    sequence = torch.bucketize(place, ends[1:], right=True)
    seen = sequence[:, None] == sequence
    back = place[:, None] - place
    right = 0 if causal else window_size_right
    seen &= (back <= window_size_left) if window_size_left >= 0 else seen
    seen &= (-back <= right) if right >= 0 else seen
    scores = torch.einsum("qnd,knd->nqk", q, k) / q.shape[2] ** 0.5
    return [torch.einsum("nqk,knd->qnd", scores.masked_fill(~seen, -torch.inf).softmax(2), v)]


@pytest.mark.parametrize("window", [None, 0, 2, 50])
@pytest.mark.parametrize("causal", [False, True])
def test_the_kernel_is_told_where_sequences_end_and_what_each_token_sees(
    causal: bool, window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops.aten, "_flash_attention_forward", kernel)
    torch.manual_seed(0)
    q, k, v = queries()
    layout = Layout(LENGTHS, causal=causal)
    found = flash.attend_flash(q, k, v, layout, 0.0, window)
    torch.testing.assert_close(found, _attend_by_length(Attention(q, k, v, layout, 0.0, window)))


@pytest.mark.parametrize(
    ("dtype", "width", "lengths", "window", "name"),
    [
        (torch.bfloat16, 64, LENGTHS, None, "flash"),
        (torch.float16, 64, LENGTHS, 3, "flash"),
        (torch.bfloat16, 64, (5, 5), None, "sdpa by length"),
        (torch.bfloat16, 64, (5, 5), 3, "flash"),
        (torch.float32, 64, LENGTHS, None, "padded sdpa"),
        (torch.float32, 64, (5, 5), 3, "sdpa by length"),
        (torch.bfloat16, 20, LENGTHS, None, "padded sdpa"),
        (torch.bfloat16, 320, LENGTHS, None, "padded sdpa"),
    ],
)
def test_the_kernel_depends_on_the_queries_and_the_lengths(
    dtype: torch.dtype,
    width: int,
    lengths: tuple[int, ...],
    window: int | None,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flash, "_has_kernel", lambda device: True)
    query, layout = torch.empty(sum(lengths), 2, width, device="meta", dtype=dtype), Layout(lengths)
    asked = Attention(query, query, query, layout, 0.1, window)
    assert _chosen(asked)[0] == name
    with_bias = _chosen(asked._replace(bias=lambda q, k: q))
    assert with_bias[1] is (_attend_by_length if layout.is_rectangle else _attend_padded)
    monkeypatch.setattr(attention, "can_flash", lambda query, dropout: dropout == 0.0)  # torch's public function
    assert (_chosen(asked)[0] == "flash") is False


def test_queries_have_half_precision_under_autocast_although_hidden_states_have_not() -> None:
    from zoo.blocks import SelfAttention
    from zoo.testing import DIMS

    seen: list[torch.dtype] = []
    attend = SelfAttention(DIMS, positions=lambda query, key, layout: (seen.append(query.dtype), (query, key))[1])
    with torch.autocast("cpu", torch.bfloat16):
        attend(torch.randn(5, 24), Layout((5,)))
    assert seen == [torch.bfloat16]


def test_cross_entropy_in_chunks_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.blocks.cross_entropy.CHUNK_VALUES", 500)
    logits = torch.randn(50, 97, requires_grad=True)
    targets = torch.randint(0, 97, (50,)).index_fill(0, torch.tensor([3, 17]), -100)
    wanted = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
    (gradient,) = torch.autograd.grad(2 * wanted, logits)
    found = _Chunked.apply(logits, targets)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(2 * found, logits)[0], gradient)


def test_activations_computed_again_have_the_same_gradients_and_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.blocks import FeedForward, feedforward
    from zoo.testing import DIMS

    torch.manual_seed(0)
    module, hidden = FeedForward(DIMS).train(), torch.randn(7, 24, requires_grad=True)

    def passed() -> tuple[list[Tensor], list[tuple[int, ...]]]:
        kept: list[tuple[int, ...]] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(tuple(t.shape)), t)[1], lambda t: t):
            out = module(hidden)
        return list(torch.autograd.grad(out.square().sum(), [hidden, *module.parameters()])), kept

    wanted, all_kept = passed()
    monkeypatch.setattr(feedforward, "_recomputes", lambda wide: True)
    found, kept = passed()
    assert all(map(torch.equal, found, wanted))
    assert all_kept.count((7, 44)) == 2 and kept.count((7, 44)) <= 1


def test_a_vocabulary_filled_up_to_a_multiple_predicts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.blocks import TokenPrediction
    from zoo.testing import DIMS

    class OnGpu(torch.Tensor):
        """A tensor that says that it is on a GPU."""

        @property
        def device(self) -> torch.device:  # type: ignore[override]
            return torch.device("cuda")

    torch.manual_seed(0)
    head, hidden, table = TokenPrediction(DIMS), torch.randn(5, 24), torch.randn(89, 20)
    wide = head.wide_logits(hidden.as_subclass(OnGpu), table).as_subclass(torch.Tensor)
    assert wide.shape == (5, 128) and (wide[:, 89:] == -torch.inf).all()
    torch.testing.assert_close(wide[:, :89], head(hidden, table))
    targets, plain = torch.randint(0, 89, (5,)), head(hidden, table)
    losses = [torch.nn.functional.cross_entropy(logits, targets) for logits in (wide, plain)]
    left, right = (torch.autograd.grad(loss, list(head.parameters())) for loss in losses)
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one, other)
