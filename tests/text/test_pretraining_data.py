"""Batches for pre-training: what is in them, how full they are, and that seed and place alone decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from zoo import IGNORE, Batch, Masking, Packing, Passage, ZooError
from zoo.core.corpus import TokenCorpus
from zoo.text import pretraining_data
from zoo.text.pretraining_data import DataPosition, PretrainingData
from zoo.text.tokenizing import tokenize
from zoo_albert.masking import NGramMasking
from zoo_bert.masking import StaticMasking
from zoo_bert.packing import SegmentPair
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.masking import DynamicMasking
from zoo_roberta.packing import FullSentences

WORDS = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(10) for j in range(10)]


def documents(n: int) -> list[list[str]]:
    rng = np.random.default_rng(0)
    return [[" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(rng.integers(2, 9))] for _ in range(n)]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.train([" ".join(WORDS)] * 2, 400)


@pytest.fixture(scope="module")
def corpus(tokenizer: WordPiece) -> TokenCorpus:
    return tokenize(documents(250), tokenizer)


class Data:
    """Makes data over the one corpus, all choices open."""

    def __init__(self, corpus: TokenCorpus, tokenizer: WordPiece) -> None:
        self.corpus, self.tokenizer = corpus, tokenizer

    def __call__(
        self,
        packing: Packing,
        masking: Masking,
        prepares: Sequence[Callable[..., Any]] = (),
        batch_tokens: int = 400,
        seed: int = 1,
    ) -> PretrainingData:
        named = {prepare.__name__: prepare for prepare in prepares}
        return PretrainingData(
            self.corpus, self.tokenizer, packing, named, masking,
            sequence_length=40, batch_tokens=batch_tokens, seed=seed,
        )  # fmt: skip


@pytest.fixture
def data(corpus: TokenCorpus, tokenizer: WordPiece) -> Data:
    return Data(corpus, tokenizer)


Sequences = Counter[tuple[tuple[int, ...], tuple[int, ...]]]


def sequences(batches: Sequence[Batch]) -> Sequences:
    """What the model sees and predicts, sequence by sequence, whatever the batches."""
    found: Sequences = Counter()
    for batch in batches:
        for ids, targets in zip(
            *(tensor.split(batch.layout.lengths) for tensor in (batch.ids, batch.targets)), strict=True
        ):
            found[tuple(ids.tolist()), tuple(targets.tolist())] += 1
    return found


def unmasked(batches: Sequence[Batch]) -> Sequences:
    return sequences(
        [replace(b, ids=torch.where(b.targets == IGNORE, b.ids, b.targets), targets=b.ids * 0) for b in batches]
    )


def equal(one: Batch, other: Batch) -> bool:
    return (
        one.layout.lengths == other.layout.lengths
        and torch.equal(one.ids, other.ids)
        and torch.equal(one.targets, other.targets)
        and torch.equal(one.segments, other.segments)
        and one.labels.keys() == other.labels.keys()
        and all(torch.equal(one.labels[name], other.labels[name]) for name in one.labels)
    )


def label(passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> list[Passage]:
    return [replace(each, labels={**each.labels, "coin": int(rng.integers(2))}) for each in passages]


def test_one_epoch_reads_every_token_once(data: Data, corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    batches = list(data(FullSentences(), DynamicMasking()).epoch(0))
    read: Counter[int] = Counter()
    for ids, _ in unmasked(batches):
        read.update(ids)
    text = Counter(corpus.ids.tolist())
    assert {index: read[index] for index in text} == text
    assert set(read) - set(text) == {tokenizer.cls_id, tokenizer.sep_id}


def test_no_sequence_is_too_long_and_pairs_are_marked(data: Data, tokenizer: WordPiece) -> None:
    for batch in data(SegmentPair(), StaticMasking()).epoch(0):
        assert max(batch.layout.lengths) <= 40
        for ids, segments in zip(*(t.split(batch.layout.lengths) for t in (batch.ids, batch.segments)), strict=True):
            assert (ids == tokenizer.sep_id).sum() == 2
            assert segments.tolist() == sorted(segments.tolist()) and set(segments.tolist()) == {0, 1}


@pytest.mark.parametrize("batch_tokens", [60, 400, 3_000])
def test_batches_hold_nearly_the_same_number_of_tokens(data: Data, batch_tokens: int) -> None:
    for packing in (SegmentPair(), FullSentences()):
        sizes = [len(batch.ids) for batch in data(packing, DynamicMasking(), batch_tokens=batch_tokens).epoch(0)]
        n_least = -(-sum(sizes) // batch_tokens)
        share = sum(sizes) / n_least
        assert len(sizes) <= n_least
        assert share - 40 < min(sizes) and max(sizes) < share + 40 and share <= batch_tokens


def test_few_lengths_meet_in_a_batch(data: Data) -> None:
    batches = list(data(SegmentPair(), DynamicMasking()).epoch(0))
    lengths = [length for batch in batches for length in batch.layout.lengths]
    sets = [len(set(batch.layout.lengths)) for batch in batches]
    by_chance = np.random.default_rng(0).choice(lengths, (200, round(len(lengths) / len(batches))))
    assert np.mean(sets) < 0.6 * np.mean([len(set(row)) for row in by_chance.tolist()])


def test_static_masks_come_again_after_as_many_epochs_as_there_are_copies(data: Data) -> None:
    epochs = [list(data(SegmentPair(), StaticMasking(dupe_factor=3)).epoch(epoch)) for epoch in range(5)]
    copies = [sequences(batches) for batches in epochs]
    assert copies[0] == copies[3] and copies[1] == copies[4]
    assert len({frozenset(copy) for copy in copies[:3]}) == 3
    assert not all(equal(one, other) for one, other in zip(epochs[0], epochs[3], strict=True))  # in another order


def test_dynamic_masks_are_new_every_epoch(data: Data) -> None:
    made = [sequences(list(data(FullSentences(), DynamicMasking()).epoch(epoch))) for epoch in (0, 1, 10)]
    assert all(not (made[i] & made[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_one_copy_has_the_same_text_and_masks_every_epoch(data: Data) -> None:
    once = data(SegmentPair(), NGramMasking(dupe_factor=1), [label])
    assert sequences(list(once.epoch(0))) == sequences(list(once.epoch(7)))


@pytest.mark.parametrize("masking", [StaticMasking(dupe_factor=2), DynamicMasking(), NGramMasking()])
def test_the_seed_decides(data: Data, masking: Masking) -> None:
    one, two, other = (list(islice(data(SegmentPair(), masking, [label], seed=seed), 90)) for seed in (1, 1, 2))
    assert all(map(equal, one, two))
    assert not any(map(equal, one, other))


def test_what_one_objective_draws_moves_neither_another_nor_the_text(data: Data) -> None:
    def draws(passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> Sequence[Passage]:
        rng.random(3)
        return passages

    alone, beside = (
        list(data(SegmentPair(), DynamicMasking(), all_of).epoch(0)) for all_of in ([label], [draws, label])
    )
    assert all(map(equal, alone, beside)) and len(alone) == len(beside)


@pytest.mark.parametrize("place", [(0, 0), (0, 7), (1, 0), (2, 3)])
def test_reading_can_start_at_any_place(data: Data, place: tuple[int, int]) -> None:
    source = data(SegmentPair(), StaticMasking(dupe_factor=2), [label])
    sizes = [len(list(source.epoch(epoch))) for epoch in range(3)]
    before = sum(sizes[: place[0]]) + place[1]
    from_start = list(islice(source, before + 70))[before:]
    assert all(
        map(
            equal,
            from_start,
            islice((batch for batch, _ in source.starting_at(DataPosition(place[0], 0, place[1]))), 70),
        )
    )


def test_labels_stay_with_their_sequences_and_are_ignored_where_missing(data: Data) -> None:
    def even(passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> list[Passage]:
        return [p if p.first[0] % 2 else replace(p, labels={"first": int(p.first[0])}) for p in passages]

    for batch in data(FullSentences(), DynamicMasking(rate=0.01), [even, label]).epoch(0):
        original = torch.where(batch.targets == IGNORE, batch.ids, batch.targets)
        first = original[batch.layout.starts + 1]
        assert torch.equal(batch.labels["first"], torch.where(first % 2 == 0, first, IGNORE))
        assert set(batch.labels["coin"].tolist()) <= {0, 1}


def test_a_label_that_no_passage_gets_is_there_and_ignored(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    data = PretrainingData(
        corpus, tokenizer, SegmentPair(), {}, StaticMasking(), sequence_length=40, batch_tokens=400, seed=0,
        labels=["coin"],
    )  # fmt: skip
    batch = next(iter(data))
    assert batch.labels["coin"].tolist() == [IGNORE] * batch.layout.n_sequences


def test_objectives_see_the_passage_before_it_is_cut_and_know_its_document(data: Data) -> None:
    class Overflowing(SegmentPair):
        def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
            return super().pack(corpus, 2 * capacity, rng)

    lengths = []

    def look(passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> Sequence[Passage]:
        lengths.extend(map(len, passages))
        for passage in passages:
            assert set(passage.first.tolist()) <= set(corpus.document(passage.document).tolist())
        return passages

    batches = list(data(Overflowing(), StaticMasking(), [look]).epoch(0))
    assert max(lengths) > 37 >= max(length for batch in batches for length in batch.layout.lengths) - 3


@pytest.mark.parametrize("size", [1_000, 10_000_000])
def test_the_share_read_counts_each_id_of_the_corpus_once(
    data: Data, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    class First(FullSentences):
        def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
            whole = list(super().pack(corpus, capacity, rng))
            yield from [*whole[: len(whole) // 4]] * 2

    monkeypatch.setattr(pretraining_data, "SHARD_TOKENS", size)
    assert data(FullSentences(), DynamicMasking()).share_read() == 1.0
    assert data(SegmentPair(), StaticMasking()).share_read() == 1.0
    assert data(First(), DynamicMasking()).share_read() == pytest.approx(0.25, abs=0.05)


def test_lots_of_passages_are_about_equally_large(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def weigh(passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> Sequence[Passage]:
        sizes.append(sum(map(len, passages)))
        return passages

    monkeypatch.setattr(pretraining_data, "SHARD_TOKENS", 2_000)
    list(data(FullSentences(), DynamicMasking(), [weigh]).epoch(0))
    assert len(sizes) > 3 and min(sizes) > 0.9 * max(sizes)


def test_shards_bound_the_memory_and_lose_nothing(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = data(FullSentences(), DynamicMasking())
    text = unmasked(list(whole.epoch(0)))
    monkeypatch.setattr(pretraining_data, "SHARD_TOKENS", 2_000)
    assert unmasked(list(whole.epoch(0))) == text


def test_a_corpus_of_which_no_passage_can_be_made_is_refused(tokenizer: WordPiece) -> None:
    lonely = tokenize([["waa"], ["wbb"]], tokenizer)
    data = PretrainingData(
        lonely, tokenizer, SegmentPair(), {}, StaticMasking(), sequence_length=40, batch_tokens=80, seed=0
    )
    with pytest.raises(ZooError, match="SegmentPair makes no passage of this corpus"):
        next(iter(data))


def test_a_batch_smaller_than_a_sequence_is_refused(data: Data) -> None:
    with pytest.raises(ZooError, match="batch_tokens=39 is less than one sequence"):
        data(SegmentPair(), StaticMasking(), batch_tokens=39)
