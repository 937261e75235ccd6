"""Files of a run folder as foreign data: read strictly, or refused in one line with the file and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from zoo.core.errors import ZooError, explain
from zoo.weights.json_files import LARGEST, parse_object

LARGEST_INTEGER = 2**63 - 1
LARGEST_NUMBER = 1e39
"""Above what float32 holds, and far enough below what float64 does that squares and their products stay finite."""

T = TypeVar("T")


class Damaged(ZooError):
    """A file that is not what it was written as: `path` is the file, `what` is wrong with it."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        self.path, self.what = path, what
        super().__init__(f"{path} {what}; {remedy}")


def read_strictly(kind: TypeAdapter[T], path: Path, what: str, remedy: str) -> T:
    """The record that a JSON file holds. Raises Damaged where it cannot be read, or is not `what` it should be."""
    content = read_json(path, what, remedy)[0]
    try:
        return kind.validate_json(content)
    except ValidationError as error:
        raise Damaged(path, f"is not {what}: {explain(error)}", remedy) from None


def read_json(path: Path, what: str, remedy: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a JSON file and the object that they mean. Raises Damaged as `read_strictly` does."""
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
        if not path.is_file():  # a pipe would never end, a device might
            raise Damaged(path, "is not a regular file" if path.exists() else "is not there", remedy)
        if (size := path.stat().st_size) > LARGEST:
            raise Damaged(path, f"has {size:,} bytes, more than the {LARGEST:,} that such a file may have", remedy)
        return path.read_bytes()
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}", remedy) from None


def _too_large(found: Any) -> float | None:
    """A number beyond all bounds, if there is one; without recursion, for depth is the stranger's choice too."""
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
