"""What can go wrong, said in one line: what was asked, what exists, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError

SPACES = "\u00a0\u200c\u200d\u3000"
"""Characters that show nothing, and belong to words or stand between them."""


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


def printable(text: str) -> str:
    """A text as a terminal may show it: what is no visible character is escaped, so that it can command nothing."""
    return "".join(each if each.isprintable() or each in SPACES else ascii(each)[1:-1] for each in text)


def explain(error: ValidationError) -> str:
    """Every complaint of a pydantic validation on one line, each with the path to its field."""
    parts = []
    for complaint in error.errors(include_url=False, include_context=False):
        path = ".".join(str(step) for step in complaint["loc"])
        given = f" (given: {complaint['input']!r:.60})" if complaint["type"] != "missing" else ""
        message = complaint["msg"][0].lower() + complaint["msg"][1:]
        parts.append(f"{path}: {message}{given}" if path else message)
    return "; ".join(parts)
