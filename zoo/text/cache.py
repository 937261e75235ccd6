"""A corpus tokenized once, on disk, and read from there as if it were in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydantic import ValidationError

from zoo.core.corpus import TokenCorpus
from zoo.core.errors import ZooError
from zoo.core.files import locked, make_folder, sweep, write_folder
from zoo.core.interfaces import Tokenizer
from zoo.core.specs import Record
from zoo.text.tokenizing import no_text, tokenized

FORMAT = 1
"""Raised when documents come to be read or split otherwise, so that older caches are not taken."""

FACTS = "corpus.json"
FILES = {"ids": "<i4", "sentence_offsets": "<i8", "document_offsets": "<i8"}
"""The arrays on disk, and what their numbers are."""


class CorpusFacts(Record):
    """What a tokenized corpus holds, and what it was made of."""

    corpus_hash: str
    tokenizer_hash: str
    documents: int
    sentences: int
    tokens: int
    unknown: int
    separator: int


def hash_files(files: Iterable[Path]) -> str:
    """A SHA-256 over the contents of files, in order."""
    total = hashlib.sha256(f"documents, version {FORMAT}\n".encode())
    for path in files:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest() + path.suffix.encode())
        except OSError as error:
            raise ZooError(f"{path}: {error.strerror}") from error
    return total.hexdigest()


def hash_tokenizer(tokenizer: Tokenizer) -> str:
    """A SHA-256 over the files that the tokenizer saves."""
    with TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        return hash_files(sorted(Path(folder).rglob("*")))


def cached_corpus(
    folder: Path, corpus_hash: str, documents: Iterable[Sequence[str]], tokenizer: Tokenizer
) -> tuple[TokenCorpus, CorpusFacts]:
    """The corpus as ids, from `folder` if it is there, else tokenized and written there; never whole in memory.

    Documents are split into sentences while the tokenizer's own threads encode those that came before. Raises ZooError
    if there is no text, RunFailed if the disk refuses.
    """
    tokenizer_hash = hash_tokenizer(tokenizer)
    place = folder / hashlib.sha256(f"{corpus_hash} {tokenizer_hash}".encode()).hexdigest()[:32]
    if not place.is_dir():
        try:
            make_folder(folder)
        except ZooError as error:
            raise ZooError(f"{error}; tokenized text is kept there: give another folder with --cache") from None
        with locked(folder, wait=True):  # so that of two runs on the same text only one tokenizes it
            if not place.is_dir():
                sweep(folder)
                write_folder(place, lambda new: _write(new, corpus_hash, tokenizer_hash, documents, tokenizer))
    return _read(place)


def _write(
    folder: Path, corpus_hash: str, tokenizer_hash: str, documents: Iterable[Sequence[str]], tokenizer: Tokenizer
) -> None:
    n_tokens = n_sentences = n_documents = unknown = 0
    with ExitStack() as stack:
        ids, sentences, ends = (stack.enter_context((folder / f"{name}.bin").open("wb")) for name in FILES)
        for file in (sentences, ends):
            file.write(np.zeros(1, "<i8").tobytes())
        for part in tokenized(documents, tokenizer):
            ids.write(part.ids.astype("<i4", copy=False).tobytes())
            sentences.write((n_tokens + np.cumsum(part.sentence_lengths)).astype("<i8").tobytes())
            ends.write((n_sentences + np.cumsum(part.document_lengths)).astype("<i8").tobytes())
            n_tokens += len(part.ids)
            n_sentences += len(part.sentence_lengths)
            n_documents += len(part.document_lengths)
            unknown += int((part.ids == tokenizer.unk_id).sum())
    if not n_tokens:
        raise no_text()
    facts = CorpusFacts(
        corpus_hash=corpus_hash,
        tokenizer_hash=tokenizer_hash,
        documents=n_documents,
        sentences=n_sentences,
        tokens=n_tokens,
        unknown=unknown,
        separator=tokenizer.sep_id,
    )
    (folder / FACTS).write_text(facts.model_dump_json(indent=1), encoding="utf-8")


def _read(place: Path) -> tuple[TokenCorpus, CorpusFacts]:
    try:
        facts = CorpusFacts.model_validate_json((place / FACTS).read_bytes())
        sizes = (facts.tokens, facts.sentences + 1, facts.documents + 1)
        arrays = [
            np.memmap(place / f"{name}.bin", dtype=kind, mode="r", shape=(size,))
            for (name, kind), size in zip(FILES.items(), sizes, strict=True)
        ]
    except (OSError, ValueError, ValidationError) as error:
        raise ZooError(f"{place} is a broken cache ({' '.join(str(error).split()):.120}); delete it") from None
    return TokenCorpus(arrays[0], arrays[1], arrays[2], facts.separator), facts
