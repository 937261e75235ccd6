"""JSON files, read strictly: one object or array of bounded depth and size, else a one-line error.

Infinite numbers, NaN, duplicate keys and broken text are refused. Records that the zoo wrote are validated by type as
well.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from zoo.core.errors import ZooError, explain
from zoo.core.files import read_regular

LARGEST = 50_000_000
"""The most bytes of a JSON file; a tokenizer with a million pieces is smaller."""

MOST_DIGITS = 40
"""The most digits of a whole number; longer ones slow arithmetic and messages. Tokenizers without a limit say 10^30."""

LARGEST_INTEGER = 2**63 - 1
LARGEST_NUMBER = 1e39
"""Above float32's range, and far enough below float64's that squares and their products stay finite."""

T = TypeVar("T")


class _Unfit(ValueError):
    """What is wrong with a piece of JSON."""


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds. Raises ZooError if it is missing, too large or malformed."""
    return parse_object(read_regular(path, LARGEST), str(path))


def parse_object(content: bytes, where: str) -> dict[str, Any]:
    """The object in JSON text. Raises ZooError, which names `where`, for anything else."""
    found = _parse(content, where)
    if not isinstance(found, dict):
        raise ZooError(f"{where}: should hold a JSON object, not a {type(found).__name__}")
    return found


def parse_array(content: bytes, where: str) -> list[Any]:
    """The array in JSON text. Raises ZooError, which names `where`, for anything else."""
    found = _parse(content, where)
    if not isinstance(found, list):
        raise ZooError(f"{where}: should hold a JSON array, not a {type(found).__name__}")
    return found


def _parse(content: bytes, where: str) -> Any:
    try:
        text = content.decode("utf-8")
        return json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
            parse_int=_whole,
            parse_float=_fraction,
        )
    except UnicodeDecodeError as error:
        raise ZooError(f"{where}: byte {error.start} is not UTF-8; this is no JSON file") from None
    except RecursionError:
        raise ZooError(f"{where}: nested too deeply to be meant") from None
    except ValueError as error:
        raise ZooError(f"{where}: not valid JSON: {error}") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _Unfit(f"{counts.most_common(1)[0][0]!r:.200} is given twice")
    for key, value in pairs:
        for text in (key, value):
            if isinstance(text, str) and not _is_text(text):
                raise _Unfit(f"{text!r:.60} holds half of a surrogate pair")
    return found


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse_constant(name: str) -> None:
    raise _Unfit(f"{name} is no JSON number")


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise _Unfit(f"{digits[:20]}... is a number of {len(digits):,} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    found = float(digits)
    if math.isinf(found):
        raise _Unfit(f"{digits:.60} is too large for a number")
    return found


class Damaged(ZooError):
    """A file that is damaged: `path` is the file, `what` is wrong with it."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        self.path, self.what = path, what
        super().__init__(f"{path} {what}; {remedy}")


def read_strictly(kind: TypeAdapter[T], path: Path, what: str, remedy: str) -> T:
    """The record that a JSON file holds. Raises Damaged if it cannot be read, or is not `what` it should be."""
    content = read_json(path, what, remedy)[0]
    try:
        return kind.validate_json(content)
    except ValidationError as error:
        raise Damaged(path, f"is not {what}: {explain(error)}", remedy) from None


def read_json(path: Path, what: str, remedy: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a JSON file and its object. Raises Damaged as `read_strictly` does."""
    content = _content(path, remedy)
    try:
        found = parse_object(content, "")
    except ZooError as error:
        raise Damaged(path, f"is not {what}: {str(error).removeprefix(': '):.200}", remedy) from None
    if (number := _too_large(found)) is not None:
        raise Damaged(path, f"is not {what}: the number {number:.3g} is too large to be meant", remedy)
    return content, found


def _content(path: Path, remedy: str) -> bytes:
    try:
        if not path.is_file():  # a pipe or a device may never end
            raise Damaged(path, "is not a regular file" if path.exists() else "is not there", remedy)
        if (size := path.stat().st_size) > LARGEST:
            raise Damaged(path, f"has {size:,} bytes, more than the {LARGEST:,} that such a file may have", remedy)
        return path.read_bytes()
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}", remedy) from None


def _too_large(found: Any) -> float | None:
    """A number out of bounds, if there is one; without recursion, as the file chooses the depth."""
    left = [found]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
        elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            return LARGEST_NUMBER if abs(value) > LARGEST_NUMBER else float(value)
        elif isinstance(value, float) and not abs(value) <= LARGEST_NUMBER:
            return value
    return None
