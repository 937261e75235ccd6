"""Tasks of tags whose items lie in files of the CoNLL shared tasks' layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from zoo.core.errors import UnknownName, ZooError
from zoo.tasks.files import FilesTask
from zoo.tasks.kinds import task_kind
from zoo.tasks.kinds.token_classification import TokenClassification
from zoo.tasks.tagged_text import ConllFile, TaggedText, read_tagged_texts
from zoo.tasks.tagging import CHARACTERS, OUTSIDE, SCHEMES, TAG, entities, recognized, types_of, write_tags
from zoo.tasks.task import Dataset, Example, content_hash

IN_PLACE_OF_SPACE = "_"


class ConllTask(FilesTask):
    """A task of tags in files of this layout.

    `scheme` is that of the labels: files may be in any, which is recognized, and are converted. Without it, tags are
    taken as they are. A wrong sequence, such as I-PER after O in BIO, is repaired as seqeval reads it, which the notes
    say, or refused.
    """

    kind: str = "token-classification"
    files: Mapping[str, ConllFile]
    scheme: Literal["BIO", "BIOES", "BMES", "BILOU"] | None = None
    wrong_sequences: Literal["repair", "refuse"] = "repair"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            problem = self._tagging.problem()
        except ZooError as error:
            raise ValueError(str(error)) from None
        if problem:
            raise ValueError(f"a {self.kind} task {problem}")
        letters = {*SCHEMES[self.scheme]} if self.scheme else set()
        unfit = [label for label in self.labels if not TAG.fullmatch(label) or label[0] not in {"O", *letters}]
        if self.scheme and unfit:
            raise ValueError(f"the label {unfit[0]!r:.60} is no tag of the scheme {self.scheme}")
        return self

    @property
    def _tagging(self) -> TokenClassification:
        kind = task_kind(self)
        if not isinstance(kind, TokenClassification):
            raise ZooError(f"files of tagged words are read for token-classification, not for {self.kind}")
        return kind

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
                    "nothing can be learned from it"
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
        kind, ids = self._tagging, {label: index for index, label in enumerate(self.labels)}
        items = []
        for text in texts:
            words = self._words(text, path, seen)
            tags = self._converted(text, scheme, path, seen) if scheme else text.tags
            items.append(Example(kind.text_of(words), label=_label(tags, ids, text, path) if tags else None))
        notes += [f"{file.path}: {what.format(n=n)}" for what, n in seen.items()]
        return tuple(items)

    def _scheme_of(self, texts: Sequence[TaggedText], path: Path) -> str:
        """The scheme of a file whose tags have types of the task. Raises ZooError with the line of one that has not."""
        types = types_of(self.labels)
        for text in texts:
            for tag in dict.fromkeys(text.tags):
                where = f"{path}:{text.lines[text.tags.index(tag)]}"
                if not TAG.fullmatch(tag):
                    raise ZooError(f"{where}: the tag {tag!r:.60} is neither O nor a letter and a type, such as B-PER")
                if tag != OUTSIDE and tag[2:] not in types:
                    raise ZooError(f"{where}: {UnknownName('entity type', tag[2:62], types)}")
        try:
            return recognized(text.tags for text in texts)
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from None

    def _converted(self, text: TaggedText, scheme: str, path: Path, seen: Counter[str]) -> list[str]:
        """A text's tags in the scheme of the labels. Raises ZooError for a wrong sequence, if it is to be refused."""
        assert self.scheme
        found, n_words = list(entities(text.tags)), len(text.tags)
        right = write_tags(found, n_words, scheme)
        if right != text.tags:
            if self.wrong_sequences == "refuse":
                raise ZooError(
                    f"{path}:{_first_wrong(text, right)} in {scheme}; correct it, or have such sequences repaired"
                )
            seen[f"{{n}} texts have wrong sequences of {scheme}; repaired as seqeval reads them"] += 1
        return write_tags(found, n_words, self.scheme)

    def _words(self, text: TaggedText, path: Path, seen: Counter[str]) -> list[str]:
        """A text's words, fit to be joined. Raises ZooError if one is no character and should be."""
        if self.options.get("words") == CHARACTERS:
            for word, line in zip(text.words, text.lines, strict=True):
                if len(word) != 1:
                    raise ZooError(f"{path}:{line}: {word!r:.60} is not one character, as {self.name!r} has on a line")
            return text.words
        if all(word.split() == [word] for word in text.words):
            return text.words
        seen[f"{{n}} texts have words with white space, written {IN_PLACE_OF_SPACE}"] += 1
        return [IN_PLACE_OF_SPACE.join(word.split()) or IN_PLACE_OF_SPACE for word in text.words]


def _label(tags: Sequence[str], ids: Mapping[str, int], text: TaggedText, path: Path) -> tuple[int, ...]:
    """The ids of tags. Raises ZooError with the line of an unknown one."""
    try:
        return tuple([ids[tag] for tag in tags])
    except KeyError:
        place = next(place for place, tag in enumerate(tags) if tag not in ids)
        raise ZooError(f"{path}:{text.lines[place]}: {UnknownName('tag', tags[place][:60], ids)}") from None


def _first_wrong(text: TaggedText, right: Sequence[str]) -> str:
    """The line of the first tag that is wrong where it is, and what it follows."""
    place = next(place for place, pair in enumerate(zip(text.tags, right, strict=True)) if pair[0] != pair[1])
    before = text.tags[place - 1] if place else "the beginning"
    return f"{text.lines[place]}: {text.tags[place]} after {before} is wrong"
