"""What sharing layers and factorizing the embedding save, alone and together; Lan et al. 2020, section 3.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from zoo.auditing.closed_form import ClosedForm
from zoo.core.specs import Record
from zoo.formulas import PROJECTION, Component, E, H
from zoo.formulas.polynomial import polynomial

FACTORIZED_WIDTH = 128
"""The embedding width of the ALBERT paper, for variants that have no factorized embedding of their own."""


class Sharing(Record):
    """Sizes of embedding and encoder as they are, and as they would be.

    `executed` is what a token meets: a row of each table, and a layer as often as it runs. `unshared` gives every run
    weights of its own. The other four are ALBERT's two by two: layers shared or not, tables of width
    `embedding_width` with a projection or of width H without. A variant that shares nothing is shared wholly there,
    one that shares some of its layers as it does.
    """

    stored: int
    executed: int
    unshared: int
    embedding_width: int
    shared_factorized: int
    shared_full: int
    unshared_factorized: int
    unshared_full: int

    @property
    def saved_by_sharing(self) -> int:
        """Of a variant with neither."""
        return self.unshared_full - self.shared_full

    @property
    def saved_by_factorizing(self) -> int:
        """Of a variant with neither."""
        return self.unshared_full - self.unshared_factorized

    @property
    def saved_by_both(self) -> int:
        """Of a variant with neither."""
        return self.unshared_full - self.shared_factorized


def sharing(form: ClosedForm) -> Sharing | None:
    """What sharing saves in a variant; None if its embedding or encoder has no formula."""
    embedding, encoder = (part.components for part in form.parts[:2])
    if embedding is None or encoder is None:
        return None
    own, sizes = form.sizes, dict(form.sizes)
    if all(component.name != PROJECTION for component in embedding):
        sizes["E"] = FACTORIZED_WIDTH
    layers = {"shared": _stored(_shared(encoder), own), "unshared": _stored(map(_unshared, encoder), own)}
    tables = {"factorized": _stored(_factorized(embedding), sizes), "full": _stored(_full(embedding), own)}
    return Sharing(
        stored=_stored((*embedding, *encoder), own),
        executed=sum(component.executed(own) for component in (*embedding, *encoder)),
        unshared=_stored(embedding, own) + layers["unshared"],
        embedding_width=sizes["E"],
        **{f"{a}_{b}": layer + table for a, layer in layers.items() for b, table in tables.items()},
    )


def _stored(components: Iterable[Component], sizes: Mapping[str, int]) -> int:
    return sum(component.stored(sizes) for component in components)


def _shared(encoder: tuple[Component, ...]) -> list[Component]:
    shares = any(polynomial(component.copies) != polynomial(component.runs) for component in encoder)
    return [component if shares else replace(component, copies=1) for component in encoder]


def _unshared(component: Component) -> Component:
    return replace(component, copies=component.runs)


def _factorized(embedding: tuple[Component, ...]) -> list[Component]:
    if any(component.name == PROJECTION for component in embedding):
        return list(embedding)
    narrow = [replace(component, parameters=component.parameters.replaced("H", E)) for component in embedding]
    return [*narrow, Component(PROJECTION, E * H + H)]


def _full(embedding: tuple[Component, ...]) -> list[Component]:
    if all(component.name != PROJECTION for component in embedding):
        return list(embedding)
    return [
        replace(component, parameters=component.parameters.replaced("E", H))
        for component in embedding
        if component.name != PROJECTION
    ]
