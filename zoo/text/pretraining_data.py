"""Batches for pre-training, epoch after epoch, every one of them a function of the seed and its place."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import IGNORE, Batch, Encoding, Ids, Passage
from zoo.core.corpus import TokenCorpus
from zoo.core.errors import ZooError
from zoo.core.interfaces import Masking, Packing, Tokenizer
from zoo.text.collate import collate
from zoo.text.packing import cut

Prepare = Callable[[Sequence[Passage], TokenCorpus, np.random.Generator], Sequence[Passage]]
"""An objective's `prepare`."""

Documents = NDArray[np.int64]

BLOCK_TOKENS = 16_000_000
"""Documents are shuffled over the whole corpus, then read into memory about so many tokens at a time."""
SHARD_TOKENS = 1_000_000
WINDOW_BATCHES = 16
"""Sequences are sorted by length among about as many as make this number of batches."""


class DataPosition(NamedTuple):
    """Where a batch stands: the epoch, the block of documents in it, and the batch in that, all counted from 0."""

    epoch: int = 0
    block: int = 0
    batch: int = 0


class PretrainingData:
    """A corpus as batches: documents shuffled, packed, prepared by the objectives, cut, masked, and batched by length.

    What the model reads depends on the seed and the copy alone. A masking with copies has that many, read in turn,
    epoch after epoch; without, every epoch is its own copy. Which sequences share a batch, and when it comes, is drawn
    again each epoch. `documents` are those to read, all if not given; every batch has the `labels` named, also where
    `prepare` gives one to no passage at all. A corpus on disk may be larger than memory.
    """

    def __init__(
        self,
        corpus: TokenCorpus,
        tokenizer: Tokenizer,
        packing: Packing,
        prepares: Mapping[str, Prepare],
        masking: Masking,
        *,
        sequence_length: int,
        batch_tokens: int,
        seed: int,
        documents: Documents | None = None,
        labels: Collection[str] = (),
    ) -> None:
        if batch_tokens < sequence_length:
            raise ZooError(f"batch_tokens={batch_tokens} is less than one sequence, sequence_length={sequence_length}")
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.packing = packing
        self.prepares = prepares
        self.masking = masking
        self.sequence_length = sequence_length
        self.capacity = sequence_length - tokenizer.n_special(packing.pairs)
        self.batch_tokens = batch_tokens
        self.seed = seed
        self.labels = labels
        self.documents = np.arange(corpus.n_documents) if documents is None else documents

    def __iter__(self) -> Iterator[Batch]:
        """Batches without end."""
        return (batch for batch, _ in self.starting_at(DataPosition()))

    def starting_at(self, place: DataPosition) -> Iterator[tuple[Batch, DataPosition]]:
        """The batches from a place on, without end, each with the place of the one after it."""
        for epoch in count(place.epoch):
            yield from self._placed(epoch, place if epoch == place.epoch else DataPosition(epoch))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """One pass over the corpus, in batches of nearly the same number of tokens: `batch_tokens` or somewhat fewer.

        Raises ZooError if the packing makes nothing of the corpus.
        """
        return (batch for batch, _ in self._placed(epoch, DataPosition(epoch)))

    def _placed(self, epoch: int, start: DataPosition) -> Iterator[tuple[Batch, DataPosition]]:
        empty = True
        for block, documents in enumerate(self._blocks(self._copy(epoch))):
            if block < start.block:
                empty = False
                continue
            for number, batch in enumerate(self._block(epoch, block, documents)):
                empty = False
                if block > start.block or number >= start.batch:
                    yield batch, DataPosition(epoch, block, number + 1)
        if empty:
            raise ZooError(f"{type(self.packing).__name__} makes no passage of this corpus; give more text")

    def _copy(self, epoch: int) -> int:
        return epoch % self.masking.n_static_masks if self.masking.n_static_masks else epoch

    def _blocks(self, copy: int) -> list[Documents]:
        """A copy's documents in their order, in blocks small enough to be read into memory."""
        order = self.documents[self._rng("documents", copy).permutation(len(self.documents))]
        sizes = self.corpus.document_sizes[order]
        n_tokens = sizes.sum()
        block = (np.cumsum(sizes) - sizes) * -(-n_tokens // BLOCK_TOKENS) // n_tokens
        return np.split(order, np.flatnonzero(np.diff(block)) + 1)

    def _block(self, epoch: int, block: int, documents: Documents) -> Iterator[Batch]:
        order_rng, mask_rng = self._rng("order", epoch, block), self._rng("mask", self._copy(epoch), block)
        for passages, encodings in self._shards(self._copy(epoch), block, self.corpus.documents(documents)):
            seen, targets = self._mask(encodings, mask_rng)
            names = sorted({*self.labels, *(name for passage in passages for name in passage.labels)})
            for members in self._batches(np.array([len(encoding) for encoding in encodings]), order_rng):
                labels = {name: [passages[i].labels.get(name, IGNORE) for i in members] for name in names}
                origins = [int(documents[passages[i].document]) for i in members]
                yield collate([seen[i] for i in members], labels, [targets[i] for i in members], origins)

    def share_read(self) -> float:
        """The share of the ids that an epoch reads, found on the documents that the first one begins with."""
        documents = self._blocks(0)[0]
        sizes = np.cumsum(self.corpus.document_sizes[documents])
        some = self.corpus.documents(documents[: max(2, int(np.searchsorted(sizes, SHARD_TOKENS)) + 1)])
        read = np.zeros(some.n_tokens + 1, dtype=np.bool_)
        for passages in self._prepared(0, 0, replace(some, ids=np.arange(some.n_tokens, dtype=np.int32), separator=-1)):
            for passage in passages:
                read[passage.first] = True
                read[[] if passage.second is None else passage.second] = True
        return float(read[:-1].mean())

    def _shards(self, copy: int, block: int, corpus: TokenCorpus) -> Iterator[tuple[list[Passage], list[Encoding]]]:
        """A block's passages with their sequences, about a million tokens at a time, so that memory stays bounded."""
        for passages in self._prepared(copy, block, corpus):
            yield passages, [self.tokenizer.join(each.first, each.second, self.sequence_length) for each in passages]

    def _prepared(self, copy: int, block: int, corpus: TokenCorpus) -> Iterator[list[Passage]]:
        """A block's passages as the objectives want them, none too long."""
        prepares = [(prepare, self._rng(f"prepare {name}", copy, block)) for name, prepare in self.prepares.items()]
        cut_rng = self._rng("cut", copy, block)
        for passages in self._packed(corpus, self._rng("pack", copy, block)):
            for prepare, rng in prepares:
                passages = prepare(passages, corpus, rng)
            yield [cut(passage, self.capacity, cut_rng) for passage in passages]

    def _packed(self, corpus: TokenCorpus, rng: np.random.Generator) -> Iterator[Sequence[Passage]]:
        """A block's passages in lots of about the same size: in a small last one, too few could be partners."""
        n_lots = -(-corpus.n_tokens // SHARD_TOKENS)
        lot: list[Passage] = []
        lots = n_tokens = 0
        for passage in self.packing.pack(corpus, self.capacity, rng):
            lot.append(passage)
            n_tokens += len(passage)
            if n_tokens * n_lots >= corpus.n_tokens * (lots + 1) and lots + 1 < n_lots:
                yield lot
                lots, lot = lots + 1, []
        if lot:
            yield lot

    def _mask(self, encodings: Sequence[Encoding], rng: np.random.Generator) -> tuple[list[Encoding], list[Ids]]:
        """The sequences as the model sees them, and their targets, all drawn at once."""
        lengths = [len(encoding) for encoding in encodings]
        ids = np.concatenate([encoding.ids for encoding in encodings])
        special = np.concatenate([encoding.special for encoding in encodings])
        seen, targets = self.masking.mask(ids, lengths, special, self.tokenizer, rng)
        ends = np.cumsum(lengths).tolist()
        spans = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
        changed = [replace(e, ids=seen[span]) for span, e in zip(spans, encodings, strict=True)]
        return changed, [targets[span] for span in spans]

    def _batches(self, lengths: NDArray[np.int64], rng: np.random.Generator) -> list[list[int]]:
        """Which sequences go together: sorted by length within windows, filled evenly, then shuffled."""
        order = rng.permutation(len(lengths))
        window = np.cumsum(lengths[order]) // (WINDOW_BATCHES * self.batch_tokens)
        order = order[np.lexsort((lengths[order], window))]
        ends = np.cumsum(lengths[order])
        n_batches = -(-ends[-1] // self.batch_tokens)
        batch_of = (ends - 1) * n_batches // ends[-1]  # a batch takes the sequences that end in its even share
        batches = np.split(order, np.flatnonzero(np.diff(batch_of)) + 1)
        return [batches[i].tolist() for i in rng.permutation(len(batches))]

    def _rng(self, purpose: str, *place: int) -> np.random.Generator:
        """A generator of its own for each purpose and place, so that no choice moves another."""
        of_block = place[1:] if place[1:] != (0,) else ()
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode()), place[0], *of_block])
