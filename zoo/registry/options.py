"""The options that a variant gives a part, checked against the part's constructor."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from zoo.core.errors import UnknownName, ZooError, explain
from zoo.core.specs import PartRef, Positive

WEIGHT = "weight"
"""The option that every objective has: its share in the sum of losses."""


def constructor_options(
    constructor: Callable[..., Any], kind: str, used: PartRef, given: tuple[str, ...]
) -> dict[str, Any]:
    """The options that a part's constructor is called with; the weight of an objective is the model's."""
    return {name: value for name, value in checked_options(constructor, kind, used, given).items() if name != WEIGHT}


def checked_options(
    constructor: Callable[..., Any], kind: str, used: PartRef, given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The options of a part, each known to its constructor and of the annotated type."""
    if not used.options:
        return {}
    known = [name for name in _hints(constructor) if name not in given] + [WEIGHT] * (kind == "objective")
    options = {}
    for name, value in used.options.items():
        if name not in known:
            raise UnknownName("option", name, known, f"{kind} {used.name!r}")
        is_weight = kind == "objective" and name == WEIGHT
        reader = _weight_reader() if is_weight else _reader(constructor, name)
        try:
            options[name] = reader.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise ZooError(f"option {name!r} of {kind} {used.name!r}: {explain(error)}") from None
    return options


@lru_cache(1024)  # for a whole catalog; a notebook makes new constructors without end
def _hints(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The annotation of each option that a constructor names."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters, hints = inspect.signature(constructor).parameters, hints_of(constructor)
    return {name: hints.get(name, Any) for name, p in parameters.items() if p.kind not in variadic}


@lru_cache(1024)
def _reader(constructor: Callable[..., Any], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_hints(constructor)[name])


@cache
def _weight_reader() -> TypeAdapter[float]:
    return TypeAdapter(Positive)


def hints_of(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a constructor; none if they name what only a type checker imports."""
    try:
        return get_type_hints(constructor)
    except NameError:
        return {}
