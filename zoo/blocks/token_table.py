"""A token table in a training step on a CPU: the product of an output layer with it, and a gradient made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from zoo.blocks.kernels import put_in_thread
from zoo.blocks.products import product

LARGE = 2**20
"""Numbers in a table from which on it pays to make its gradient late."""

FEW_ROWS = 1_024
"""So many rows of a gradient are widened to float32 at a time."""


@dataclass
class _Late:
    """What the gradient of a table will be made of, in the order of the backward pass."""

    table: Tensor
    products: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    """The gradient of logits [M, V], and what the table was multiplied with [M, E]."""
    rows: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    """The rows that were read [T], and the gradient of what was read [T, E]."""

    @torch.no_grad()
    def add(self) -> None:
        """Add all to the gradient that the table has, and forget it, as the graph of the step refers to it."""
        while self.products:
            gradient, values = self.products.pop()
            made = _gradient(gradient, values)
            self.table.grad = made if self.table.grad is None else self.table.grad.add_(made)
        while self.rows:
            ids, gradient = self.rows.pop()
            if self.table.grad is None:
                self.table.grad = torch.zeros_like(self.table)
            self.table.grad.index_add_(0, ids.flatten(), gradient.flatten(0, -2).to(self.table.dtype))


_late: ContextVar[_Late | None] = ContextVar("gradient to be made late", default=None)


@contextmanager
def late_gradient(tokens: nn.Module) -> Iterator[None]:
    """Inside, backward passes leave out a token table on a CPU; its gradient is made last, when activations are freed.

    Rows that were read are added to the gradient of an output layer tied to the table, where autograd would make
    another one as large, most of it zeros, and a sum of the two.
    """
    if type(tokens) is not nn.Embedding or not _is_large_and_plain(tokens):
        yield
        return
    late = _Late(tokens.weight)
    token = _late.set(late)
    try:
        with ExitStack() as stack:
            put_in_thread(stack, tokens, "forward", partial(_Read.apply, late, tokens.weight))
            yield
        late.add()
    finally:
        _late.reset(token)


def table_product(values: Tensor, table: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
    """The product with a table of many rows by oneDNN, in a precision. [M, E], [V, E], [V] -> [M, V]"""
    late = _late.get()
    made: Tensor = _Product.apply(  # type: ignore[no-untyped-call]
        late if late is not None and late.table is table else None, values, table, bias, dtype
    )
    return made


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, late: _Late, table: Tensor, ids: Tensor) -> Tensor:
        """[V, E], [T] -> [T, E]"""
        ctx.save_for_backward(ids)
        ctx.late = late
        return table.index_select(0, ids.flatten()).view(*ids.shape, -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        """[T, E] -> nothing yet"""
        ctx.late.rows.append((*ctx.saved_tensors, gradient))
        return None, None, None


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, late: _Late | None, values: Tensor, table: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """[M, E], [V, E], [V] -> [M, V]"""
        narrow, rows = values.to(dtype), table.to(dtype)
        ctx.save_for_backward(narrow, rows)
        ctx.late, ctx.dtype = late, values.dtype
        return product(narrow, rows, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """[M, V] -> [M, E], [V, E] if it is not late, [V]"""
        values, rows = ctx.saved_tensors
        _, of_values, of_table, of_bias, _ = ctx.needs_input_grad
        if of_table and ctx.late is not None:
            ctx.late.products.append((gradient, values.detach()))
        return (
            None,
            product(gradient, rows.t()).to(ctx.dtype) if of_values else None,
            _gradient(gradient, values) if of_table and ctx.late is None else None,
            gradient.sum(0, dtype=torch.float32) if of_bias else None,
            None,
        )


def _gradient(gradient: Tensor, values: Tensor) -> Tensor:
    """The gradient of a table in float32. [M, V], [M, E] -> [V, E]"""
    made = torch.empty(gradient.shape[1], values.shape[1])
    if values.dtype == torch.float32:
        return torch.mm(gradient.t(), values, out=made)
    for first in range(0, len(made), FEW_ROWS):
        some = slice(first, first + FEW_ROWS)
        made[some] = gradient[:, some].t() @ values
    return made


def _is_large_and_plain(tokens: nn.Embedding) -> bool:
    """Whether it is a table in training and nothing else, and nobody waits for its gradient."""
    weight: Any = tokens.weight
    waited_for = weight._backward_hooks or weight._post_accumulate_grad_hooks
    here = weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.requires_grad
    plain = tokens.max_norm is None and tokens.padding_idx is None
    return here and plain and not waited_for and weight.numel() >= LARGE
