"""Our kernels for GPUs, interpreted on a CPU; the checks of benchmarks/gpu_correctness.py run them on a GPU."""

from __future__ import annotations

import os

import pytest
import torch
import torch.nn.functional as F

from zoo import Layout
from zoo.blocks.attention import Attention, _attend_by_length

pytest.importorskip("triton", reason="Triton is not installed")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("set TRITON_INTERPRET=1 to interpret kernels on a CPU", allow_module_level=True)

from zoo.blocks import triton_kernels as kernels

LENGTHS = ((5, 9, 1, 30, 64, 3, 2, 2, 80, 7), (200,), (3,) * 50)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("width", [64, 20])
@pytest.mark.parametrize(("causal", "window", "scale"), [(False, None, None), (True, None, 0.3), (False, 4, None)])
def test_short_sequences_attend_to_themselves(
    lengths: tuple[int, ...], width: int, causal: bool, window: int | None, scale: float | None
) -> None:
    torch.manual_seed(0)
    layout = Layout(lengths, causal=causal)
    query, key, value = torch.randn(sum(lengths), 3, 2, width).unbind(1)
    found = kernels.attend_short(query, key, value, layout, window, scale)
    wanted = _attend_by_length(Attention(query, key, value, layout, 0.0, window, None, scale))
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("biased", [False, True])
def test_a_sum_is_normed(biased: bool) -> None:
    torch.manual_seed(0)
    hidden, added, weight, bias = torch.randn(7, 20), torch.randn(7, 20).bfloat16(), torch.randn(20), torch.randn(20)
    whole, half = kernels.sum_norm(hidden, added, weight, bias if biased else None, 1e-5)
    torch.testing.assert_close(whole, F.layer_norm(hidden + added, (20,), weight, bias if biased else None, 1e-5))
    torch.testing.assert_close(half.float(), whole, rtol=2**-7, atol=0)


@pytest.mark.parametrize(("n_tables", "biased"), [(2, True), (3, True), (3, False)])
def test_rows_of_tables_are_summed_and_normed(n_tables: int, biased: bool) -> None:
    torch.manual_seed(0)
    tables = [torch.randn(9, 20) for _ in range(n_tables)]
    rows = [torch.randint(0, 9, (7,)) for _ in range(n_tables)]
    weight, bias = torch.randn(20), torch.randn(20) if biased else None
    whole, half = kernels.embed_norm(tables, rows, weight, bias, 1e-5, torch.bfloat16)
    summed = torch.stack([table[its] for table, its in zip(tables, rows, strict=True)]).sum(0)
    wanted = F.layer_norm(summed, (20,), weight, bias, 1e-5)
    torch.testing.assert_close(whole, wanted, rtol=0, atol=2e-6)
    torch.testing.assert_close(half, whole.bfloat16())


@pytest.mark.parametrize("wide", [9_001, 9_100])
def test_cross_entropy_and_its_gradient(wide: int) -> None:
    torch.manual_seed(0)
    logits = torch.randn(13, wide)[:, :9_001]
    logits[:, 9_000] = -torch.inf
    targets = torch.randint(9_000, (13,)).index_fill(0, torch.tensor([3]), -100)
    loss, gradient = kernels.cross_entropy(logits, targets, -100, gradient=True)
    leaf = logits.clone().requires_grad_()
    wanted = F.cross_entropy(leaf, targets, reduction="sum")
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(wanted, leaf)[0], rtol=0, atol=1e-6)
    assert kernels.cross_entropy(logits, targets, -100, gradient=False)[1] is None
