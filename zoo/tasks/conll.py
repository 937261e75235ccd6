"""Tasks whose items lie in files of the CoNLL shared tasks' layout: a word and its tags a line, a blank line between
texts (Tjong Kim Sang and De Meulder 2003).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from zoo.core.errors import UnknownName, ZooError
from zoo.tasks.files import FilesTask, SplitFile
from zoo.tasks.kinds import task_kind
from zoo.tasks.tagging import SCHEMES, TAG, convert_tags, first_wrong, recognised, types_of
from zoo.tasks.task import Dataset, Example, content_hash
from zoo.text.lines import read_lines

DOCUMENT = "-DOCSTART-"
"""The word of a line that begins a document, and is no text."""

IN_PLACE_OF_SPACE = "_"
MOST_COLUMNS = 4


class ConllFile(SplitFile):
    """One split's file; tabs or spaces divide its columns. With one column, it has words without tags."""

    word_column: int = 0
    tag_column: int = -1
    """Counted from 0; from the last, -1."""
    skip_malformed: bool = False
    """Leave out lines with another number of columns than the first, and say how many; else they are errors."""


@dataclass
class TaggedText:
    """The words of a text, the tag of each if they are given, and the lines of the file where they are."""

    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


class ConllTask(FilesTask):
    """A task of tags in files of this layout.

    `scheme` is that of the labels: files may be in any, which is recognised, and are converted. Without it, tags are
    taken as they are. A wrong sequence, such as I-PER after O in BIO, is repaired as seqeval reads it, which the notes
    tell, or refused.
    """

    kind: str = "token-classification"
    files: Mapping[str, ConllFile]
    scheme: Literal["BIO", "BIOES", "BMES", "BILOU"] | None = None
    wrong_sequences: Literal["repair", "refuse"] = "repair"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            problem = task_kind(self).problem()
        except ZooError as error:
            raise ValueError(str(error)) from None
        if problem:
            raise ValueError(f"a {self.kind} task {problem}")
        letters = {*SCHEMES[self.scheme]} if self.scheme else set()
        unfit = [label for label in self.labels if not TAG.fullmatch(label) or label[0] not in {"O", *letters}]
        if self.scheme and unfit:
            raise ValueError(f"the label {unfit[0]!r:.60} is no tag of the scheme {self.scheme}")
        return self

    def load(self, folder: Path | None) -> Dataset:
        """Read every split that is there; what was skipped, repaired or replaced is said in the notes.

        Raises ZooError with file and line if a file is missing or malformed.
        """
        notes: list[str] = []
        splits = {split: self._read(self.files[split], path, notes) for split, path in self.find(folder).items()}
        if train := splits.get(self.train_split):
            tags = {tag for item in train for tag in item.label or ()}
            if len(tags) == 1:
                raise ZooError(
                    f"{self.find(folder)[self.train_split]}: all words have the tag {self.labels[min(tags)]}; "
                    "nothing can be learnt from it"
                )
        return Dataset(splits=splits, content_hash=content_hash(splits), notes=tuple(notes))

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of one file of the splits' layout, with tags or without.

        Raises ZooError with file and line if it is missing or malformed.
        """
        return self._read(next(iter(self.files.values())), path, [])

    def _read(self, file: ConllFile, path: Path, notes: list[str]) -> tuple[Example, ...]:
        seen: Counter[str] = Counter()
        texts = list(read_tagged_texts(path, file, seen))
        if not texts:
            raise ZooError(f"{path} holds no items")
        scheme = self._scheme_of(texts, path) if self.scheme else None
        items = tuple(self._item(text, scheme, path, seen) for text in texts)
        notes += [f"{file.path}: {what.format(n=n)}" for what, n in seen.items()]
        return items

    def _scheme_of(self, texts: Sequence[TaggedText], path: Path) -> str:
        """The scheme of a file, every tag of which must be of one. Raises ZooError with the line of one that isn't."""
        for text in texts:
            for number, tag in zip(text.lines, text.tags, strict=False):
                if not TAG.fullmatch(tag):
                    raise ZooError(f"{path}:{number}: the tag {tag!r:.60} is neither O nor a letter and a type, as B-PER")
        try:
            return recognised(text.tags for text in texts)
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from None

    def _item(self, text: TaggedText, scheme: str | None, path: Path, seen: Counter[str]) -> Example:
        kind = task_kind(self)
        words = [self._word(word, f"{path}:{line}", seen) for word, line in zip(text.words, text.lines, strict=True)]
        label = tuple(self._ids(text, scheme, path, seen)) if text.tags else None
        return Example(kind.joined(words), label=label)

    def _word(self, word: str, where: str, seen: Counter[str]) -> str:
        if self.options.get("words") == "characters":
            if len(word) != 1:
                raise ZooError(f"{where}: {word!r:.60} has {len(word)} characters; task {self.name!r} has one a line")
            return word
        if len(word.split()) == 1 and word.split()[0] == word:
            return word
        seen[f"{{n}} words hold white space, written {IN_PLACE_OF_SPACE}"] += 1
        return IN_PLACE_OF_SPACE.join(word.split()) or IN_PLACE_OF_SPACE

    def _ids(self, text: TaggedText, scheme: str | None, path: Path, seen: Counter[str]) -> Iterator[int]:
        """The label's ids of a text's tags. Raises ZooError for an unknown one, or a wrong sequence to be refused."""
        tags = text.tags
        if self.scheme and scheme:
            self._check_types(text, path)
            place = first_wrong(tags, scheme)
            if place is not None:
                if self.wrong_sequences == "refuse":
                    before = tags[place - 1] if place else "the beginning"
                    raise ZooError(
                        f"{path}:{text.lines[place]}: {tags[place]} after {before} is wrong in {scheme}; "
                        "mend it, or set wrong_sequences to repair"
                    )
                seen[f"{{n}} texts have wrong sequences of {scheme}; repaired as seqeval reads them"] += 1
            tags = convert_tags(tags, self.scheme)
        for tag, line in zip(tags, text.lines, strict=True):
            if tag not in self.labels:
                raise ZooError(f"{path}:{line}: {UnknownName('tag', tag[:60], self.labels)}")
            yield self.labels.index(tag)

    def _check_types(self, text: TaggedText, path: Path) -> None:
        known = types_of(self.labels)
        for tag, line in zip(text.tags, text.lines, strict=True):
            if tag[2:] and tag[2:] not in known:
                raise ZooError(f"{path}:{line}: {UnknownName('entity type', tag[2:62], known)}")


def read_tagged_texts(path: Path, file: ConllFile, seen: Counter[str] | None = None) -> Iterator[TaggedText]:
    """The texts of a file; what is skipped is counted in `seen`. Raises ZooError with file and line.

    A line before a text's first word that begins with # and has not the columns of a word is a comment.
    """
    divided, width, text = _divider(path), 0, TaggedText()
    for number, line in read_lines(path):
        cells = divided(line)
        if not line.strip() or cells[0] == DOCUMENT:
            if text.words:
                yield text
                text = TaggedText()
        elif not text.words and _is_comment(cells, width):
            continue
        elif width and len(cells) != width or (width == 1 and not cells[0]):
            if not file.skip_malformed:
                raise ZooError(f"{path}:{number}: has {len(cells)} columns, and the lines before have {width}")
            if seen is not None:
                seen[f"left out {{n}} lines that do not have {width} columns"] += 1
        else:
            width = width or _checked_width(cells, file, f"{path}:{number}")
            _add(text, cells, file, f"{path}:{number}")
            text.lines.append(number)
    if text.words:
        yield text


def _add(text: TaggedText, cells: Sequence[str], file: ConllFile, where: str) -> None:
    word = cells[file.word_column]
    if not word:
        raise ZooError(f"{where}: has no word in column {file.word_column + 1}")
    text.words.append(word)
    if len(cells) > 1:
        text.tags.append(cells[file.tag_column])


def _divider(path: Path) -> Callable[[str], list[str]]:
    """What divides the lines of a file: tabs if the first line of text has one, else spaces."""
    for _, line in read_lines(path):
        if line.strip() and not line.startswith(("#", DOCUMENT)):
            if "\t" in line:
                return lambda line: [cell.strip(" ") for cell in line.split("\t")]
            break
    return lambda line: re.split(" +", line.strip(" "))


def _is_comment(cells: Sequence[str], width: int) -> bool:
    if not cells[0].startswith("#"):
        return False
    return len(cells) != width if width else not TAG.fullmatch(cells[-1])


def _checked_width(cells: Sequence[str], file: ConllFile, where: str) -> int:
    """The number of columns of a file by its first line. Raises ZooError if words and tags cannot be among them."""
    n = len(cells)
    if n > MOST_COLUMNS:
        raise ZooError(f"{where}: has {n} columns; a word, its tag and at most two others between them are read")
    if n > 1 and not (-n <= file.tag_column < n and file.word_column < n):
        raise ZooError(f"{where}: has {n} columns, and the tag should be in column {file.tag_column + 1}")
    return n
