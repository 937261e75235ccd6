"""What can go wrong, said in one line: what was asked, what exists, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError


class ZooError(Exception):
    """A mistake in what the user gave; the command line prints it alone and exits with 2."""

    exit_code = 2


class UnknownName(ZooError):
    """A name that nothing installed answers to."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        place = f" (in {where})" if where else ""
        listed = ", ".join(names) if names else "none"
        article = "an" if kind[0] in "aeiou" else "a"
        super().__init__(f"{name!r} is not {article} {kind}{place}{hint} Known: {listed}")


class RunFailed(ZooError):
    """A run that began well and could not be finished; the command line exits with 1."""

    exit_code = 1


MOST_COMPLAINTS = 3
LONGEST = 200
"""Characters of a complaint that quotes what strangers wrote."""


def explain(error: ValidationError) -> str:
    """The first complaints of a pydantic validation on one line, each with the path to its field."""
    complaints = error.errors(include_url=False, include_context=False)
    parts = []
    for complaint in complaints[:MOST_COMPLAINTS]:
        path = ".".join(f"{step!s:.60}" for step in complaint["loc"])
        given = f" (given: {complaint['input']!r:.60})" if complaint["type"] != "missing" else ""
        message = complaint["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:LONGEST]
        parts.append(f"{path:.{LONGEST}}: {message}{given}" if path else message)
    more = len(complaints) - len(parts)
    text = "; ".join([*parts, *([f"and {more} more"] if more else [])])
    return "".join(character if character.isprintable() else " " for character in text)
