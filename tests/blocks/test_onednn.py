"""Linear layers by oneDNN, against torch's own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from zoo.blocks import (
    AttentionBlock,
    FeedForward,
    FeedForwardBlock,
    GatedFeedForward,
    Layer,
    LayerStack,
    initialise,
    onednn,
    products,
)
from zoo.blocks.kernels import kernels_taken
from zoo.blocks.onednn import onednn_linear
from zoo.core.layout import Layout
from zoo.core.specs import Dims, Init

HAS_AVX512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
needs_avx512 = pytest.mark.skipif(not HAS_AVX512, reason="oneDNN is not taken without AVX-512")
ENOUGH = onednn.LEAST_TOKENS


def stack(activation: Any = "gelu", feedforward: Callable[[Dims], nn.Module] = FeedForward) -> LayerStack:
    """One layer of 3 million weights."""
    dims = Dims(vocab_size=8, embedding_width=512, hidden_width=512, n_layers=1, n_heads=8, ffn_width=2048,
                activation=activation)  # fmt: skip
    made = LayerStack([Layer(AttentionBlock(dims), FeedForwardBlock(dims, feedforward(dims)))])
    initialise(made, Init(linear_std=0.05), seed=0)
    return made.eval()


@pytest.fixture
def hidden() -> Tensor:
    return torch.randn(30, 512, generator=torch.Generator().manual_seed(0))


LAYOUT = Layout((20, 10))


@torch.no_grad()
def both(encoder: nn.Module, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """What it gives by itself, and prepacked."""
    plain = encoder(hidden, LAYOUT)
    with onednn_linear(encoder, ENOUGH):
        return plain, encoder(hidden, LAYOUT)


@needs_avx512
def test_torch_still_has_the_private_operators() -> None:
    assert products.operators() is not None, "encoders are 1.2 times as slow without; look for what replaces them"


@needs_avx512
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu"])
@pytest.mark.parametrize("feedforward", [FeedForward, GatedFeedForward])
def test_prepacked_layers_differ_by_rounding(
    activation: str, feedforward: Callable[[Dims], nn.Module], hidden: Tensor
) -> None:
    encoder = stack(activation, feedforward)
    with torch.no_grad():
        exact = encoder.double()(hidden.double(), LAYOUT)
    plain, packed = both(encoder.float(), hidden)
    assert not torch.equal(plain, packed)
    assert (packed - exact).abs().max() < 5e-6


@needs_avx512
def test_in_bfloat16_the_error_is_not_that_of_autocast_or_more(hidden: Tensor) -> None:
    encoder = stack()
    with torch.no_grad():
        exact = encoder(hidden, LAYOUT)
    with torch.autocast("cpu", torch.bfloat16):
        plain, packed = both(encoder, hidden)
    errors = [float((found - exact).abs().mean()) for found in (plain, packed)]
    assert 0 < errors[1] < 1.05 * errors[0] and packed.dtype == torch.float32


class Strange(nn.Module):
    """An encoder whose author knows linear layers alone, and applies one twice."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(512, 4096, bias=False), nn.Linear(4096, 512)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        once = self.narrow(self.wide(hidden[None]).sigmoid())
        out: Tensor = self.narrow(self.wide(once).sigmoid())[0]
        return out


@needs_avx512
def test_the_layers_of_a_stranger_are_prepacked_and_their_hooks_called(hidden: Tensor) -> None:
    encoder, seen = Strange(), []
    encoder.narrow.register_forward_hook(lambda module, given, made: seen.append(made.shape))
    with kernels_taken() as names:
        plain, packed = both(encoder, hidden)
    torch.testing.assert_close(packed, plain, atol=5e-6, rtol=0)
    assert len(seen) == 4 and names == {"prepacked linear"}


@needs_avx512
@pytest.mark.parametrize("part", ["up", "activation", "down"])
def test_a_hook_changes_what_a_feedforward_gives(part: str, hidden: Tensor) -> None:
    encoder = stack()
    bare, packed_bare = both(encoder, hidden)
    encoder.get_submodule(f"layers.0.feedforward.feedforward.{part}").register_forward_hook(
        lambda _, given, made: -made
    )
    plain, packed = both(encoder, hidden)
    torch.testing.assert_close(packed, plain, atol=5e-6, rtol=0)
    assert (packed - packed_bare).abs().max() > 0.01 and not torch.equal(plain, bare)


@needs_avx512
def test_a_weight_made_by_torchs_pruning_is_the_one_of_now(hidden: Tensor) -> None:
    encoder = stack()
    linear: Any = encoder.get_submodule("layers.0.feedforward.feedforward.up")
    prune.l1_unstructured(linear, "weight", 0.5)
    linear.weight_orig.data.neg_()
    plain, packed = both(encoder, hidden)
    torch.testing.assert_close(packed, plain, atol=5e-6, rtol=0)
    linear.weight_orig.data.neg_()
    with torch.no_grad(), onednn_linear(encoder, ENOUGH):
        packed = encoder(hidden, LAYOUT)
    assert (packed - plain).abs().max() > 0.01


@needs_avx512
def test_another_thread_trains_the_module_that_this_one_reads(hidden: Tensor) -> None:
    encoder = stack()
    plain = encoder(hidden, LAYOUT)
    with torch.no_grad(), onednn_linear(encoder, ENOUGH), ThreadPoolExecutor(1) as other:
        packed = encoder(hidden, LAYOUT)
        trained = other.submit(encoder, hidden, LAYOUT).result()
    assert torch.equal(trained, plain) and not torch.equal(packed, plain)
    trained.sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def change_in_place(weight: nn.Parameter) -> None:
    weight.mul_(2)


def change_by_data(weight: nn.Parameter) -> None:
    weight.data[0] += 1


def change_places_of_rows(weight: nn.Parameter) -> None:
    weight.data[[0, 1]] = weight.data[[1, 0]]


def change_places_of_columns(weight: nn.Parameter) -> None:
    weight.data[:, [0, 2]] = weight.data[:, [2, 0]]


def change_by_replacing(weight: nn.Parameter) -> None:
    weight.data = weight.data * 2


@needs_avx512
@pytest.mark.parametrize(
    "change",
    [change_in_place, change_by_data, change_places_of_rows, change_places_of_columns, change_by_replacing],
)
@torch.no_grad()
def test_what_was_laid_out_serves_until_a_weight_changes(
    change: Callable[[nn.Parameter], None], hidden: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, laid_out = stack(), []
    linear, reorder = products.operators()
    monkeypatch.setattr(onednn, "operators", lambda: (linear, lambda weight: laid_out.append(0) or reorder(weight)))

    def read() -> Tensor:
        with onednn_linear(encoder, ENOUGH, keep=True):
            return encoder(hidden, LAYOUT)

    before = read()
    assert torch.equal(read(), before) and len(laid_out) == 6
    linears = [layer for layer in encoder.modules() if isinstance(layer, nn.Linear)]
    change(linears[-1].weight)
    with onednn_linear(encoder, ENOUGH):  # which keeps nothing new
        fresh = encoder(hidden, LAYOUT)
    assert not torch.equal(fresh, before) and len(laid_out) == 7
    assert torch.equal(read(), fresh) and len(laid_out) == 8


@needs_avx512
def test_an_input_that_was_written_to_is_converted_again(hidden: Tensor) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(512, 2048), nn.Linear(512, 2048)

        def forward(self, values: Tensor) -> Tensor:
            made = self.one(values)
            made = made + self.one(values)
            values += 1
            out: Tensor = made + self.other(values)
            return out

    twice = Twice()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        plain = twice(hidden.clone())
        with onednn_linear(twice, ENOUGH):
            packed = twice(hidden.clone())
        with torch.inference_mode(), onednn_linear(twice, ENOUGH):
            assert torch.equal(twice(hidden.clone()), packed)
    assert (packed - plain).abs().max() < 0.05


@needs_avx512
def test_some_layers_compute_in_fp32_among_those_in_bfloat16(hidden: Tensor) -> None:
    encoder = stack()
    linears = [layer for layer in encoder.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        exact, errors = encoder(hidden, LAYOUT), []
        for layers in ([], linears[3:4], linears):
            with torch.autocast("cpu", torch.bfloat16), onednn.computed_in_fp32(layers):
                errors.append(float((both(encoder, hidden)[1] - exact).abs().mean()))
    assert errors[0] > errors[1] > 2 * errors[2] > 0


def test_a_module_is_as_before_even_after_an_error(hidden: Tensor) -> None:
    encoder = stack()
    with (
        torch.no_grad(),
        pytest.raises(ZeroDivisionError),
        onednn_linear(encoder, ENOUGH),
        onednn_linear(encoder, ENOUGH),
    ):
        raise ZeroDivisionError
    assert not any({"forward", "activated"} & set(module.__dict__) for module in encoder.modules())
    encoder(hidden, LAYOUT).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@pytest.mark.parametrize(
    "reason", ["few tokens", "small", "gradients of few tokens", "double", "no operators", "float16"]
)
def test_bits_are_those_of_torch_where_nothing_would_be_gained(
    reason: str, hidden: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, n_tokens, dtype = stack(), ENOUGH, torch.float32
    if reason == "few tokens":
        n_tokens -= 1
    elif reason == "small":
        monkeypatch.setattr(onednn, "LEAST_WEIGHTS", 2**22)
    elif reason == "double":
        dtype = torch.float64
    elif reason == "no operators":
        monkeypatch.setattr(products, "operators", lambda: None)
    encoder, hidden = encoder.to(dtype), hidden.to(dtype)
    with (
        torch.set_grad_enabled(reason == "gradients of few tokens"),
        torch.autocast("cpu", torch.float16, enabled=reason == "float16"),
        kernels_taken() as names,
    ):
        plain = encoder(hidden, LAYOUT)
        with onednn_linear(encoder, n_tokens):
            assert torch.equal(encoder(hidden, LAYOUT), plain)
    assert names == {"sdpa by length"}
