"""Products of a training step on a CPU: their gradients against those of torch's own layers in double precision."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.blocks.test_onednn import ENOUGH, LAYOUT, needs_avx512, stack
from zoo.blocks import FeedForward, GatedFeedForward, TokenPrediction, onednn, token_prediction, token_table
from zoo.blocks.kernels import kernels_taken
from zoo.blocks.onednn import onednn_linear
from zoo.core.specs import Dims


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little there is to gain."""
    monkeypatch.setattr(onednn, "LEAST_TRAINED", 0)
    monkeypatch.setattr(token_prediction, "LARGE", 0)
    monkeypatch.setattr(token_table, "LARGE", 0)


def trained(encoder: nn.Module, hidden: Tensor, *, ours: bool, bf16: bool = False) -> list[Tensor]:
    """What comes out of an encoder, and the gradients of its input and of what is not frozen."""
    encoder = copy.deepcopy(encoder) if ours else copy.deepcopy(encoder).double()
    given = hidden.detach().to(torch.float32 if ours else torch.float64).clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16), kernels_taken() as names:
        if ours:
            with onednn_linear(encoder, len(hidden)):
                out = encoder(given, LAYOUT)
        else:
            out = encoder(given, LAYOUT)
    out.pow(3).mean().backward()
    assert given.grad is not None and ("oneDNN linear" in names) == ours
    return [out.detach(), given.grad, *(p.grad for p in encoder.parameters() if p.requires_grad and p.grad is not None)]


def furthest(found: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest error relative to the norm; keys' biases have no gradient."""
    assert len(found) == len(wanted) and all(one.dtype == torch.float32 for one in found)
    pairs = zip(found, wanted, strict=True)
    return max(float((one - other).norm() / (other.norm() + 3e-3)) for one, other in pairs)


@needs_avx512
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
@pytest.mark.parametrize("network", [FeedForward, GatedFeedForward])
@pytest.mark.parametrize("frozen", ["", "feedforward", "attention.query", "feedforward.up", "down.weight"])
def test_gradients_differ_by_rounding(activation: Any, network: Callable[[Dims], nn.Module], frozen: str) -> None:
    encoder = stack(activation, network)
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_(not frozen or frozen not in name)
    hidden = torch.randn(30, 512, generator=torch.Generator().manual_seed(0))
    assert furthest(trained(encoder, hidden, ours=True), trained(encoder, hidden, ours=False)) < 3e-6


@needs_avx512
@pytest.mark.parametrize("large", [0, 2**30])
def test_what_gelu_gave_is_kept_or_computed_again_to_the_same_bits(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = torch.randn(30, 512, generator=torch.Generator().manual_seed(0))
    usual = trained(stack(), hidden, ours=True)
    monkeypatch.setattr(onednn, "LARGE", large)
    assert all(map(torch.equal, usual, trained(stack(), hidden, ours=True)))


@needs_avx512
def test_in_bfloat16_gradients_are_as_near_as_autocasts(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, hidden = stack(), torch.randn(30, 512, generator=torch.Generator().manual_seed(0))
    exact = trained(encoder, hidden, ours=False)
    ours = furthest(trained(encoder, hidden, ours=True, bf16=True), exact)
    monkeypatch.setattr(onednn, "precision", lambda: None)
    given = hidden.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16), onednn_linear(encoder, len(hidden)):
        out = encoder(given, LAYOUT)
    out.pow(3).mean().backward()
    theirs = furthest([out.detach(), given.grad, *(p.grad for p in encoder.parameters())], exact)  # type: ignore[list-item]
    assert 1e-4 < ours < 1.1 * theirs


@needs_avx512
@pytest.mark.parametrize("part", ["feedforward.up", "feedforward.activation", "attention.key"])
def test_hooks_of_what_is_joined_are_called(part: str) -> None:
    encoder, hidden = stack(), torch.randn(30, 512, generator=torch.Generator().manual_seed(0))
    bare = trained(encoder, hidden, ours=True)
    encoder.get_submodule(f"layers.0.{part.split('.')[0]}.{part}").register_forward_hook(lambda _, given, made: -made)
    hooked = trained(encoder, hidden, ours=True)
    assert furthest(hooked, trained(encoder, hidden, ours=False)) < 3e-6
    assert (hooked[0] - bare[0]).abs().max() > 0.01


@needs_avx512
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("large", [0, 2**40])
def test_gradients_of_a_token_table_and_of_the_output_layer(
    bf16: bool, tied: bool, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made late, or by autograd; of two micro-batches."""
    monkeypatch.setattr(token_table, "LARGE", large)
    torch.manual_seed(0)
    dims = Dims(vocab_size=1500, embedding_width=24, hidden_width=24, n_layers=1, n_heads=2, ffn_width=8)
    table, head = nn.Embedding(1500, 24), TokenPrediction(dims)
    ids, places = torch.randint(1500, (40,)), torch.tensor([3, 9, 9, 18])
    found = []
    for ours, dtype in ((False, torch.float64), (True, torch.float32)):
        its, its_head = copy.deepcopy(table).to(dtype), copy.deepcopy(head).to(dtype)
        for some in ids.split(20):
            with token_table.late_gradient(its), torch.autocast("cpu", torch.bfloat16, enabled=bf16 and ours):
                out = its(some)
                if tied:
                    out = its_head(out[places], its.weight)
                out.float().pow(3).mean().backward()
        assert its.weight.grad is not None and not its.weight.grad.is_sparse
        of_head = [p.grad for p in its_head.parameters() if p.grad is not None]
        assert len(of_head) == (5 if tied else 0)
        found.append([its.weight.grad, *of_head])
    for exact, got in zip(*found, strict=True):
        assert (got - exact).norm() < (2e-2 if bf16 else 3e-6) * exact.norm()


def test_a_frozen_table_has_no_gradient() -> None:
    table = nn.Embedding(9, 4)
    table.weight.requires_grad_(False)
    with token_table.late_gradient(table):
        assert not table(torch.tensor([1, 2])).requires_grad
    assert table.weight.grad is None and "forward" not in table.__dict__


@needs_avx512
@pytest.mark.parametrize("shape", [(512,), (0, 512), (2, 0, 512)])
def test_one_vector_and_none(shape: tuple[int, ...]) -> None:
    network = FeedForward(Dims(vocab_size=8, embedding_width=512, hidden_width=512, n_layers=1, ffn_width=2048))
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for module in (network, network.up):
        wanted = module(values)
        wanted_gradients = torch.autograd.grad(wanted.pow(2).sum(), list(module.parameters()))
        with onednn_linear(module, ENOUGH):
            made = module(values)
            gradients = torch.autograd.grad(made.pow(2).sum(), list(module.parameters()))
        torch.testing.assert_close((made, *gradients), (wanted, *wanted_gradients), rtol=1e-4, atol=1e-4)
