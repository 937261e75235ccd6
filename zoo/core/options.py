"""Options as people give them, on the command line or in Python: numbers such as 1M, names separated by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from zoo.core.errors import UnknownName, ZooError, explain

SUFFIXES = {"k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
"""Suffixes of numbers: thousands, millions, billions; no lower-case m, which could mean a thousandth."""

_COUNT = re.compile(r"((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*)(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?)\s*([kKMGB]?)")


@dataclass(frozen=True)
class Help:
    """The help of an option: what it does, its group, an example, its default in words.

    `completes` names what a shell completes it with: variants, tasks, grids and so on.
    """

    text: str
    group: str = "Options"
    example: str = ""
    default: str = ""
    completes: str = ""


def read_count(value: object) -> object:
    """A whole number as people write it: 20000, 20_000, 1e6, 100k, 1.5M or 2B; other types are returned as they are.

    Raises ValueError if it is not a whole number.
    """
    if not isinstance(value, str):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    parts = _COUNT.fullmatch(value.strip())
    if not parts:
        raise ValueError(f"{value!r:.60} is not a number; write 20000, 1e6, 100k or 1M")
    digits, suffix = parts[1].replace("_", "").replace(",", ""), parts[2].replace("K", "k")
    return _whole(value, digits, SUFFIXES.get(suffix, 1))


def _whole(value: str, digits: str, factor: int) -> int:
    mantissa, _, exponent = digits.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    power = int(exponent or 0) - len(decimals)
    number: int = int(whole + decimals) * factor * 10 ** max(0, power)
    count, rest = divmod(number, int(10 ** max(0, -power)))
    if rest:
        raise ValueError(f"{value!r:.60} is not a whole number")
    return count


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smh])")
SECONDS = {"s": 1, "m": 60, "h": 3600}


def read_duration(value: object) -> object:
    """Seconds, from a time as people write it: 90s, 30m or 1.5h; other types are returned as they are.

    Raises ValueError if it is no time.
    """
    if not isinstance(value, str):
        return value
    parts = _DURATION.fullmatch(value.strip())
    if not parts:
        raise ValueError(f"{value!r:.60} is not a time; write 90s, 30m or 2h")
    return float(parts[1]) * SECONDS[parts[2]]


ANY = "*"
"""The name under which a number counts for all names that have none of their own."""


def read_by_name(value: object) -> object:
    """Numbers by name, as 300,squad=1500: one without a name is for all others; mappings are returned as they are.

    Raises ValueError if a name has two.
    """
    if isinstance(value, Mapping):
        return {name: read_count(number) for name, number in value.items()}
    if not isinstance(value, str) or "=" not in value:
        return {ANY: read_count(value)}
    found: dict[str, object] = {}
    for part in value.split(","):
        name, equals, number = (each.strip() for each in part.rpartition("="))
        name = name if equals else ANY
        if not name or name in found:
            raise ValueError(f"{value!r:.60} is not one number, as 300, or several by task, as 300,squad=1500")
        found[name] = read_count(number)
    return found


def read_names(value: object) -> object:
    """Names, in one text separated by commas."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return read_several(value)


def read_several(value: object) -> object:
    """One thing or several."""
    return tuple(value) if isinstance(value, list | set | tuple) else (value,)


Amount = Annotated[int, Field(ge=1), BeforeValidator(read_count)]
"""A positive whole number as people write it."""

ByName = Annotated[dict[str, Amount], Field(min_length=1), BeforeValidator(read_by_name)]
"""A positive whole number, or several by name, as people write them."""

Whole = Annotated[int, Field(ge=0), BeforeValidator(read_count)]
"""A whole number as people write it, 0 included."""

Duration = Annotated[float, Field(gt=0.0), BeforeValidator(read_duration)]
"""Seconds, or a time as people write it."""

Names = Annotated[tuple[str, ...], BeforeValidator(read_names)]
"""Names, in text separated by commas."""

Texts = Annotated[tuple[str, ...], BeforeValidator(read_several)]
"""One string or several; on the command line, the option is repeated."""

Paths = Annotated[tuple[Path, ...], BeforeValidator(read_several)]
"""One path or several; on the command line, the option is repeated."""


MACHINE = "Where it runs"

DeviceName = Annotated[
    str | None,
    Help(
        "The device to compute on: auto, cpu, cuda, cuda:1 or mps.",
        MACHINE,
        "cuda",
        "auto, which is cuda if there is a GPU",
    ),
]
"""Of several commands, the device that they compute on."""


class Options(BaseModel):
    """The options of a command and of its Python function, each field with its `Help`.

    `model_fields_set` are those given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The record of the options given; None means not given.

        Raises UnknownName for an unknown option, and ZooError for an invalid value.
        """
        for name in given:
            if name not in cls.model_fields:
                raise UnknownName("option", name, cls.model_fields)
        try:
            return cls.model_validate({name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise ZooError(explain(error)) from None

    @property
    def given(self) -> dict[str, Any]:
        """The options given, by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
