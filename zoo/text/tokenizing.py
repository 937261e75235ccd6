"""Documents to ids, many sentences at a time, so that a text may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np

from zoo.core.batch import Ids
from zoo.core.corpus import Offsets, TokenCorpus, offsets
from zoo.core.errors import ZooError
from zoo.core.interfaces import Tokenizer

SENTENCES_AT_ONCE = 20_000
"""The Rust library's encodings are many times larger than the ids that are taken from them."""


@dataclass(frozen=True, eq=False)
class TokenizedDocuments:
    """Some documents as ids, without sentences and documents that hold no token.

    `sentence_lengths` counts ids, `document_lengths` counts sentences.
    """

    ids: Ids
    sentence_lengths: Offsets
    document_lengths: Offsets


def tokenize(documents: Iterable[Sequence[str]], tokenizer: Tokenizer) -> TokenCorpus:
    """Documents, each given as its sentences, as a corpus in memory. Raises ZooError if none holds a token."""
    parts = [part for part in tokenized(documents, tokenizer) if len(part.ids)]
    if not parts:
        raise no_text()
    return TokenCorpus(
        ids=np.concatenate([part.ids for part in parts]),
        sentence_offsets=offsets(np.concatenate([part.sentence_lengths for part in parts])),
        document_offsets=offsets(np.concatenate([part.document_lengths for part in parts])),
        separator=tokenizer.sep_id,
    )


def tokenized(documents: Iterable[Sequence[str]], tokenizer: Tokenizer) -> Iterator[TokenizedDocuments]:
    """The same a part at a time. The next part is encoded, by the tokenizer's own threads, while this one is used."""
    with ThreadPoolExecutor(1) as worker:
        waiting = []
        for part in _parts(documents):
            waiting.append(worker.submit(_encoded, part, tokenizer))
            if len(waiting) == 2:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def no_text() -> ZooError:
    """The error where no document holds a token."""
    return ZooError("the corpus holds no text; give documents with at least one sentence")


def _encoded(documents: list[Sequence[str]], tokenizer: Tokenizer) -> TokenizedDocuments:
    encoded = tokenizer.encode(list(chain.from_iterable(documents)))
    sizes = np.array([len(document) for document in documents], dtype=np.int64)
    lengths = np.array([len(sentence) for sentence in encoded], dtype=np.int64)
    kept = np.add.reduceat((lengths > 0).astype(np.int64), np.cumsum(sizes) - sizes)
    ids = np.concatenate(encoded).astype(np.int32, copy=False)
    return TokenizedDocuments(ids, lengths[lengths > 0], kept[kept > 0])


def _parts(documents: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """Documents with at least one sentence, in lists of about SENTENCES_AT_ONCE sentences."""
    part: list[Sequence[str]] = []
    n = 0
    for document in documents:
        if document:
            part.append(document)
            n += len(document)
        if n >= SENTENCES_AT_ONCE:
            yield part
            part, n = [], 0
    if part:
        yield part
