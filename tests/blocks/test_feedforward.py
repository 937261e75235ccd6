"""Feed-forward networks that keep less for the backward pass."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from zoo.blocks import FeedForward, feedforward
from zoo.core.specs import Activation, Dims


def gradients(network: nn.Module, hidden: Tensor) -> tuple[int, list[Tensor]]:
    """How many numbers a training pass keeps, each once, and what comes out of it and its backward pass."""
    kept: dict[int, int] = {}

    def seen(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    network, given = copy.deepcopy(network).train(), hidden.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(seen, lambda tensor: tensor):
        out = network(given)
    out.float().pow(2).sum().backward()
    return sum(kept.values()), [out, given.grad, *(parameter.grad for parameter in network.parameters())]


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "silu", "relu"])
@pytest.mark.parametrize("autocast", [False, True])
def test_large_activations_are_computed_again_to_the_same_bits(
    activation: Activation, autocast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dims = Dims(vocab_size=8, embedding_width=16, hidden_width=16, n_layers=1, n_heads=2, ffn_width=64,
                activation=activation)  # fmt: skip
    torch.manual_seed(0)
    network, hidden = FeedForward(dims), torch.randn(30, 16)
    found = []
    for large in (30 * 64 + 1, 30 * 64):
        monkeypatch.setattr(feedforward, "LARGE", large)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            found.append(gradients(network, hidden))
    (usual, wanted), (least, got) = found
    assert all(torch.equal(one, other) for one, other in zip(got, wanted, strict=True))
    hidden_from_count = network.down.weight.numel()  # hooks see what is kept outside the network's own hooks
    assert usual - least == (0 if activation == "relu" else 30 * 64 + hidden_from_count)
