"""Why a number differs: named departures from the four definitions are tried, and the fewest that give it are
reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from zoo.auditing.closed_form import ClosedForm
from zoo.auditing.counts import DEFINITIONS, LABELS, Counts, Definition
from zoo.core.errors import ZooError
from zoo.core.specs import Record
from zoo.formulas import FIGURE, MLM_HEAD, OUTPUT_TABLE, PROJECTION, Component, E, H, Polynomial, V
from zoo.formulas.polynomial import ZERO

UNEXPLAINED = "unexplained"
MOST_DEPARTURES = 2
PADDINGS = (8, 64, 128)
UNITS = {"K": 10**3, "M": 10**6, "B": 10**9}

Sizes = dict[str, int]


class Explanation(Record):
    """One way to a number: a definition, departures from it, and the exact count that these give."""

    definition: Definition
    causes: tuple[str, ...]
    count: int

    @property
    def named(self) -> tuple[str, ...]:
        """The definition in words, then the departures."""
        return (LABELS[self.definition], *self.causes)

    def __str__(self) -> str:
        return ", ".join(self.named)


@dataclass(frozen=True)
class Departure:
    """A way to count otherwise: terms that are added, and sizes that are changed."""

    name: str
    adds: Callable[[Definition], Polynomial | None]
    resizes: Callable[[Sizes], Sizes] = dict


def explain_figure(form: ClosedForm, figure: str, counts: Counts) -> tuple[Explanation, ...]:
    """The simplest ways to a printed figure such as 110M; none if it is unexplained.

    `counts` stand in where a part without a formula leaves nothing to vary.
    """
    if not re.fullmatch(FIGURE, figure):
        raise ZooError(f"{figure!r} is not a figure; write it as 110M, 4.4M, 235000K or 1.2B")
    digits, suffix = figure[:-1], figure[-1]
    unit = UNITS[suffix] // 10 ** len(digits.partition(".")[2])
    value = round(float(digits) * UNITS[suffix])

    def ways(reading: Explanation) -> Iterator[Explanation]:
        for name, rounded in _roundings(reading.count, unit, suffix):
            if rounded == value:
                yield reading.model_copy(update={"causes": (*reading.causes, name)})

    # Plain rounding is no departure, so what rounds otherwise counts as one cause more than what does not.
    plain = next(name for name, _ in _roundings(0, unit, suffix))
    return _fewest(form, counts, ways, lambda way: len(way.causes) - (way.causes[-1] == plain))


def explain_count(form: ClosedForm, definition: Definition, count: int) -> tuple[Explanation, ...]:
    """The simplest ways to an exact count that was made under one definition; none if it is unexplained."""

    def ways(reading: Explanation) -> Iterator[Explanation]:
        if reading.definition == definition and reading.count == count:
            yield reading

    return _fewest(form, form.counts, ways, lambda way: len(way.causes))


def _fewest(
    form: ClosedForm,
    counts: Counts,
    ways: Callable[[Explanation], Iterator[Explanation]],
    departures: Callable[[Explanation], int],
) -> tuple[Explanation, ...]:
    """The ways with the fewest departures; those with more are not even tried."""
    found: list[Explanation] = []
    for n in range(MOST_DEPARTURES + 1):
        found += [way for reading in _readings(form, counts, n) for way in ways(reading)]
        if any(departures(way) == n for way in found):
            return tuple(way for way in found if departures(way) == n)
    return ()


def _roundings(count: int, unit: int, suffix: str) -> Iterator[tuple[str, int]]:
    """The ways to print a count, plain rounding first: what each is called and what it gives."""
    printed, tenfold = (f"{step / UNITS[suffix]:g}{suffix}" for step in (unit, 10 * unit))
    yield f"rounded to {printed}", _rounded(count, unit)
    yield f"rounded to {tenfold}", _rounded(count, 10 * unit)
    yield f"cut to {printed}", count // unit * unit
    yield f"cut to {tenfold}", count // (10 * unit) * 10 * unit


def _rounded(count: int, unit: int) -> int:
    return (count + unit // 2) // unit * unit


def _readings(form: ClosedForm, counts: Counts, n: int) -> Iterator[Explanation]:
    """Every definition with every n departures."""
    chosen = list(combinations(_departures(form), n)) if n else [()]
    for definition in DEFINITIONS:
        formula, counted = form.formula(definition), counts.get(definition)
        if formula is not None:
            for few in chosen:
                count = _counted(few, definition, formula, form.sizes)
                if count is not None:
                    yield Explanation(definition=definition, causes=tuple(d.name for d in few), count=count)
        elif counted is not None and n == 0:
            yield Explanation(definition=definition, causes=(), count=counted)


def _counted(departures: Sequence[Departure], definition: Definition, formula: Polynomial, sizes: Sizes) -> int | None:
    """The count with some departures; None if one of them does not apply."""
    terms = [formula]
    for departure in departures:
        added = departure.adds(definition)
        if added is None:
            return None
        terms.append(added)
        sizes = departure.resizes(sizes)
    return sum(term(sizes) for term in terms)


def _departures(form: ClosedForm) -> list[Departure]:
    embedding = form.parts[0].components or ()
    encoder = form.parts[1].components or ()
    by_name = {component.name: component for component in embedding}
    found = [
        Departure(
            "output table stored apart from the token table",
            lambda definition: V * E if _has_tied_mlm_head(form.components(definition)) else None,
        )
    ]
    if "token" in by_name:
        found.append(Departure("without the token table", lambda definition: V * E * -1))
    if PROJECTION in by_name:
        wider = sum((_at_hidden_width(c) for c in embedding if c.name in ("position", "segment", "norms")), ZERO)
        found.append(Departure("position and segment tables at width H", lambda definition: wider))
    if "segment" in by_name and by_name["segment"].parameters == by_name["segment"].met:
        row = by_name["segment"].stored
        found.append(Departure("without the one segment row", lambda definition: row * -1))
    unshared = sum((component.unshared - component.stored for component in encoder), ZERO)
    if unshared.terms:
        found.append(Departure("shared layers counted each time they run", lambda definition: unshared))
    if "position" in by_name:
        rows = _rows(by_name["position"])
        found.append(Departure("int64 position ids counted", lambda definition: rows))
    n_tokens = form.variant.dims.vocab_size
    multiple_of = {-(-n_tokens // multiple) * multiple: multiple for multiple in PADDINGS}
    return [*found, *(_padding(m, padded) for padded, m in multiple_of.items() if padded != n_tokens)]


def _padding(multiple: int, padded: int) -> Departure:
    name = f"vocabulary padded to a multiple of {multiple}, {padded:,}"
    return Departure(name, lambda definition: ZERO, lambda sizes: {**sizes, "V": padded})


def _has_tied_mlm_head(components: tuple[Component, ...] | None) -> bool:
    names = {component.name for component in components or ()}
    return MLM_HEAD in names and OUTPUT_TABLE not in names


def _at_hidden_width(component: Component) -> Polynomial:
    """What a component of width E grows by at width H."""
    return component.parameters.replaced("E", H) - component.parameters


def _rows(table: Component) -> Polynomial:
    """The rows of a table, its width taken out."""
    return Polynomial({re.sub("[EH]", "", product, count=1): n for product, n in table.parameters.terms.items()})
