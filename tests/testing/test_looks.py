"""What shows of pairs tells no label, on text made on the spot and on real text, at several lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from zoo import Objective, Packing, Passage
from zoo.core.corpus import TokenCorpus
from zoo.tasks.microworld import documents
from zoo.testing import DIMS
from zoo.testing.looks import guessed, looks
from zoo.text.documents import read_documents
from zoo.text.packing import cut
from zoo.text.sentences import split_sentences
from zoo_albert.objective import SentenceOrder
from zoo_bert.objective import NextSentence
from zoo_bert.packing import SegmentPair
from zoo_roberta.packing import SentencePair

pytestmark = pytest.mark.slow

STOP, OTHER = 1, 2
MOST = 120_000
"""So many tokens of each corpus are enough."""

Split = Callable[[str], Sequence[str]]


def corpus_of(texts: Iterable[Sequence[str]], split: Split) -> TokenCorpus:
    """Words, or characters, as ids that tell only whether they are a stop."""
    sentences, sizes, n_tokens = [], [], 0
    for document in texts:
        made = [np.array([STOP if token in ".!?。" else OTHER for token in split(text)], np.int32) for text in document]
        sentences += made
        sizes.append(len(made))
        n_tokens += sum(map(len, made))
        if n_tokens > MOST:
            break
    offsets = [np.cumsum([0, *lengths]) for lengths in (map(len, sentences), sizes)]
    return TokenCorpus(np.concatenate(sentences), offsets[0], offsets[1], separator=0)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, TokenCorpus]:
    """English encyclopedia and speeches by words, Chinese by characters."""
    lines = (shared_data / "ner" / "ResumeNER" / "train.char.bmes").read_text().splitlines()
    people = ["".join(line[0] for line in group) for filled, group in groupby(lines, bool) if filled]
    chinese = [[s for text in people[i : i + 8] for s in split_sentences(text)] for i in range(0, len(people), 8)]
    corpora = {
        name: corpus_of(read_documents([shared_data / "corpus" / f"{name}.txt"]), str.split)
        for name in ("wikitext2.valid", "us_speeches_pd")
    }
    return {**corpora, "chinese": corpus_of(chinese, list)}


def told(corpus: TokenCorpus, packing: Packing, objective: Objective, capacity: int) -> tuple[list[Passage], int]:
    """The passages that an objective gives a label, and how many there are in all."""
    rng = np.random.default_rng(0)
    passages = objective.prepare(list(packing.pack(corpus, capacity, rng)), corpus, rng)
    labelled = [cut(passage, capacity, rng) for passage in passages if objective.label in passage.labels]
    return labelled, len(passages)


def assert_untold(corpus: TokenCorpus, packing: Packing, objective: Objective, capacity: int) -> None:
    """The better of two classifiers is within the 95% margin of always saying the commonest label."""
    assert objective.label is not None
    passages, _ = told(corpus, packing, objective, capacity)
    labels = [passage.labels[objective.label] for passage in passages]
    stops = [(p.first[-1] == STOP, p.second is not None and p.second[-1] == STOP) for p in passages]
    right, majority = guessed(np.column_stack([looks(passages), np.array(stops)]), labels)
    assert right <= majority + 1.96 * (0.25 / len(labels)) ** 0.5


OBJECTIVES = [NextSentence(DIMS), SentenceOrder(DIMS)]
PACKINGS = [SegmentPair(), SegmentPair(short_seq_prob=1.0), SentencePair()]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.label)
@pytest.mark.parametrize("packing", PACKINGS, ids=lambda packing: type(packing).__name__)
def test_looks_tell_no_label_of_the_microworld(packing: Packing, objective: Objective) -> None:
    corpus = corpus_of(documents(1_500, 0), str.split)
    for capacity in (29, 61):
        assert_untold(corpus, packing, objective, capacity)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.label)
@pytest.mark.parametrize("name", ["wikitext2.valid", "us_speeches_pd", "chinese"])
@pytest.mark.parametrize("capacity", [29, 61, 125])
def test_looks_tell_no_label_of_real_text(
    real: dict[str, TokenCorpus], name: str, objective: Objective, capacity: int
) -> None:
    assert_untold(real[name], SegmentPair(), objective, capacity)


def test_nearly_all_pairs_of_real_text_have_a_next_sentence_label_and_most_an_order(
    real: dict[str, TokenCorpus],
) -> None:
    for name in ("wikitext2.valid", "us_speeches_pd"):
        for objective, least in zip(OBJECTIVES, (0.98, 0.6), strict=True):
            passages, n = told(real[name], SegmentPair(), objective, 125)
            assert len(passages) > least * n


def test_a_label_that_lengths_tell_is_guessed() -> None:
    corpus, rng = corpus_of(documents(500, 0), str.split), np.random.default_rng(0)
    passages = list(SegmentPair().pack(corpus, 61, rng))
    labels = [int(len(passage.first) + rng.normal(0, 12) > 20) for passage in passages]
    right, majority = guessed(looks(passages), labels)
    assert right > majority + 0.05
    right, majority = guessed(looks(passages), rng.integers(2, size=len(passages)).tolist())
    assert right < majority + 0.05


def test_foreign_texts_are_the_real_ones_of_other_passages() -> None:
    corpus, rng = corpus_of(documents(300, 0), str.split), np.random.default_rng(0)
    corpus = TokenCorpus(np.arange(corpus.n_tokens, dtype=np.int32), *corpus_offsets(corpus), separator=-1)
    before = list(SegmentPair().pack(corpus, 61, rng))
    after = NextSentence(DIMS).prepare(before, corpus, rng)
    owner = {int(p.second[0]): p.document for p in before if p.second is not None}
    for one, other in zip(before, after, strict=True):
        assert other.second is not None and one.second is not None
        assert (owner[int(other.second[0])] != other.document) == (other.labels.get("bert.nsp") == 1)
        if other.labels.get("bert.nsp") == 0:
            assert other.second[0] == one.second[0]
    assert len({int(p.second[0]) for p in after if p.second is not None}) == len(owner)


def corpus_offsets(corpus: TokenCorpus) -> tuple[np.ndarray, np.ndarray]:
    return corpus.sentence_offsets, corpus.document_offsets


def test_two_documents_are_enough_and_one_is_refused() -> None:
    two = corpus_of([["a b c d . e f .", "a b ."] * 6, ["d e f g .", "a b c ."] * 9], str.split)
    labels = {value for seed in range(5) for value in nsp_labels(two, seed)}
    assert labels == {0, 1}
    with pytest.raises(Exception, match="the corpus has one; separate documents by blank lines"):
        nsp_labels(corpus_of([["a b .", "c d ."]], str.split), 0)


def nsp_labels(corpus: TokenCorpus, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    made = NextSentence(DIMS).prepare(list(SegmentPair().pack(corpus, 12, rng)), corpus, rng)
    return [passage.labels["bert.nsp"] for passage in made if passage.labels]
