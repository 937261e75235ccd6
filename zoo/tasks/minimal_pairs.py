"""Minimal pairs: two sentences that differ in little, of which a model of the language should prefer one.

Files are those of BLiMP (Warstadt et al. 2020, arXiv:1912.00582): an object per line, with `sentence_good`,
`sentence_bad`, and where there are any `UID`, `linguistics_term` and `field`, from narrow to wide.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError, nearest
from zoo.core.json_files import parse_object
from zoo.tasks.kinds.minimal_pairs import BAD, GOOD
from zoo.text.lines import read_lines

GROUPS = {"UID": "phenomenon", "linguistics_term": "term", "field": "field"}
"""The keys of a line that say what it tests, by the fields of a pair that they become."""


@dataclass(frozen=True, slots=True)
class MinimalPair:
    """An acceptable sentence and an unacceptable one, and what they test: narrow, wider, widest; empty if unsaid."""

    good: str
    bad: str
    phenomenon: str
    term: str = ""
    field: str = ""


def read_pairs(path: Path) -> tuple[MinimalPair, ...]:
    """The pairs of a JSONL file, or of all in a folder; a phenomenon without UID is called as its file.

    Raises ZooError with file and line for one that is no pair.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise ZooError(
            f"{path}: no file of this folder ends with .jsonl; minimal pairs are JSONL files in BLiMP's format"
        )
    pairs = tuple(pair for file in files for pair in _read(file))
    if not pairs:
        raise ZooError(f"{path}: holds no pairs; each line should be an object with {GOOD} and {BAD}")
    return pairs


def limited(pairs: Sequence[MinimalPair], limit: int | None) -> Sequence[MinimalPair]:
    """The first `limit` pairs of each phenomenon, or all."""
    seen: Counter[str] = Counter()
    kept = []
    for pair in pairs:
        seen[pair.phenomenon] += 1
        if limit is None or seen[pair.phenomenon] <= limit:
            kept.append(pair)
    return kept


def content_hash(pairs: Sequence[MinimalPair]) -> str:
    """A SHA-256 over every pair, in order."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(json.dumps(astuple(pair)).encode() + b"\n")
    return digest.hexdigest()


def _read(file: Path) -> Iterator[MinimalPair]:
    for number, line in read_lines(file):
        if line.strip():
            where = f"{file}:{number}"
            yield _pair(parse_object(line.encode(), where), file.stem, where)


def _pair(found: dict[str, Any], name: str, where: str) -> MinimalPair:
    good, bad = (_sentence(found, key, where) for key in (GOOD, BAD))
    if good == bad:
        raise ZooError(f"{where}: both sentences are {good!r:.60}; a pair has two that differ")
    groups = {ours: found.get(theirs, "") for theirs, ours in GROUPS.items()}
    for key, value in zip(GROUPS, groups.values(), strict=True):
        if not isinstance(value, str):
            raise ZooError(f"{where}: {key} is {value!r:.60}; it should be text")
    return MinimalPair(good, bad, **groups | {"phenomenon": groups["phenomenon"] or name})


def _sentence(found: dict[str, Any], key: str, where: str) -> str:
    if key not in found:
        near = nearest(key, {*found} - {GOOD, BAD})
        hint = f"; is it called {near!r}?" if near else ""
        raise ZooError(f"{where}: has no {key}{hint}; a pair needs {GOOD} and {BAD}")
    if not isinstance(found[key], str) or not found[key].strip():
        raise ZooError(f"{where}: {key} is {found[key]!r:.60}; it should be a sentence")
    return str(found[key])
