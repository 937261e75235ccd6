"""The user's cache: what programs made and can make again, so that the folder may be deleted at any time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from zoo.core.errors import ZooError
from zoo.core.files import make_folder, read_regular, write_bytes

LARGEST = 100_000_000
"""The most bytes that are read of a kept file."""

T = TypeVar("T")


def cache_folder(name: str) -> Path:
    """The folder of this name in the user's cache: in `XDG_CACHE_HOME` if that is set, else in `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "encoder-zoo" / name


def kept(name: str, settings: str, package: str, make: Callable[[], T]) -> T:
    """What `make` makes by the sources of a package from these settings alone, as JSON gives it back: lists, no tuples.

    It is read from the user's cache if the same sources have made it before. A file that is missing, damaged or cannot
    be written only costs the making.
    """
    key = hashlib.sha256(f"{settings}\n{_sources(package)}".encode()).hexdigest()[:32]
    path = cache_folder("made") / f"{name}-{key}.json"
    content = _content(path)
    if content is None:
        content = json.dumps(make()).encode()
        with suppress(ZooError, OSError):
            make_folder(path.parent)
            write_bytes(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    found: T = json.loads(content)
    return found


def _content(path: Path) -> bytes | None:
    """What a kept file holds; None if it is not there, or not as it was written."""
    with suppress(ZooError):
        digest, _, content = read_regular(path, LARGEST).partition(b"\n")
        if digest == hashlib.sha256(content).hexdigest().encode():
            return content
    return None


@cache
def _sources(package: str) -> str:
    """A SHA-256 over the source files of a package."""
    found, total = find_spec(package), hashlib.sha256()
    for folder in (found and found.submodule_search_locations) or ():
        for path in sorted(Path(folder).rglob("*.py")):
            total.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return total.hexdigest()
