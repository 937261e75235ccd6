"""A SentencePiece model file, read with the standard library.

It is one protocol-buffer message (google/sentencepiece, src/sentencepiece_model.proto), of which we need the pieces
(field 1: text 1, score 2, type 3) and the normalizer (field 3), for its precompiled table of characters (field 2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zoo.core.errors import ZooError

UNKNOWN, CONTROL, OWN = 2, 3, 4
"""Types of pieces: that which stands for text without pieces; that which no text has; that which the user defined."""


class StoredHeads(NamedTuple):
    """A unigram vocabulary, the table that the normalizer looks characters up in, and tokens that are never split."""

    scores: list[tuple[str, float]]
    characters: bytes
    added: list[tuple[str, bool]]
    """Control symbols and those that the user defined; whether each is special."""


class _Broken(Exception):
    pass


def read_spiece(path: Path, content: bytes) -> StoredHeads:
    """The pieces of a model file. Raises ZooError if it is none, or not of the unigram kind."""
    scores: list[tuple[str, float]] = []
    types: list[int] = []
    characters = b""
    kind = 1
    try:
        for number, value in _fields(content):
            if number == 1 and isinstance(value, bytes):
                piece = dict(_fields(value))
                scores.append((_bytes(piece[1]).decode(), struct.unpack("<f", _bytes(piece.get(2, b"\0\0\0\0")))[0]))
                types.append(_number(piece.get(3, 1)))
            elif number == 2 and isinstance(value, bytes):
                kind = _number(dict(_fields(value)).get(3, 1))
            elif number == 3 and isinstance(value, bytes):
                characters = _bytes(dict(_fields(value)).get(2, b""))
    except (_Broken, KeyError, UnicodeDecodeError, struct.error):
        raise ZooError(f"{path}: not a SentencePiece model; download it again") from None
    if kind != 1 or types.count(UNKNOWN) != 1:
        raise ZooError(f"{path}: not a SentencePiece model of the unigram kind with one unknown piece")
    added = [(piece, kind == CONTROL) for (piece, _), kind in zip(scores, types, strict=True) if kind in (CONTROL, OWN)]
    return StoredHeads(scores, characters, added)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: numbers as such, everything else as its bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise _Broken
        if at + size > len(message):
            raise _Broken
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _Broken


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise _Broken
    return value


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise _Broken
    return value
