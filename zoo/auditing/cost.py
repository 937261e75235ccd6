"""What a variant costs to run, to train and to keep, from its formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zoo.auditing.closed_form import ClosedForm
from zoo.core.specs import Record
from zoo.formulas import Component, Polynomial
from zoo.formulas.polynomial import ZERO

LENGTHS = (128, 512)
BATCH = 32
PREDICTED = 0.15
"""The share of tokens whose logits pre-training computes; Devlin et al. 2019, section 3.1."""

WEIGHT_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
TRAINING_PASSES = 3
"""A backward pass multiplies each product's gradient with both of its factors: twice a forward pass."""

OPTIMIZER_BYTES = 8
"""AdamW and LAMB keep two float32 moments of every parameter."""


class AtLength(Record):
    """One sequence of `length` tokens; FLOPs are multiplications and additions in matrix products.

    `forward` is embedding and encoder, of which `quadratic` grows with the square of the length. `training` is a step
    of pre-training with all objectives, forward and backward. `activations` are the bytes that such a step of a whole
    batch holds in float32 when its backward pass begins, beside weights, gradients and optimizer.
    """

    length: int
    forward: int
    quadratic: int
    training: int
    activations: int


class Cost(Record):
    """What a variant costs; weights are all that pre-training has, in bytes by type."""

    weights: dict[str, int]
    gradients: int
    optimizer: int
    batch: int
    lengths: tuple[AtLength, ...]


def cost(form: ClosedForm, lengths: Iterable[int] = LENGTHS, batch: int = BATCH) -> Cost | None:
    """The cost of a variant at some lengths; None if a part has no formula. Longer than P is left out."""
    body, everything = form.components("encoder"), form.components("pretraining")
    if body is None or everything is None:
        return None
    n_parameters = sum(component.stored(form.sizes) for component in everything)
    return Cost(
        weights={dtype: n_parameters * size for dtype, size in WEIGHT_BYTES.items()},
        gradients=n_parameters * WEIGHT_BYTES["float32"],
        optimizer=n_parameters * OPTIMIZER_BYTES,
        batch=batch,
        lengths=tuple(
            _at_length(body, everything, form.sizes, length, batch)
            for length in lengths
            if length <= form.variant.dims.max_length
        ),
    )


def _at_length(
    body: Iterable[Component], everything: Iterable[Component], sizes: Mapping[str, int], length: int, batch: int
) -> AtLength:
    at = {**sizes, "S": length, "M": max(1, round(PREDICTED * length))}
    forward = flops(body)
    kept = sum((component.kept * component.runs for component in everything), ZERO)
    return AtLength(
        length=length,
        forward=forward(at),
        quadratic=Polynomial({p: n for p, n in forward.terms.items() if p.count("S") == 2})(at),
        training=TRAINING_PASSES * flops(everything)(at),
        activations=batch * kept(at),
    )


def flops(components: Iterable[Component]) -> Polynomial:
    """The forward FLOPs of components, each as often as it runs."""
    return sum((component.flops * component.runs for component in components), ZERO)
