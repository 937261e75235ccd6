"""A divided batch gives the same as the whole one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from zoo.core.batch import IGNORE, Batch
from zoo.core.interfaces import Objective
from zoo.testing.material import DIMS, assert_all_reached


def check_division(objective: Objective, batch: Batch) -> None:
    """The loss is a finite mean over `n_targets` predictions, whole, in two or three parts, and item by item.

    So are its gradients, which reach the hidden states and all of the objective's parameters. The batch has the labels
    that the objective needs, and ids below DIMS.vocab_size.
    """
    layers = (DIMS.n_layers + 1,) if objective.reads == "states" else ()
    width = DIMS.embedding_width if objective.reads == "embedded" else DIMS.hidden_width
    hidden = torch.randn(*layers, len(batch.ids), width, requires_grad=True)
    table = torch.randn(DIMS.vocab_size, DIMS.embedding_width)
    _check_output(objective, hidden, batch, table)
    whole = _gradients(objective, hidden, batch, table, 1)
    for n in sorted({min(n, batch.n_items) for n in (2, 3, batch.n_items)}):
        parts = _gradients(objective, hidden, batch, table, n)
        for (name, expected), (_, found) in zip(whole, parts, strict=True):
            wrong = f"{name} of a batch in {n} parts is not that of the whole batch"
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6, msg=partial("{}: {}".format, wrong))


def tokens_of(batch: Batch, index: int, n: int) -> Tensor:
    """Where in a batch the tokens of one of its n parts are."""
    return replace(batch, ids=torch.arange(len(batch.ids))).micro_batch(index, n).ids


def _check_output(objective: Objective, hidden: Tensor, batch: Batch, table: Tensor) -> None:
    output = objective(hidden, batch, table)
    assert output.loss.shape == (), f"the loss should be a scalar, got shape {tuple(output.loss.shape)}"
    assert output.loss.isfinite(), f"the loss is {output.loss.item()}"
    counted, stated = int((output.targets != IGNORE).sum()), int(objective.n_targets(batch))
    assert counted == stated, f"n_targets gives {stated}, but {counted} predictions have a target"
    met, classified = map(int, output.hits())
    assert classified in (0, stated), f"n_targets gives {stated}, but {classified} predictions are right or wrong"
    assert met <= classified, f"{met} of {classified} predictions are right"
    output.loss.backward()
    if objective.reads != "embedded":  # there it may have embeddings of its own
        assert hidden.grad is not None and hidden.grad.abs().sum() > 0, "no gradient reaches the hidden states"
    assert_all_reached(objective)


def _gradients(objective: Objective, hidden: Tensor, batch: Batch, table: Tensor, n: int) -> list[tuple[str, Tensor]]:
    """The loss, and its gradients by name, added up over n parts as the training loop does."""
    wanted = {"the gradient of the hidden states": hidden}
    wanted |= {f"the gradient of {name}": parameter for name, parameter in objective.named_parameters()}
    stated = max(1, int(objective.n_targets(batch)))
    sums = [torch.zeros(()), *map(torch.zeros_like, wanted.values())]
    for index in range(n):
        part = batch.micro_batch(index, n)
        share = int(objective.n_targets(part)) / stated
        loss = objective(hidden[..., tokens_of(batch, index, n), :], part, table).loss * share
        gradients = torch.autograd.grad(loss, list(wanted.values()), materialize_grads=True)
        sums = [total + new for total, new in zip(sums, (loss.detach(), *gradients), strict=True)]
    return list(zip(("the loss", *wanted), sums, strict=True))
