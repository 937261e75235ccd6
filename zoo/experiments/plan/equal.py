"""Variants made equal in what they may use: text, parameters or operations."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import lcm
from typing import Literal, TypeAlias

from zoo.auditing.closed_form import ClosedForm, closed_form
from zoo.auditing.cost import cost
from zoo.core.errors import ZooError
from zoo.core.specs import Variant
from zoo.registry.catalog import Catalog
from zoo.registry.expressions import evaluate

Equal: TypeAlias = Literal["tokens", "parameters", "operations"]

WIDEST = 1_024
"""The largest hidden width that is tried for equal parameters."""

TOLERANCE = 0.05
"""Parameters further from equal than this share are reported."""

SAME = 0.01
"""Numbers of tokens that differ by less than this share are left as they are."""

_log = logging.getLogger("zoo")


def families(catalog: Catalog, first: str) -> list[str]:
    """A variant for each installed plugin, its first whose name ends in -tiny; `first` before the others."""
    found: dict[str, str] = {}
    for name in sorted(catalog.variants, key=lambda name: (name != first, name)):
        if name.endswith("-tiny"):
            found.setdefault(catalog.owner("variant", name).name, name)
    return list(found.values())


def made_equal(catalog: Catalog, variants: Sequence[Variant], what: Equal | None) -> list[Variant]:
    """Variants of other widths, or with other numbers of tokens, so that all have what the first has.

    Those that change are named by the expressions that mean them. Raises ZooError for one variant alone, or a part
    that states no formula.
    """
    if what is not None and len(variants) < 2:
        raise ZooError(
            f"--equal makes variants alike, and there is only {variants[0].name}; name another, or leave it out"
        )
    if what in (None, "tokens"):
        return list(variants)
    change = _of_parameters if what == "parameters" else _of_operations
    return [variants[0], *(change(catalog, variant, variants[0]) for variant in variants[1:])]


def _of_parameters(catalog: Catalog, variant: Variant, like: Variant) -> Variant:
    """The width at which embedding and encoder have about as many parameters as the other's."""
    wanted = _parameters(catalog, like)
    counted = {variant.dims.hidden_width: _parameters(catalog, variant)}
    step = lcm(8, 2 * (variant.dims.n_heads or 1))  # heads of an even width, which rotary positions need
    for width in range(step, WIDEST + 1, step):
        with suppress(ZooError):  # it does not fit the other sizes
            counted[width] = _parameters(catalog, _wide(variant, width))
            if counted[width] > wanted:
                break
    width = min(counted, key=lambda width: abs(counted[width] - wanted))
    chosen = variant if width == variant.dims.hidden_width else _wide(variant, width)
    if abs(counted[width] / wanted - 1) > TOLERANCE:
        _log.warning(
            f"{chosen.name} has {counted[width]:,} parameters, {like.name} {wanted:,}; no other width is nearer"
        )
    return chosen


def _wide(variant: Variant, width: int) -> Variant:
    """The feed-forward network in proportion, and the embedding too if it is as wide as the encoder."""
    dims = variant.dims
    ffn_width = dims.ffn_width and round(dims.ffn_width * width / dims.hidden_width)
    embedding_width = width if dims.embedding_width == dims.hidden_width else dims.embedding_width
    sizes = {"hidden_width": width, "embedding_width": embedding_width, "ffn_width": ffn_width}
    return _with(variant, {f"dims.{name}": size for name, size in sizes.items() if size != getattr(dims, name)})


def _with(variant: Variant, values: Mapping[str, int | None]) -> Variant:
    """What a variant's name followed by +FIELD=VALUE means, so that it can be typed."""
    expression = "+".join([variant.name, *(f"{field}={value}" for field, value in values.items())])
    return evaluate(expression, lambda name: variant, is_folder=lambda name: name == variant.name)


def _of_operations(catalog: Catalog, variant: Variant, like: Variant) -> Variant:
    """So many tokens that pre-training takes as many operations as the other's, as the audit counts them."""
    recipe = variant.pretraining
    exact = like.pretraining.tokens * _per_token(catalog, like) / _per_token(catalog, variant)
    tokens = int(float(f"{exact:.3g}"))  # to three digits, which is nearer than SAME
    if abs(tokens / recipe.tokens - 1) < SAME:
        return variant
    return _with(variant, {"pretraining.tokens": tokens})


def _parameters(catalog: Catalog, variant: Variant) -> int:
    found = _stated(catalog, variant).counts.encoder
    assert found is not None
    return found


def _per_token(catalog: Catalog, variant: Variant) -> float:
    """Operations of a step of pre-training, forward and backward."""
    length = min(variant.pretraining.sequence_length, variant.dims.max_length)
    found = cost(_stated(catalog, variant), lengths=(length,), batch=1)
    assert found is not None
    return found.lengths[0].training / length


def _stated(catalog: Catalog, variant: Variant) -> ClosedForm:
    form = closed_form(catalog, variant)
    if form.unknown:
        raise ZooError(
            f"{variant.name}: {form.unknown[0].name} states no formula, so its parameters and operations are not known "
            "before it is trained; leave it out, or compare at equal tokens"
        )
    return form
