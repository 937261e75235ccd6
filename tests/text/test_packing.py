"""Packings, on corpora whose ids count up from 100, so that an id tells its place in the text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from zoo import Packing, Passage, ZooError
from zoo.core.corpus import TokenCorpus
from zoo.text.packing import cut, partners
from zoo_bert.packing import SegmentPair
from zoo_roberta.packing import DocSentences, FullSentences, SentencePair

SEPARATOR = 3
FIRST = 100


def corpus_of(*documents: tuple[int, ...]) -> TokenCorpus:
    """A corpus with sentences of these lengths."""
    lengths = np.array([length for document in documents for length in document])
    return TokenCorpus(
        ids=np.arange(FIRST, FIRST + lengths.sum(), dtype=np.int32),
        sentence_offsets=np.append(0, np.cumsum(lengths)),
        document_offsets=np.append(0, np.cumsum([len(document) for document in documents])),
        separator=SEPARATOR,
    )


def random_corpus(n_documents: int, seed: int = 0, longest: int = 25) -> TokenCorpus:
    rng = np.random.default_rng(seed)
    return corpus_of(*(tuple(rng.integers(1, longest, rng.integers(1, 9)).tolist()) for _ in range(n_documents)))


def pack(packing: Packing, corpus: TokenCorpus, capacity: int, seed: int = 0) -> list[Passage]:
    return list(packing.pack(corpus, capacity, np.random.default_rng(seed)))


@dataclass(frozen=True)
class Places:
    """What can be asked of an id in the corpora of this file."""

    corpus: TokenCorpus

    def document(self, index: int) -> int:
        sentence = np.searchsorted(self.corpus.sentence_offsets, index - FIRST, side="right") - 1
        return int(np.searchsorted(self.corpus.document_offsets, sentence, side="right")) - 1

    def starts_sentence(self, index: int) -> bool:
        return index - FIRST in self.corpus.sentence_offsets


PACKINGS = [SegmentPair(), SegmentPair(short_seq_prob=1.0), SentencePair(), FullSentences(), DocSentences()]


@pytest.mark.parametrize("packing", PACKINGS, ids=lambda packing: type(packing).__name__)
@pytest.mark.parametrize("capacity", [5, 17, 61])
def test_every_token_is_in_some_passage(packing: Packing, capacity: int) -> None:
    corpus = random_corpus(200)
    seen: Counter[int] = Counter()
    for passage in pack(packing, corpus, capacity):
        seen.update(passage.first.tolist())
        seen.update([] if passage.second is None else passage.second.tolist())
    del seen[SEPARATOR]
    lonely = [corpus.document(i) for i in range(corpus.n_documents) if len(corpus.document(i)) == 1]
    unpaired = {int(ids[0]) for ids in lonely} if packing.pairs else set()
    assert set(seen) == set(corpus.ids.tolist()) - unpaired
    assert max(seen.values()) == (2 if packing.pairs else 1)


@pytest.mark.parametrize("packing", PACKINGS, ids=lambda packing: type(packing).__name__)
def test_the_same_seed_gives_the_same_passages(packing: Packing) -> None:
    corpus = random_corpus(50)
    for one, two in zip(pack(packing, corpus, 30), pack(packing, corpus, 30), strict=True):
        assert one.document == two.document
        assert np.array_equal(one.first, two.first)
        assert one.second is two.second is None or np.array_equal(one.second, two.second)


@pytest.mark.parametrize("packing", [SegmentPair(), SegmentPair(1.0), SentencePair()])
def test_the_parts_of_a_pair_are_neighbours_in_one_document_and_meet_between_sentences(packing: Packing) -> None:
    corpus = random_corpus(300)
    places = Places(corpus)
    for passage in pack(packing, corpus, 40):
        assert passage.second is not None
        both = np.concatenate([passage.first, passage.second])
        assert (np.diff(both) == 1).all()
        assert {places.document(int(index)) for index in both} == {passage.document}
        n_sentences = int(np.diff(corpus.document_offsets)[passage.document])
        cut_before, cut_between, _ = passage.cuts
        assert cut_before == (not places.starts_sentence(passage.first[0]))
        assert cut_between == (not places.starts_sentence(passage.second[0]))
        assert not cut_between or n_sentences == 1 or cut_before or longest(corpus, both) > 37 // 3


def longest(corpus: TokenCorpus, ids: np.ndarray) -> int:
    """The length of the longest sentence that ids are of."""
    sentences = np.searchsorted(corpus.sentence_offsets, ids - FIRST, side="right") - 1
    return int(np.diff(corpus.sentence_offsets)[sentences].max())


def test_a_segment_pair_takes_as_many_sentences_as_fit_from_front_or_back() -> None:
    corpus = corpus_of((3, 3, 3, 3, 3, 3, 3))
    found = {tuple(len(passage) for passage in pack(SegmentPair(0.0), corpus, 10, seed)) for seed in range(20)}
    assert found == {(9, 9, 6)}  # the seventh sentence, alone, comes with the one beside it once more
    begins = {int(pack(SegmentPair(0.0), corpus, 10, seed)[0].first[0]) - FIRST for seed in range(20)}
    assert begins == {0, 12}


@pytest.mark.parametrize("packing", [SegmentPair(), SegmentPair(1.0), SentencePair()])
@pytest.mark.parametrize("capacity", [5, 29, 61, 125])
def test_passages_of_pairs_fit_and_leave_no_id_out_however_long_sentences_are(packing: Packing, capacity: int) -> None:
    corpus = corpus_of((700,), (3, 400, 2, 90), (2, 2), *random_sizes())
    passages = pack(packing, corpus, capacity)
    assert max(map(len, passages)) <= capacity
    assert set(np.concatenate([both(passage) for passage in passages]).tolist()) == set(corpus.ids.tolist())


def random_sizes() -> list[tuple[int, ...]]:
    rng = np.random.default_rng(1)
    return [tuple(rng.integers(2, 80, rng.integers(1, 30)).tolist()) for _ in range(50)]


def both(passage: Passage) -> np.ndarray:
    assert passage.second is not None
    return np.concatenate([passage.first, passage.second])


def test_the_parts_of_segment_pairs_are_equally_long_in_the_mean() -> None:
    corpus = random_corpus(3_000)
    ahead = [len(p) - 2 * len(p.second) for p in pack(SegmentPair(0.0), corpus, 61) if p.second is not None]
    assert abs(np.mean(ahead)) < 4 * np.std(ahead) / len(ahead) ** 0.5


def test_segment_pairs_are_divided_at_every_border_with_equal_chance() -> None:
    corpus = corpus_of(*[(5, 5, 5, 5)] * 3_000)
    firsts = Counter(len(passage.first) for passage in pack(SegmentPair(0.0), corpus, 20))
    assert set(firsts) == {5, 10, 15}
    assert all(abs(count - 1_000) < 4 * (3_000 * (1 / 3) * (2 / 3)) ** 0.5 for count in firsts.values())


def test_a_tenth_of_the_documents_has_a_shorter_target() -> None:
    corpus = corpus_of(*[(1,) * 20] * 4_000)
    passages = Counter(passage.document for passage in pack(SegmentPair(0.1), corpus, 20))
    shorter = sum(count > 1 for count in passages.values())
    share = 0.1 * 18 / 19  # a target drawn from 2 to 20 may be the full length
    assert abs(shorter - 4_000 * share) < 4 * (4_000 * share * (1 - share)) ** 0.5


def test_the_only_sentence_of_a_document_is_divided_itself_and_a_single_token_makes_no_pair() -> None:
    for packing in (SegmentPair(), SentencePair()):
        made = pack(packing, corpus_of((6,), (1,), (2,)), 20)
        assert [passage.document for passage in made] == [0, 2]
        assert all(len(passage.first) and passage.second is not None and len(passage.second) for passage in made)


def test_sentence_pairs_hold_one_sentence_each() -> None:
    corpus = corpus_of((2, 3, 4), (5, 6))
    made = [(len(p.first), len(p.second)) for p in pack(SentencePair(), corpus, 20) if p.second is not None]
    assert made == [(2, 3), (3, 4), (5, 6)]


def test_full_sentences_run_on_over_a_separator() -> None:
    corpus = corpus_of((3, 2), (2, 1), (4,))
    made = [passage.first.tolist() for passage in pack(FullSentences(), corpus, 8)]
    assert made == [[100, 101, 102, 103, 104, SEPARATOR, 105, 106], [107, SEPARATOR, 108, 109, 110, 111]]
    assert [passage.document for passage in pack(FullSentences(), corpus, 8)] == [0, 1]


def test_doc_sentences_stop_at_the_end_of_a_document() -> None:
    corpus = corpus_of((3, 2), (2, 1), (4,))
    made = [passage.first.tolist() for passage in pack(DocSentences(), corpus, 8)]
    assert made == [[100, 101, 102, 103, 104], [105, 106, 107], [108, 109, 110, 111]]


@pytest.mark.parametrize("packing", [FullSentences(), DocSentences()])
def test_a_sentence_longer_than_a_sequence_is_cut_into_equal_pieces(packing: Packing) -> None:
    made = [passage.first.tolist() for passage in pack(packing, corpus_of((2, 9), (4,)), 4)]
    assert made == [[100, 101], [102, 103, 104], [105, 106, 107], [108, 109, 110], [111, 112, 113, 114]]


@pytest.mark.parametrize("capacity", [6, 30, 61])
def test_full_sentences_are_whole_fit_and_leave_no_room_for_the_next(capacity: int) -> None:
    corpus = random_corpus(300, longest=capacity + 1)
    places = Places(corpus)
    passages = pack(FullSentences(), corpus, capacity)
    starts = (FIRST + corpus.sentence_offsets[:-1]).tolist()
    lengths = dict(zip(starts, np.diff(corpus.sentence_offsets).tolist(), strict=True))
    for passage, following in pairwise(passages):
        ids = passage.first
        assert len(ids) <= capacity
        assert places.starts_sentence(ids[0]) and SEPARATOR not in (ids[0], ids[-1])
        assert passage.document == places.document(int(ids[0]))
        across = places.document(int(ids[-1])) != following.document
        assert len(ids) + across + lengths[int(following.first[0])] > capacity
        borders = [places.document(int(a)) != places.document(int(b)) for a, b in neighbors(ids)]
        assert sum(borders) == (ids == SEPARATOR).sum()


def neighbors(ids: np.ndarray) -> list[tuple[int, int]]:
    text = ids[ids != SEPARATOR].tolist()
    return list(pairwise(text))


def test_doc_sentences_never_cross_a_document() -> None:
    corpus = random_corpus(300)
    places = Places(corpus)
    for passage in pack(DocSentences(), corpus, 30):
        assert len(passage.first) <= 30
        assert {places.document(int(index)) for index in passage.first} == {passage.document}


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ZooError, match=r"short_seq_prob=1\.5"):
        SegmentPair(1.5)


# Partners


def test_partners_are_of_different_kinds_near_each_other_and_in_one_pair_each() -> None:
    rng = np.random.default_rng(0)
    places, kinds = rng.integers(0, 200, 3_000).tolist(), rng.integers(0, 40, 3_000).tolist()
    pairs = list(partners(places, kinds, rng))
    used = [index for pair in pairs for index in pair]
    assert len(used) == len(set(used)) > 2_950
    assert all(kinds[one] != kinds[other] for one, other in pairs)
    assert np.mean([places[one] != places[other] for one, other in pairs]) < 0.2
    assert max(abs(places[one] - places[other]) for one, other in pairs) <= 2


def test_of_a_kind_that_most_are_of_only_the_surplus_finds_no_partner() -> None:
    assert len(list(partners([0] * 8, ["a"] * 5 + ["b"] * 3, np.random.default_rng(0)))) == 3
    assert not list(partners([0] * 5, ["a"] * 5, np.random.default_rng(0)))


# Cutting


@pytest.mark.parametrize(
    ("lengths", "capacity", "left"),
    [
        ((3, 4), 7, (3, 4)),
        ((9, 2), 7, (5, 2)),
        ((2, 9), 7, (2, 5)),
        ((9, 9), 7, (4, 3)),
        ((3, 9), 7, (3, 4)),
        ((9, 9), 8, (4, 4)),
    ],
)
def test_the_longer_part_is_cut_first(lengths: tuple[int, int], capacity: int, left: tuple[int, int]) -> None:
    corpus = corpus_of(lengths)
    made = cut(Passage(0, corpus.sentence(0), corpus.sentence(1)), capacity, np.random.default_rng(0))
    assert made.second is not None
    assert (len(made.first), len(made.second)) == left == step_by_step(*lengths, capacity)


def step_by_step(n_first: int, n_second: int, capacity: int) -> tuple[int, int]:
    """truncate_seq_pair's own loop over lengths."""
    while n_first + n_second > capacity:
        n_first, n_second = (n_first - 1, n_second) if n_first > n_second else (n_first, n_second - 1)
    return n_first, n_second


def test_front_and_back_lose_each_token_with_equal_chance() -> None:
    corpus, rng = corpus_of((14, 5)), np.random.default_rng(0)
    passage = Passage(0, corpus.sentence(0), corpus.sentence(1), {"label": 1})
    made = [cut(passage, 15, rng) for _ in range(4_000)]
    assert {len(one.first) for one in made} == {10}
    from_front = Counter(int(one.first[0]) - FIRST for one in made)  # of 4 dropped tokens: binomial(4, 1/2)
    for n, ways in enumerate((1, 4, 6, 4, 1)):
        share = ways / 16
        assert abs(from_front[n] - 4_000 * share) < 4 * (4_000 * share * (1 - share)) ** 0.5
    assert all((np.diff(one.first) == 1).all() and one.labels == {"label": 1} for one in made)


def test_a_single_part_is_cut_too() -> None:
    assert len(cut(Passage(0, corpus_of((9,)).ids), 4, np.random.default_rng(0)).first) == 4
