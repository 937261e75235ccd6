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
"""What may follow a number: thousands, millions and billions; a small m is none, since it could mean a thousandth."""

_COUNT = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?)\s*([kKMGB]?)")


@dataclass(frozen=True)
class Help:
    """What the help of an option says: what it does, the group it stands in, an example, what holds if not given.

    `completes` names the kind of things that a shell offers: variants, tasks, grids and so on.
    """

    text: str
    group: str = "Options"
    example: str = ""
    default: str = ""
    completes: str = ""


def read_count(value: object) -> object:
    """A whole number as people write it: 20000, 20_000, 1e6, 100k, 1.5M or 2B; what is no text is left as it is.

    Raises ValueError where it is no number, or none that is whole.
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

Whole = Annotated[int, Field(ge=0), BeforeValidator(read_count)]
"""A whole number as people write it, 0 among them."""

Names = Annotated[tuple[str, ...], BeforeValidator(read_names)]
"""Names, in text separated by commas."""

Texts = Annotated[tuple[str, ...], BeforeValidator(read_several)]
"""One text or several, an option of a command being given as often."""

Paths = Annotated[tuple[Path, ...], BeforeValidator(read_several)]
"""One path or several, an option of a command being given as often."""


class Options(BaseModel):
    """The options of a command and of the function that does the same in Python, each field with its `Help`.

    `model_fields_set` holds those that were given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The record of what was given; None leaves an option as it is.

        Raises UnknownName for a name that is no option, and ZooError for a value that does not fit.
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
        """What was given, by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
