"""Linear layers of a training step on a CPU by oneDNN's products, and what is between them without copies."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor


@cache
def operators() -> Any:
    """Torch's private operators: a product with an activation, and what lays out its weight.

    None if this torch has them no longer, or in another form, or without AVX-512, where they were not measured.
    """
    is_built_in: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not is_built_in or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    reorder = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
    if linear is None or reorder is None:
        return None
    names = [argument.name for argument in linear.default._schema.arguments]
    return (linear, reorder) if names == ["X", "W", "B", "attr", "scalars", "algorithm"] else None


def precision() -> torch.dtype | None:
    """The type of numbers that products have here and now; None where oneDNN's are not known to be faster."""
    if operators() is None:
        return None
    if not torch.is_autocast_enabled("cpu"):
        return torch.float32
    is_bf16 = torch.get_autocast_dtype("cpu") == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if is_bf16 else None


def linears(values: Tensor, dtype: torch.dtype, *parameters: Tensor | None) -> tuple[Tensor, ...]:
    """What linear layers make of the same values, in a precision; `parameters` are weights and biases by turns.

    [..., in] -> [..., out] each
    """
    made: tuple[Tensor, ...] = _Linears.apply(_rows(values), dtype, *parameters)  # type: ignore[no-untyped-call]
    return tuple(its.view(*values.shape[:-1], its.shape[-1]) for its in made)


def feedforward(
    values: Tensor, dtype: torch.dtype, approximate: str, keeps: bool, *parameters: Tensor | None
) -> Tensor:
    """Widen, GELU, narrow. [..., H] -> [..., H]

    Unless it `keeps` what GELU gave, that is computed again for the gradient.
    """
    made: Tensor = _FeedForward.apply(_rows(values), dtype, approximate, keeps, *parameters)  # type: ignore[no-untyped-call]
    return made.view(*values.shape[:-1], made.shape[-1])


def _rows(values: Tensor) -> Tensor:
    """[..., H] -> [T, H]; a single vector is a row."""
    return values.reshape(-1, values.shape[-1])


class _Linears(torch.autograd.Function):
    """Linear layers of the same values, whose products are oneDNN's: one forward and two backward for each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, dtype: torch.dtype, *parameters: Tensor | None) -> tuple[Tensor, ...]:
        """[T, in], then [out, in] and [out] for each layer -> [T, out] each"""
        narrow = values.to(dtype)
        weights = [weight.to(dtype) for weight in parameters[::2] if weight is not None]
        ctx.save_for_backward(narrow, *weights)
        ctx.dtype = values.dtype
        return tuple(product(narrow, weight, bias) for weight, bias in zip(weights, parameters[1::2], strict=True))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """[T, out] for each layer -> [T, in], then [out, in] and [out] for each"""
        values, *weights = ctx.saved_tensors
        of_values, _, *wanted = ctx.needs_input_grad
        found: list[Tensor | None] = []
        total: Tensor | None = None
        for at, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
            found += _of_parameters(gradient, values, *wanted[2 * at : 2 * at + 2])
            if of_values:
                part = product(gradient, weight.t())
                total = part.to(ctx.dtype) if total is None else total.add_(part)
        return total, None, *found


class _FeedForward(torch.autograd.Function):
    """A feed-forward network, of which the input of GELU is kept, and its gradient written where GELU's was."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, dtype: torch.dtype, approximate: str, keeps: bool, *parameters: Tensor | None
    ) -> Tensor:
        """[T, H], [inner, H], [inner], [H, inner], [H] -> [T, H]"""
        narrow = values.to(dtype)
        up, down = (weight.to(dtype) for weight in parameters[::2] if weight is not None)
        wide = product(narrow, up, parameters[1])
        active = torch.ops.aten.gelu(wide, approximate=approximate)
        ctx.save_for_backward(narrow, up, down, wide, *([active] if keeps else []))
        ctx.how = approximate, values.dtype
        return product(active, down, parameters[3])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """[T, H] -> [T, H], None three times, [inner, H], [inner], [H, inner], [H]"""
        values, up, down, wide, *kept = ctx.saved_tensors
        approximate, dtype = ctx.how
        of_values, _, _, _, *wanted = ctx.needs_input_grad
        active = kept[0] if kept else torch.ops.aten.gelu(wide, approximate=approximate)
        of_down = _of_parameters(gradient, active, *wanted[2:])
        del active, kept
        inner = product(gradient, down.t())
        torch.ops.aten.gelu_backward.grad_input(inner, wide, approximate=approximate, grad_input=inner)
        of_up = _of_parameters(inner, values, *wanted[:2])
        return product(inner, up.t()).to(dtype) if of_values else None, None, None, None, *of_up, *of_down


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product of the left matrix with the right one's transpose, plus a bias."""
    made: Tensor = operators()[0](left, right, None if bias is None else bias.to(left.dtype), "none", [], "")
    return made


def _of_parameters(gradient: Tensor, values: Tensor, of_weight: bool, of_bias: bool) -> list[Tensor | None]:
    """The gradients of a layer's weight and bias. [T, out], [T, in] -> [out, in], [out]"""
    weight = None
    if of_weight and len(values) and gradient.dtype == torch.float32 and gradient.shape[1] < values.shape[1]:
        weight = product(gradient.t(), values.t())
    elif of_weight:
        weight = (gradient.t() @ values).float()  # without a copy of the gradient, as `product` would make one
    return [weight, gradient.sum(0, dtype=torch.float32) if of_bias else None]
