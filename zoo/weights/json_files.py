"""JSON from strangers: one object, of bounded depth, without endless numbers, NaN, twice-given keys or broken text."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError
from zoo.core.files import read_regular

LARGEST = 50_000_000
"""Bytes of the largest JSON file that is read; a tokenizer of a million pieces is smaller."""

MOST_DIGITS = 40
"""Of a whole number; longer ones make arithmetic and messages slow. Tokenizers without a limit say 10^30."""


class _Unfit(ValueError):
    """What is wrong with a piece of JSON."""


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds. Raises ZooError where it is missing, too large or malformed."""
    return parse_object(read_regular(path, LARGEST), str(path))


def read_array(path: Path) -> list[Any]:
    """The array that a JSON file holds. Raises ZooError as `read_object` does."""
    found = _parse(read_regular(path, LARGEST), str(path))
    if not isinstance(found, list):
        raise ZooError(f"{path}: should hold a JSON array, not a {type(found).__name__}")
    return found


def parse_object(content: bytes, where: str) -> dict[str, Any]:
    """The object that JSON text holds. Raises ZooError, which says `where`, for anything else."""
    found = _parse(content, where)
    if not isinstance(found, dict):
        raise ZooError(f"{where}: should hold a JSON object, not a {type(found).__name__}")
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
