"""A class described: its options with types and defaults, its docstring and its paper."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import JsonValue

from zoo.registry.options import WEIGHT, hints_of

_CITATION = re.compile(
    r"[A-Z][\w-]+(?: et al\.| and [A-Z][\w-]+)? (?:19|20)\d\d(?:, (?:[^.;()]|\.(?=\w)|(?<=et al)\.)+)?"
)


@dataclass(frozen=True)
class Option:
    """An option of a part as a variant gives it."""

    name: str
    type: str
    default: JsonValue
    required: bool = False


def options_of(kind: str, part: type[Any]) -> Iterator[Option]:
    """The options that a part takes, besides what every part of its kind is given."""
    constructor = part.train if kind == "tokenizer" else part.__init__
    given = {"tokenizer": ("texts", "vocab_size")}.get(kind, ("self", "dims"))
    hints = hints_of(constructor)
    for name, parameter in inspect.signature(constructor).parameters.items():
        if name in given or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        required = parameter.default is parameter.empty
        annotation = hints.get(name, parameter.annotation)
        yield Option(name, spelled(annotation), None if required else parameter.default, required)
    if kind == "objective":
        yield Option(WEIGHT, "float", 1.0)


def spelled(annotation: Any) -> str:
    """A type for users: the allowed words, or its name."""
    if annotation is None or annotation is type(None):
        return "null"
    if annotation is inspect.Parameter.empty or annotation is Any:
        return "any"
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(map(spelled, get_args(annotation)))
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def summary_of(described: object) -> str:
    """The docstring of a class, function or object's class; empty if it has none of its own."""
    documented = described if inspect.isclass(described) or inspect.isroutine(described) else type(described)
    return inspect.cleandoc(getattr(documented, "__doc__", None) or "")


def citation_of(part: type[Any]) -> str | None:
    """The first paper that the docstring of a class, its module or its package names."""
    module = part.__module__
    texts = [part.__doc__, *(getattr(sys.modules.get(name), "__doc__", "") for name in (module, module.split(".")[0]))]
    found = (_CITATION.search(" ".join((text or "").split())) for text in texts)
    return next((match[0].rstrip(" ,") for match in found if match), None)
