"""The header of a safetensors file, checked with the standard library: names, types and shapes before any tensor.

Format: https://huggingface.co/docs/safetensors; eight bytes of length, JSON, then the tensors end to end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

from zoo.core.errors import ZooError
from zoo.core.files import open_regular
from zoo.core.json_files import parse_object

LARGEST_HEADER = 10_000_000
"""The most bytes of a header; a BERT of 1,024 layers takes a quarter of it."""

MOST_TENSORS = 20_000
"""The most tensors of a checkpoint; a BERT of 1,024 layers, the zoo's limit, has 16,391."""

MOST_DIMENSIONS = 8
"""The most dimensions of a tensor; models of the zoo have at most two."""

BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
    "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
"""The supported types of the format, and the bytes of a value."""

FLOATS = ("F64", "F32", "F16", "BF16")

_FOREIGN = {b"PK\x03\x04": "a zip archive, as torch.save writes it", b"\x80\x02": "a pickle", b"\x80\x04": "a pickle"}


@dataclass(frozen=True)
class Entry:
    """One tensor as its header describes it."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """What a file holds."""

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The header of a file whose tensors fill it exactly. Raises ZooError otherwise."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            text = _text(path, file, size)
        except OSError as error:
            raise ZooError(f"{path}: {error.strerror}") from None
    found = parse_object(text, f"{path} (header)")
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse(path, "has metadata that are not text")
    if len(found) > MOST_TENSORS:
        _refuse(path, f"describes {len(found):,} tensors; at most {MOST_TENSORS:,} are read")
    entries = {name: _entry(path, name, described) for name, described in found.items()}
    _check_cover(path, entries, size - 8 - len(text))
    return Header(entries, metadata)


def _text(path: Path, file: BufferedReader, size: int) -> bytes:
    """The JSON at the beginning of a file."""
    first = file.read(8)
    for magic, kind in _FOREIGN.items():
        if first.startswith(magic):
            _refuse(path, f"is {kind}, whatever its name says; the zoo loads safetensors only")
    length = int.from_bytes(first, "little")
    if len(first) < 8:
        _refuse(path, f"has {size} bytes, too few for a safetensors file; download it again")
    if length > LARGEST_HEADER:
        _refuse(path, f"announces a header of {length:,} bytes; this is not a safetensors file")
    if 8 + length > size:
        _refuse(path, f"announces a header of {length:,} bytes and has {size:,} in all; download it again")
    return file.read(length)


def _entry(path: Path, name: str, described: Any) -> Entry:
    shown = f"tensor {name!r:.100}"
    if not name.isprintable():
        _refuse(path, f"{shown} has a name with control characters")
    if not isinstance(described, dict) or set(described) != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"{shown} should be described by dtype, shape and data_offsets")
    dtype, shape, offsets = described["dtype"], described["shape"], described["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES:
        _refuse(path, f"{shown} has the type {dtype!r:.40}; known: {', '.join(BYTES)}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        _refuse(path, f"{shown} has a shape or offsets that are not whole numbers from 0")
    if len(shape) > MOST_DIMENSIONS:
        _refuse(path, f"{shown} has {len(shape):,} dimensions; at most {MOST_DIMENSIONS} are read")
    needed, given = math.prod(shape) * BYTES[dtype], offsets[1] - offsets[0]
    if needed != given:
        _refuse(path, f"{shown} of shape {shape} and type {dtype} takes {needed:,} bytes, but {given:,} are reserved")
    return Entry(dtype, tuple(shape), *offsets)


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_cover(path: Path, entries: Mapping[str, Entry], size: int) -> None:
    """Check that tensors lie end to end: no overlap, no hole, nothing after the last."""
    at, before = 0, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != at:
            relation = "overlaps" if entry.start < at else "leaves a hole after"
            _refuse(path, f"tensor {name!r:.100} {relation} {before}")
        at, before = entry.stop, f"tensor {name!r:.100}"
    if at > size:
        _refuse(path, f"is cut short: its tensors take {at:,} bytes and {size:,} are there; download it again")
    if at < size:
        _refuse(path, f"has {size - at:,} bytes after its last tensor; download it again")


def _refuse(path: Path, what: str) -> NoReturn:
    raise ZooError(f"{path}: {what}")
