"""Errors as one line: what was asked for, what exists, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

LONGEST = 4_000
"""The most characters of a message; the middle of a longer one is left out."""

N_SHOWN = 10
"""The most names that a message lists."""

N_NEAR = 3
"""How many near names a message offers in place of an unknown one."""

_LONGEST_NAME = 200
_MOST_NAMES = 500
"""The most characters that the search for near names reads; its time grows with them."""

CONTROLS = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys instead of showing: control characters, changes of direction; and lone
surrogates."""


def visible(text: str) -> str:
    """Untrusted text made safe for a terminal: each control character is spelled out, as \\x1b."""
    return CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text of at most `longest` characters, the middle of a longer one left out."""
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: longest - end - 5]} ... {text[-end:]}"


def listed(names: Sequence[str], most: int = N_SHOWN) -> str:
    """The first of some names, each cut where it is long, and how many more there are."""
    shown = ", ".join(shortened(name, _LONGEST_NAME) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name most like another one, if any is; very long names are left out of the search."""
    return next(iter(nearest_few(name, names, 1, cutoff)), None)


def nearest_few(name: str, names: Iterable[str], most: int, cutoff: float = 0.6) -> list[str]:
    """The names most like another one, best first; of those, the ones that go on from it come before others."""
    if len(name) > _LONGEST_NAME:
        return []
    likely = [other for other in names if len(other) <= _LONGEST_NAME][:_MOST_NAMES]
    longer = [other for other in likely if other.startswith(name)]
    close = [other for these in (longer, likely) for other in get_close_matches(name, these, n=most, cutoff=cutoff)]
    return [*dict.fromkeys(close)][:most]


class ZooError(Exception):
    """A mistake in the user's input; the command line prints only its message and exits with 2.

    Whatever the message quotes, it is one line of bounded length without control characters.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(shortened(visible(" ".join(message.split()))))


class UnknownName(ZooError):
    """A name that nothing installed has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        close = nearest_few(name, names, N_NEAR, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        others = close[1:] if len(names) > N_SHOWN else []
        more = f" Or {' or '.join(map(repr, others))}?" if others else ""
        known_names = "" if close and len(names) > N_SHOWN else f" Known: {listed(names) or 'none'}"
        place = f" (in {where})" if where else ""
        article = "an" if kind[0] in "aeiou" else "a"
        quoted = repr(shortened(name, _LONGEST_NAME))
        super().__init__(
            f"{quoted} is not {article} {kind}{place}{hint}{more}{_absent(name, kind, names)}{known_names}"
        )


def _absent(name: str, kind: str, known: Iterable[str]) -> str:
    """What is installed too little: any plugin with variants, or the one that a name begins with."""
    if kind == "variant" and not known:
        return " No installed plugin offers any; pip install encoder-zoo-bert, for example, or name a model's folder."
    plugin, dot, _ = name.partition(".")
    if not dot or not plugin.isidentifier() or len(plugin) > _LONGEST_NAME or kind == "variant":
        return ""
    if any(other.startswith(f"{plugin}.") for other in known):
        return ""
    return f" (Is plugin {plugin!r} installed? See zoo plugins)"


class RunFailed(ZooError):
    """A run that started but could not finish; the command line exits with 1."""

    exit_code = 1


_MOST_COMPLAINTS = 3
_LONGEST_COMPLAINT = 200


def explain(error: ValidationError) -> str:
    """The first errors of a pydantic validation on one line, each with the path to its field."""
    complaints = error.errors(include_url=False, include_context=False)
    complaints = [each for each in complaints if each["loc"] == ("format",)] or complaints  # it explains all others
    parts = []
    for complaint in complaints[:_MOST_COMPLAINTS]:
        steps = (step for step in complaint["loc"] if step != "*")  # which stands for all names
        path = ".".join(shortened(str(step), _LONGEST_NAME) for step in steps)
        tells = complaint["type"] != "missing" and not isinstance(complaint["input"], dict)
        given = f" (given: {complaint['input']!r:.60})" if tells else ""
        message = complaint["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:_LONGEST_COMPLAINT]
        parts.append(f"{path:.{_LONGEST_COMPLAINT}}: {message}{given}" if path else message)
    more = len(complaints) - len(parts)
    return "; ".join([*parts, *([f"and {more} more"] if more else [])])


class Stopped(KeyboardInterrupt):
    """A signal ended the work; the message says what is kept and how to continue."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal
