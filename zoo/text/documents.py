"""Text files to documents, each a list of sentences, one in memory at a time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from glob import glob
from itertools import chain
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.text.lines import check_readable, read_lines
from zoo.text.sentences import split_sentences

SUFFIXES = (".txt", ".txt.gz", ".jsonl", ".jsonl.gz")
"""What is read of a folder; a file that is named itself is text unless it ends in .jsonl or .jsonl.gz."""

MAX_SENTENCES = 10_000
"""A longer document is cut, so that a file without blank lines does not have to fit in memory."""

_TITLE = re.compile(r"\s*= [^=\s](?:.*[^=\s])? =\s*")
_HEADING = re.compile(r"\s*=(?: =)* [^=\s](?:.*[^=\s])? =(?: =)*\s*")


def read_documents(paths: Sequence[Path]) -> Iterator[list[str]]:
    """The documents of files, and of the text files in folders or that match a pattern, in order of name, as sentences.

    A document ends at a blank line, in Wikitext files at the next `= Title =`, in JSON lines at the end of the line,
    whose field "text" it is. Headings are left out, as for BERT (section 3.1). Sentences do not run across lines.
    Raises ZooError, at once if a path does not exist, else when reading comes to a line that is malformed,
    or to the end without having met any text.
    """
    return _documents(text_files(paths))


def text_files(paths: Sequence[Path]) -> list[Path]:
    """The files that paths, folders and patterns such as `texts/*.txt` mean, each once.

    Raises ZooError if there are none, and if one can't be read or is no regular file.
    """
    files = list(dict.fromkeys(chain.from_iterable(map(_files, paths))))
    for file in files:
        check_readable(file)
    return files


def _files(path: Path) -> list[Path]:
    matches = [path] if os.path.lexists(path) else sorted(map(Path, glob(str(path), recursive=True)))
    if not matches:
        raise ZooError(f"there is no file or folder {path} to read text from")
    return [file for match in matches for file in (_in_folder(match) if match.is_dir() else [match])]


def _in_folder(folder: Path) -> list[Path]:
    try:
        walked = list(os.walk(folder, onerror=_raise))
    except OSError as error:
        raise ZooError(f"{error.filename}: {error.strerror}; a folder that can be read is needed") from None
    found = sorted(Path(place, name) for place, _, names in walked for name in names if name.endswith(SUFFIXES))
    if not found:
        raise ZooError(f"{folder} holds no text; looked for files that end in {', '.join(SUFFIXES)}")
    return found


def _raise(error: OSError) -> None:
    raise error


def _documents(files: Sequence[Path]) -> Iterator[list[str]]:
    empty = True
    for file in files:
        for document in _json_lines(file) if file.name.endswith((".jsonl", ".jsonl.gz")) else _text(file):
            if document:
                empty = False
                yield document
    if empty:
        raise ZooError(f"there is no text in {', '.join(map(str, files)) or 'no files at all'}")


def _text(file: Path) -> Iterator[list[str]]:
    document: list[str] = []
    wikitext, after_blank = False, True
    for _, line in read_lines(file):
        blank = not line.strip()
        title = after_blank and _TITLE.fullmatch(line) is not None  # in mid-paragraph it is a formula
        wikitext = wikitext or title
        if title or len(document) >= MAX_SENTENCES or (blank and not wikitext):
            yield document
            document = []
        if not _HEADING.fullmatch(line):
            document += split_sentences(line)
        after_blank = blank
    yield document


def _json_lines(file: Path) -> Iterator[list[str]]:
    for number, line in read_lines(file):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
            text.encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ZooError(f'{file}:{number}: is not a JSON object with a string "text": {line!r:.60}') from None
        yield [sentence for part in text.split("\n") for sentence in split_sentences(part)]
