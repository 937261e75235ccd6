"""A corpus as ids, held flat, so that a sentence or a document is a slice of one array."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from zoo.batch import Ids
from zoo.errors import ZooError
from zoo.interfaces import Tokenizer

Offsets = NDArray[np.int64]

_SENTENCES_AT_ONCE = 10_000  # the Rust library's encodings are many times larger than the ids taken from them


@dataclass(frozen=True, eq=False)
class TokenCorpus:
    """Documents of sentences of ids, end to end, without special tokens.

    `sentence_offsets` counts ids and `document_offsets` counts sentences; both begin with 0 and end with the total.
    `separator` is the id that a packing may put between documents.
    """

    ids: Ids
    sentence_offsets: Offsets
    document_offsets: Offsets
    separator: int

    @classmethod
    def build(cls, documents: Iterable[Sequence[str]], tokenizer: Tokenizer) -> Self:
        """Encode documents, each given as its sentences; what holds no token is left out.

        Raises ZooError where nothing remains.
        """
        sentences: list[str] = []
        owners: list[int] = []
        for document, texts in enumerate(documents):
            sentences.extend(texts)
            owners.extend([document] * len(texts))
        encoded: list[Ids] = []
        for start in range(0, len(sentences), _SENTENCES_AT_ONCE):
            encoded.extend(tokenizer.encode(sentences[start : start + _SENTENCES_AT_ONCE]))
        lengths = np.array([len(ids) for ids in encoded], dtype=np.int64)
        if not lengths.any():
            raise ZooError("the corpus holds no text; give documents with at least one sentence")
        _, sizes = np.unique(np.array(owners)[lengths > 0], return_counts=True)
        ids = np.concatenate(encoded).astype(np.int32, copy=False)
        return cls(ids, _offsets(lengths[lengths > 0]), _offsets(sizes), tokenizer.sep_id)

    @property
    def n_tokens(self) -> int:
        """The number of ids."""
        return len(self.ids)

    @property
    def n_documents(self) -> int:
        """The number of documents."""
        return len(self.document_offsets) - 1

    def sentence(self, index: int) -> Ids:
        """The ids of one sentence; indices run through all documents."""
        return self.run(index, index + 1)

    def document(self, index: int) -> Ids:
        """The ids of one document."""
        return self.run(int(self.document_offsets[index]), int(self.document_offsets[index + 1]))

    def run(self, start: int, stop: int) -> Ids:
        """The ids of the sentences from `start` up to, not including, `stop`."""
        return self.ids[self.sentence_offsets[start] : self.sentence_offsets[stop]]

    def counts(self, vocab_size: int) -> NDArray[np.int64]:
        """How often each id occurs. [V]"""
        return np.bincount(self.ids, minlength=vocab_size)

    def reordered(self, order: Sequence[int] | NDArray[np.int64]) -> Self:
        """The same documents in another order."""
        spans = [slice(self.document_offsets[index], self.document_offsets[index + 1]) for index in order]
        lengths = np.diff(self.sentence_offsets)
        return type(self)(
            ids=np.concatenate([self.document(int(index)) for index in order]),
            sentence_offsets=_offsets(np.concatenate([lengths[span] for span in spans])),
            document_offsets=_offsets(np.diff(self.document_offsets)[order]),
            separator=self.separator,
        )

    @cached_property
    def content_hash(self) -> str:
        """A SHA-256 over the ids and where sentences and documents begin."""
        digest = hashlib.sha256(f"{self.separator}\n".encode())
        for part in (self.ids, self.sentence_offsets, self.document_offsets):
            digest.update(f"{len(part)}\n".encode() + part.astype("<i8").tobytes())
        return digest.hexdigest()


def _offsets(lengths: Offsets) -> Offsets:
    return np.concatenate([[0], np.cumsum(lengths)])
