"""Counting from the record alone, by the formulas that the parts' plugins state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.auditing.counts import DEFINITIONS, Counts, Definition
from zoo.core.specs import Variant
from zoo.formulas import MLM_HEAD, Component, Polynomial, pooler, sizes
from zoo.formulas.polynomial import ZERO
from zoo.registry.catalog import Catalog


@dataclass(frozen=True)
class Part:
    """A part of a variant with its components; None if its plugin states no formula."""

    kind: str
    name: str
    components: tuple[Component, ...] | None


@dataclass(frozen=True)
class ClosedForm:
    """A variant as sums of products."""

    variant: Variant
    parts: tuple[Part, ...]

    @property
    def unknown(self) -> tuple[Part, ...]:
        """The parts without a formula."""
        return tuple(part for part in self.parts if part.components is None)

    @property
    def sizes(self) -> dict[str, int]:
        """The value of each symbol."""
        return sizes(self.variant.dims)

    def components(self, definition: Definition) -> tuple[Component, ...] | None:
        """What a definition counts; None if it does not apply, or a formula is missing."""
        body = [part for part in self.parts if part.kind != "objective"]
        heads = [part for part in self.parts if part.kind == "objective"]
        counted = _joined(body if definition != "pretraining" else self.parts)
        if counted is None or definition in ("encoder", "pretraining"):
            return counted
        if definition == "encoder_pooler":
            return (*counted, pooler())
        mlm = [head.components for head in heads if any(c.name == MLM_HEAD for c in head.components or ())]
        return (*counted, *(mlm[0] or ())) if mlm else None

    def formula(self, definition: Definition) -> Polynomial | None:
        """The count under one definition, in symbols."""
        components = self.components(definition)
        return None if components is None else sum((component.stored for component in components), ZERO)

    @property
    def counts(self) -> Counts:
        """The count under each definition."""
        return Counts(**{definition: self.count(definition) for definition in DEFINITIONS})

    def count(self, definition: Definition) -> int | None:
        """The count under one definition; None if it does not apply, or a formula is missing."""
        components = self.components(definition)
        return None if components is None else sum(component.n_stored(self.sizes) for component in components)


def closed_form(catalog: Catalog, variant: Variant) -> ClosedForm:
    """A variant by its parts' formulas. Raises UnknownName or ZooError if a part is missing or does not fit."""
    used = [("embedding", variant.embedding), ("encoder", variant.encoder)]
    used += [("objective", objective) for objective in variant.objectives]
    of = f"variant {variant.name!r}: "
    return ClosedForm(
        variant, tuple(Part(kind, part.name, catalog.components(kind, part, variant.dims, of)) for kind, part in used)
    )


def _joined(parts: Iterable[Part]) -> tuple[Component, ...] | None:
    """All components of some parts; None if one part has no formula."""
    joined: list[Component] = []
    for part in parts:
        if part.components is None:
            return None
        joined += part.components
    return tuple(joined)
