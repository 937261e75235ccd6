"""Short names in place of long ones, with a legend, for the formats that people read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from zoo.document.blocks import Document, Notes

LONGEST = 40
"""Characters of a name that is left as it is: half of a terminal's width."""

VERBATIM = frozenset({"repeat"})
"""Sections of commands, in which names are typed."""


def abbreviated(document: Document) -> Document:
    """The document with a number in place of the changes of each long name; the first table's section says which."""
    short = short_names(document.names)
    if not short:
        return document
    names = "|".join(map(re.escape, sorted(short, key=len, reverse=True)))
    # Not where it is part of another name: n_layers=1 of n_layers=12, bert-tiny of my-bert-tiny.
    pattern = re.compile(rf"(?<![\w/])(?<!\w-)(?:{names})(?![.,]?\w)")

    def said(text: str) -> str:
        return pattern.sub(lambda found: short[found[0]], text)

    sections = [each if each.id in VERBATIM else _changed(each, said) for each in document.sections]
    place = next((place for place, each in enumerate(sections) if each.tables), 0)
    if sections:
        sections[place] = replace(sections[place], blocks=(*sections[place].blocks, legend(short)))
    return replace(document, title=said(document.title), sections=tuple(sections), names=())


def short_names(names: Sequence[str]) -> dict[str, str]:
    """By name that is too long, the variant that it begins with and a number."""
    long = [name for name in dict.fromkeys(names) if len(name) > LONGEST]
    short = {name: f"{_base(name)} #{number}" for number, name in enumerate(long, start=1)}
    return {name: label for name, label in short.items() if len(label) < len(name)}


def legend(short: Mapping[str, str]) -> Notes:
    """Which name each number stands for."""
    return Notes(tuple(f"{label}: {name}" for name, label in short.items()))


def _base(name: str) -> str:
    """A variant or the last part of a folder, before any change."""
    first = re.split(r"(?<=.)\+(?=[A-Za-z])", name)[0]
    return first.rstrip("/").rpartition("/")[2] or first


def _changed(value: Any, said: Callable[[str], str]) -> Any:
    """A block, or whatever it is made of, with all its texts changed."""
    if isinstance(value, str):
        return said(value)
    if isinstance(value, tuple):
        return tuple(_changed(each, said) for each in value)
    if isinstance(value, Mapping):
        return {_changed(key, said): _changed(each, said) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _changed(getattr(value, each.name), said) for each in fields(value)})
    return value
