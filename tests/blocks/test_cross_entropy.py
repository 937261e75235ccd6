"""The loss over a vocabulary, against torch's in double precision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from zoo.blocks import cross_entropy
from zoo.blocks.cross_entropy import cross_entropy_sum
from zoo.core.batch import IGNORE


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("some_ignored", [False, True])
def test_many_logits_are_read_a_few_rows_at_a_time(
    dtype: torch.dtype, some_ignored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entropy, "CHUNK_VALUES", 7 * 50)
    monkeypatch.setattr(cross_entropy, "CACHED_VALUES", 3 * 50)  # two times three rows, and one
    drawn = torch.Generator().manual_seed(0)
    targets = torch.randint(50, (7,), generator=drawn)
    if some_ignored:
        targets[[2, 6]] = IGNORE
    logits = (3 * torch.randn(7, 50, generator=drawn)).to(dtype).requires_grad_()
    exact = logits.detach().double().requires_grad_()
    wanted = F.cross_entropy(exact, targets, ignore_index=IGNORE, reduction="sum")
    found = cross_entropy_sum(logits, targets)
    assert found.dtype == torch.float32 and type(found.grad_fn).__name__.startswith("_FewRows")
    (found / 5).backward()
    (wanted / 5).backward()
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=0)
    assert logits.grad is not None and exact.grad is not None and logits.grad.dtype == dtype
    assert (logits.grad - exact.grad).abs().max() < (1e-7 if dtype == torch.float32 else 2e-3)
    assert torch.equal(cross_entropy_sum(logits.detach(), targets), found.detach())


def test_a_second_pass_or_derivative_of_many_logits_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "CHUNK_VALUES", 1)
    logits, targets = torch.randn(3, 5, requires_grad=True), torch.tensor([0, 4, IGNORE])
    total = cross_entropy_sum(logits, targets)
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        total.backward()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(cross_entropy_sum(logits, targets), logits, create_graph=True)
