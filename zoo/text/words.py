"""Which pieces begin a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

SENTENCE_PIECE = "\u2581"
"""How SentencePiece writes the space before a word."""

BYTE_LEVEL = "\u0120"
"""How the byte of a space is written in a byte-level vocabulary."""


def begins_word(model: Mapping[str, Any], pieces: Iterable[str]) -> Callable[[str], bool]:
    """Whether a piece is the first of a word, by the marks of the vocabulary; where it has none, every piece is."""
    goes_on = model.get("continuing_subword_prefix")
    if goes_on:
        return lambda piece: not piece.startswith(goes_on)
    marks = {piece[:1] for piece in pieces}
    if SENTENCE_PIECE in marks:
        return _after_space
    return (lambda piece: piece.startswith(BYTE_LEVEL)) if BYTE_LEVEL in marks else lambda piece: True


def _after_space(piece: str) -> bool:
    """It has the space, or is no plain letters and digits, as Lan et al.'s code has it."""
    return piece.startswith(SENTENCE_PIECE) or not (piece.isascii() and piece.isalnum())
