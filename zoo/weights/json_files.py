"""JSON from strangers: one object, of bounded depth, without NaN, twice-given keys or broken text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

LARGEST = 50_000_000
"""Bytes of the largest JSON file that is read; a tokenizer of a million pieces is smaller."""


class _Unfit(ValueError):
    """What is wrong with a piece of JSON."""


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds. Raises ZooError where it is missing, too large or malformed."""
    return parse_object(_content(path), str(path))


def read_array(path: Path) -> list[Any]:
    """The array that a JSON file holds. Raises ZooError as `read_object` does."""
    found = _parse(_content(path), str(path))
    if not isinstance(found, list):
        raise ZooError(f"{path}: should hold a JSON array, not a {type(found).__name__}")
    return found


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ZooError(f"{path}: {size:,} bytes are more than the {LARGEST:,} that such a file may have")
        return path.read_bytes()
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}") from None


def parse_object(content: bytes, where: str) -> dict[str, Any]:
    """The object that JSON text holds. Raises ZooError, which says `where`, for anything else."""
    found = _parse(content, where)
    if not isinstance(found, dict):
        raise ZooError(f"{where}: should hold a JSON object, not a {type(found).__name__}")
    return found


def _parse(content: bytes, where: str) -> Any:
    try:
        text = content.decode("utf-8")
        return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ZooError(f"{where}: byte {error.start} is not UTF-8; this is no JSON file") from None
    except RecursionError:
        raise ZooError(f"{where}: nested too deeply to be meant") from None
    except ValueError as error:
        raise ZooError(f"{where}: not valid JSON: {error}") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Unfit(f"{next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    for key, value in pairs:
        for text in (key, value):
            if isinstance(text, str) and not _is_text(text):
                raise _Unfit(f"{text!r:.60} holds half of a surrogate pair")
    return found


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse_constant(name: str) -> None:
    raise _Unfit(f"{name} is no JSON number")


def strings(found: Mapping[str, Any]) -> dict[str, str]:
    """The entries that are text."""
    return {key: value for key, value in found.items() if isinstance(value, str)}
