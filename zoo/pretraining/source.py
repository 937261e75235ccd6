"""The text of a pre-training, wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zoo.text.cache import hash_files
from zoo.text.documents import read_documents, text_files


@dataclass(frozen=True)
class TextSource:
    """Documents as lists of sentences, which may be read more than once, and a hash of what they hold."""

    description: str
    content_hash: str
    documents: Callable[[], Iterable[Sequence[str]]]


def text_of_files(paths: Sequence[Path]) -> TextSource:
    """The text of files, folders and patterns. Raises ZooError if there is none, or a file can't be read."""
    return TextSource(", ".join(map(str, paths)), hash_files(text_files(paths)), partial(read_documents, paths))
