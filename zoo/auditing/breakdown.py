"""Parameters by component: by component, each layer's and in total."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.auditing.closed_form import ClosedForm, Part
from zoo.core.specs import Record
from zoo.formulas import Component, Polynomial
from zoo.formulas.polynomial import polynomial

WHOLE = "whole"
"""The one component of a part without a formula."""


class Row(Record):
    """A component: its formula, how many copies are stored, how often one runs, and the parameters that makes.

    A part without a formula is one row of its own name, counted on the module; what only a formula tells is None.
    """

    kind: str
    part: str
    component: str
    formula: str | None
    copies: int | None
    runs: int | None
    each: int | None
    stored: int
    executed: int | None


def breakdown(form: ClosedForm, counted: Mapping[str, int]) -> tuple[Row, ...]:
    """A row for each component of embedding, encoder and objectives; `counted` are parts counted on the module."""
    rows: list[Row] = []
    for part in form.parts:
        if part.components is not None:
            rows += [_row(part, component, form.sizes) for component in _merged(part.components)]
        elif counted.get(part.name):
            rows.append(
                Row(
                    kind=part.kind,
                    part=part.name,
                    component=WHOLE,
                    formula=None,
                    copies=None,
                    runs=None,
                    each=None,
                    stored=counted[part.name],
                    executed=None,
                )
            )
    return tuple(rows)


def _row(part: Part, component: Component, sizes: Mapping[str, int]) -> Row:
    return Row(
        kind=part.kind,
        part=part.name,
        component=component.name,
        formula=str(component.parameters),
        copies=polynomial(component.copies)(sizes),
        runs=polynomial(component.runs)(sizes),
        each=component.parameters(sizes),
        stored=component.stored(sizes),
        executed=component.executed(sizes) if part.kind != "objective" else None,
    )


def _merged(components: tuple[Component, ...]) -> list[Component]:
    """Components of one name, copied and run alike, as one: the two norms of a layer."""
    merged: dict[tuple[str, str, str], Component] = {}
    for component in components:
        key = (component.name, str(component.copies), str(component.runs))
        before = merged.get(key)
        merged[key] = component if before is None else _sum(before, component)
    return list(merged.values())


def _sum(a: Component, b: Component) -> Component:
    met: Polynomial | None = None
    if a.met is not None or b.met is not None:
        met = (a.met or a.parameters) + (b.met or b.parameters)
    return Component(a.name, a.parameters + b.parameters, a.copies, a.runs, met)
