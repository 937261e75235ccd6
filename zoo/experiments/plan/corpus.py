"""Where the pre-training text of a comparison comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zoo.core.specs import Record
from zoo.core.user_cache import kept
from zoo.registry.catalog import Catalog
from zoo.text.documents import text_files

EXAMPLES_PER_DOCUMENT = 8

MOST_KEPT = 50_000
"""The most documents of the microworld that are kept on disk: some 25 MB."""

SAMPLE = 250
"""Documents that show what a dry run needs to see."""


class MicroworldCorpus(Record):
    """Synthetic documents, generated when needed."""

    kind: Literal["microworld"] = "microworld"
    n_documents: Annotated[int, Field(ge=1, le=100_000_000)] = 5_000
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def description(self) -> str:
        """For the report."""
        return f"{self.n_documents:,} documents of the synthetic microworld"

    def sample(self) -> MicroworldCorpus:
        """The first documents."""
        return self.model_copy(update={"n_documents": min(self.n_documents, SAMPLE)})

    def documents(self, catalog: Catalog) -> Iterable[Sequence[str]]:
        """Documents as lists of sentences, from the user's cache if they are few and were made before."""
        from zoo.tasks.microworld import documents

        made = partial(documents, self.n_documents, self.seed)
        if self.n_documents > MOST_KEPT:
            yield from made()
        else:
            yield from kept("documents", self.model_dump_json(), "zoo.tasks.microworld", made)


class FilesCorpus(Record):
    """Text files given by the user."""

    kind: Literal["files"] = "files"
    paths: tuple[str, ...]

    @property
    def description(self) -> str:
        """For the report."""
        return ", ".join(self.paths)

    def documents(self, catalog: Catalog) -> Iterable[Sequence[str]]:
        """Documents as lists of sentences. Raises ZooError with file and line if a file cannot be read."""
        from zoo.text.documents import read_documents

        return read_documents([Path(path) for path in self.paths])


class TasksCorpus(Record):
    """The training text of the tasks themselves, without its labels."""

    kind: Literal["tasks"] = "tasks"
    tasks: tuple[str, ...]
    folder: str | None

    @property
    def description(self) -> str:
        """For the report."""
        return f"the unlabelled training text of {', '.join(self.tasks)} (no corpus was given)"

    def documents(self, catalog: Catalog) -> Iterable[Sequence[str]]:
        """Adjacent items as sentences, eight per document."""
        from zoo.text.sentences import split_sentences

        for name in self.tasks:
            task = catalog.task(name)
            items = task.load(Path(self.folder) if self.folder else None).splits[task.train_split]
            for start in range(0, len(items), EXAMPLES_PER_DOCUMENT):
                texts = [text for item in items[start : start + EXAMPLES_PER_DOCUMENT] for text in item.texts]
                yield [sentence for text in texts if text for sentence in split_sentences(text)]


CorpusSource = Annotated[MicroworldCorpus | FilesCorpus | TasksCorpus, Field(discriminator="kind")]


def corpus_hash(catalog: Catalog, corpus: MicroworldCorpus | FilesCorpus | TasksCorpus) -> str:
    """A SHA-256 of the text: the contents of files, as for `zoo pretrain`; every sentence of generated text.

    Raises ZooError if a file is missing or there is no text.
    """
    if isinstance(corpus, FilesCorpus):
        from zoo.text.cache import hash_files

        next(iter(corpus.documents(catalog)))
        return hash_files(text_files([Path(path) for path in corpus.paths]))
    total = hashlib.sha256()
    for document in corpus.documents(catalog):
        total.update("\n".join([*document, "\n"]).encode())
    return total.hexdigest()
