"""Layers for inference on a GPU, as far as a machine without one can tell."""

from __future__ import annotations

from threading import Thread
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo import Catalog, Layout
from zoo.blocks import fused
from zoo.blocks.fused import fused_layers
from zoo.blocks.kernels import kernels_taken
from zoo.core.interfaces import Encoder
from zoo.testing import DIMS
from zoo.testing.material import ragged_batch

SMALL = DIMS.model_copy(update={"embedding_width": 24})
LAYOUT = Layout((4, 7, 1, 7, 2))


@pytest.fixture(autouse=True)
def like_a_gpu(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A CPU taken for a GPU, with a slow kernel; what the kernel was given is noted."""
    given: list[tuple[int, ...]] = []

    def sum_norm(hidden: Tensor, added: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        assert hidden.dtype == torch.float32 and added.dtype == torch.bfloat16
        given.append(tuple(added.shape))
        whole = F.layer_norm(hidden + added, (hidden.shape[1],), weight, bias, eps)
        return whole, whole.to(added.dtype)

    def embed_norm(
        tables: list[Tensor], rows: list[Tensor], weight: Tensor, bias: Tensor, eps: float, half: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        summed = torch.stack([table[its] for table, its in zip(tables, rows, strict=True)]).sum(0)
        whole = F.layer_norm(summed, (summed.shape[1],), weight, bias, eps)
        given.append((len(tables), *whole.shape))
        return whole, whole.to(half)

    monkeypatch.setattr(fused, "DEVICE", "cpu")
    monkeypatch.setattr(fused, "own_kernels", lambda: SimpleNamespace(sum_norm=sum_norm, embed_norm=embed_norm))
    return given


def encoder_of(variant: str) -> Encoder:
    torch.manual_seed(0)
    catalog = Catalog.installed()
    return catalog.build(catalog.variant(variant).swap(variant, dims=SMALL)).encoder.eval()


def passed(encoder: Encoder, n_tokens: int = 10**6) -> tuple[Tensor, set[str]]:
    hidden = torch.randn(LAYOUT.n_tokens, 24, generator=torch.Generator().manual_seed(1))
    autocast = torch.autocast("cpu", torch.bfloat16)
    with torch.no_grad(), autocast, kernels_taken() as names, fused_layers(n_tokens, encoder):
        return encoder(hidden, LAYOUT), names


@pytest.mark.parametrize("variant", ["bert-tiny", "roberta-tiny", "albert-tiny"])
def test_fused_layers_give_what_layers_give_and_leave_no_trace(variant: str, like_a_gpu: list[tuple[int, ...]]) -> None:
    encoder = encoder_of(variant)
    before = {name: dict(module.__dict__) for name, module in encoder.named_modules()}
    wanted, usual = passed(encoder, n_tokens=10)
    assert not like_a_gpu and "fused layers" not in usual
    found, names = passed(encoder)
    assert like_a_gpu == [(21, 24)] * (2 * DIMS.n_layers) and "fused layers" in names
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    assert all(before[name].keys() == module.__dict__.keys() for name, module in encoder.named_modules())


@pytest.mark.parametrize(("variant", "n_tables"), [("bert-tiny", 3), ("distilbert-tiny", 2), ("roberta-tiny", 0)])
def test_an_embedding_that_is_a_sum_of_tables_is_computed_at_once(
    variant: str, n_tables: int, like_a_gpu: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    catalog = Catalog.installed()
    model = catalog.build(catalog.variant(variant).swap(variant, dims=SMALL)).eval()
    batch = ragged_batch(SMALL.vocab_size, {})
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        wanted = model.hidden(batch)
        with fused_layers(10**6, model.embedding, model.encoder):
            found = model.hidden(batch)
    assert like_a_gpu[0] == ((n_tables, len(batch.ids), 24) if n_tables else (len(batch.ids), 24))
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-2)


def test_weights_are_read_anew_each_time_from_copies_in_one_place(like_a_gpu: list[tuple[int, ...]]) -> None:
    encoder = encoder_of("bert-tiny")
    before, _ = passed(encoder)
    copies = [copy.data_ptr() for pair in fused._copies.values() for copy in pair if copy is not None]
    for weight in encoder.parameters():
        weight.data.mul_(1.5)  # which torch does not count as a change
    after, _ = passed(encoder)
    wanted, _ = passed(encoder, n_tokens=10)
    assert not torch.equal(after, before)
    torch.testing.assert_close(after, wanted, rtol=0, atol=2e-2)
    assert copies == [copy.data_ptr() for pair in fused._copies.values() for copy in pair if copy is not None]


def test_halves_with_hooks_and_of_other_kinds_compute_as_always(like_a_gpu: list[tuple[int, ...]]) -> None:
    hooked, seen = encoder_of("bert-tiny"), []
    hooked.layers[0].attention.attention.output.register_forward_hook(lambda *_: seen.append(1))
    passed(hooked)
    assert seen == [1] and len(like_a_gpu) == 2 * DIMS.n_layers - 1
    like_a_gpu.clear()
    norms_before = encoder_of("gpt-tiny+encoder=gpt.pre_norm")
    passed(norms_before)
    assert not like_a_gpu


def test_layers_that_learn_or_compute_in_float32_are_not_fused(like_a_gpu: list[tuple[int, ...]]) -> None:
    encoder = encoder_of("bert-tiny")
    hidden = torch.randn(LAYOUT.n_tokens, 24)
    with torch.autocast("cpu", torch.bfloat16), fused_layers(10**6, encoder):
        encoder(hidden, LAYOUT)
    with torch.no_grad(), fused_layers(10**6, encoder):
        encoder(hidden, LAYOUT)
    assert not like_a_gpu


def test_another_thread_computes_as_always(like_a_gpu: list[tuple[int, ...]]) -> None:
    encoder, hidden = encoder_of("bert-tiny"), torch.randn(LAYOUT.n_tokens, 24)
    found: list[Tensor] = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), fused_layers(10**6, encoder):
        other = Thread(target=lambda: found.append(encoder(hidden, LAYOUT)))
        other.start()
        other.join()
    assert not like_a_gpu and found[0].requires_grad
