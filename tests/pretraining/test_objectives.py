"""Which pairs are made, what is predicted, and from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import zoo_bert
import zoo_roberta
from zoo import IGNORE, Batch, Catalog, Dims, Encoding, Masking, Objective, Offers, Packing, Variant, ZooError, part
from zoo.core.corpus import TokenCorpus
from zoo.model import Model
from zoo.text.collate import collate
from zoo.text.masking import Unmasked
from zoo.text.pretraining_data import PretrainingData
from zoo.text.tokenizing import tokenize
from zoo_albert.objective import SentenceOrder
from zoo_bert.masking import WholeWordMasking
from zoo_bert.objective import NextSentence, NextToken
from zoo_bert.packing import SegmentPair
from zoo_bert.tokenizer import WordPiece

DIMS = Dims(
    vocab_size=89, embedding_width=24, hidden_width=24, n_layers=3, n_heads=2, ffn_width=44, max_length=32, dropout=0.0
)
CATALOG = Catalog.installed()
LTR = "bert-tiny+objectives=bert.ltr+masking=bert.unmasked"

WORDS = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(20) for j in range(20)]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.train([" ".join(WORDS)] * 2, 1_000)


@pytest.fixture(scope="module")
def corpus(tokenizer: WordPiece) -> TokenCorpus:
    """Every document counts through the words from a place of its own, so that order and document can be read off."""
    rng = np.random.default_rng(0)
    documents = []
    for document in range(300):
        n, size = rng.integers(1, 9), 4
        words = [WORDS[(document * 37 + i) % len(WORDS)] for i in range(n * size)]
        documents.append([" ".join(words[i : i + size]) for i in range(0, len(words), size)])
    return tokenize(documents, tokenizer)


def batches(
    corpus: TokenCorpus, tokenizer: WordPiece, packing: Packing, masking: Masking, *objectives: Objective
) -> list[Batch]:
    data = PretrainingData(
        corpus, tokenizer, packing, {str(n): objective.prepare for n, objective in enumerate(objectives)}, masking,
        sequence_length=24, batch_tokens=240, seed=1,
    )  # fmt: skip
    return [batch for epoch in range(3) for batch in data.epoch(epoch)]


def parts(batch: Batch) -> list[tuple[list[int], list[int]]]:
    """Each sequence's two texts."""
    found = []
    for ids, segments, special in zip(
        *(tensor.split(batch.layout.lengths) for tensor in (batch.ids, batch.segments, batch.special)), strict=True
    ):
        found.append((ids[(segments == 0) & ~special].tolist(), ids[(segments == 1) & ~special].tolist()))
    return found


def follows(corpus: TokenCorpus, document: int, ids: Sequence[int]) -> bool:
    """Whether ids stand next to each other in a document."""
    inside = set(pairwise(corpus.document(document).tolist()))
    return set(pairwise(ids)) <= inside


def test_a_next_sentence_is_of_another_document_half_of_the_time(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    labels = []
    for batch in batches(corpus, tokenizer, SegmentPair(), Unmasked(), NextSentence(DIMS)):
        for (first, second), label, document in zip(
            parts(batch), batch.labels["bert.nsp"].tolist(), batch.documents, strict=True
        ):
            assert follows(corpus, document, first)
            if label == 0:
                assert follows(corpus, document, second)
            labels.append(label)
    told = [label for label in labels if label != IGNORE]
    assert len(told) > max(1_000, 0.98 * len(labels))
    assert abs(np.mean(told) - 0.5) < 2 / len(told) ** 0.5


def test_a_swapped_pair_is_the_consecutive_one_the_other_way_round(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    whole = SegmentPair(short_seq_prob=0.0)
    labels = []
    for batch in batches(corpus, tokenizer, whole, Unmasked(), SentenceOrder(DIMS)):
        for (first, second), label, document in zip(
            parts(batch), batch.labels["albert.sop"].tolist(), batch.documents, strict=True
        ):
            assert follows(corpus, document, first) and follows(corpus, document, second)
            assert follows(corpus, document, [*second, *first] if label == 1 else [*first, *second])
            labels.append(label)
    told = [label for label in labels if label != IGNORE]
    assert len(told) > 0.6 * len(labels)
    assert abs(np.mean(told) - 0.5) < 2 / len(told) ** 0.5


def test_the_fallback_is_off_and_counted_where_switched_on(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    lone = SegmentPair(lone_sentences=True)
    with pytest.raises(ZooError, match="needs passages of two parts"):
        batches(corpus, tokenizer, lone, Unmasked(), SentenceOrder(DIMS))
    made = batches(corpus, tokenizer, lone, Unmasked(), SentenceOrder(DIMS, fallback=True))
    fallen = [
        (pair, document)
        for batch in made
        for pair, document, fell in zip(
            parts(batch), batch.documents, batch.labels["albert.sop.fallback"].tolist(), strict=True
        )
        if fell == 1
    ]
    assert len(fallen) > 100
    foreign = [not follows(corpus, document, second) for (_, second), document in fallen if len(second) > 1]
    assert np.mean(foreign) > 0.85  # some documents share words
    never = batches(corpus, tokenizer, SegmentPair(), Unmasked(), SentenceOrder(DIMS, fallback=True))
    assert not any("albert.sop.fallback" in batch.labels for batch in never)


def test_whole_words_are_hidden_together(tokenizer: WordPiece) -> None:
    rng = np.random.default_rng(0)
    starts = np.flatnonzero(tokenizer.word_starts)
    inside = np.setdiff1d(np.arange(tokenizer.vocab_size), [*starts, *tokenizer.special_ids, tokenizer.unk_id])
    words = [np.append(rng.choice(starts, 1), rng.choice(inside, rng.integers(0, 3))) for _ in range(4_000)]
    ids, sizes = np.concatenate(words).astype(np.int32), [len(word) for word in words]
    _, targets = WholeWordMasking().mask(ids, [len(ids)], np.zeros(len(ids), dtype=bool), tokenizer, rng)
    chosen = np.split(targets != IGNORE, np.cumsum(sizes)[:-1])
    assert all(word.all() or not word.any() for word in chosen)
    assert sum(word.sum() for word in chosen) == round(0.15 * len(ids))


def variant(expression: str) -> Variant:
    return CATALOG.variant(f"{expression}+dims.vocab_size=89")


def some_batch() -> Batch:
    rng = np.random.default_rng(0)
    encodings = []
    for length in (7, 3, 11, 3):
        special = np.zeros(length, dtype=bool)
        special[[0, -1]] = True
        encodings.append(Encoding(rng.integers(5, 89, length).astype(np.int32), np.zeros(length, np.int32), special))
    return collate(encodings)


def test_left_to_right_each_token_is_predicted_from_those_before_it() -> None:
    model = CATALOG.build(variant(LTR)).eval()
    batch = some_batch()
    output = model(batch)["bert.ltr"]
    sequences = batch.ids.split(batch.layout.lengths)
    assert torch.equal(output.targets, torch.cat([ids[1:] for ids in sequences]))
    changed = replace(batch, ids=torch.where(batch.layout.positions >= 2, (batch.ids + 1) % 89, batch.ids))
    early = torch.cat([torch.arange(length - 1) < 2 for length in batch.layout.lengths])
    assert torch.equal(model(changed)["bert.ltr"].logits[early], output.logits[early])
    assert not torch.equal(model(changed)["bert.ltr"].logits[~early], output.logits[~early])


def test_a_left_to_right_model_stays_one_in_fine_tuning() -> None:
    model = CATALOG.build(variant(LTR)).eval()
    head = NextToken(model.variant.dims)
    tuned = model.with_head("task", head).eval()
    assert isinstance(tuned, Model)
    batch = some_batch()
    changed = replace(batch, ids=torch.where(batch.layout.positions >= 2, (batch.ids + 1) % 89, batch.ids))
    early = batch.layout.positions < 2
    assert torch.equal(tuned.hidden(changed)[early], tuned.hidden(batch)[early])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("bert-tiny+objectives=bert.ltr", r"masking 'bert.static' hides text; exchange it, as \+masking=bert.unmasked"),
        (f"{LTR}+head.pooling=first", r"head.pooling='first' is a token that sees no other"),
        (
            "bert-tiny+objectives=bert.ltr,bert.nsp+masking=bert.unmasked",
            r"bert.ltr reads from left to right and its other objectives don't",
        ),
        ("bert-tiny+objectives.bert.nsp.weight=0", "option 'weight' of objective 'bert.nsp'"),
        ("bert-tiny+objectives.bert.nsp.weight=much", "option 'weight' of objective 'bert.nsp'"),
    ],
)
def test_what_does_not_go_together_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        CATALOG.check(CATALOG.variant(expression))


def test_left_to_right_needs_an_encoder_that_can() -> None:
    class Mixer(CATALOG.part("encoder", "bert.stack")):  # type: ignore[misc]
        can_be_causal = False

    catalog = Catalog.of(zoo_bert, zoo_roberta, acme=Offers(api_version=1, encoders={"acme.mixer": Mixer}))
    with pytest.raises(ZooError, match=r"which encoder 'acme\.mixer' cannot"):
        catalog.check(CATALOG.variant(LTR).swap("x", encoder=part("acme.mixer")))


def test_weights_are_options_of_objectives() -> None:
    model = CATALOG.build(variant("bert-tiny+objectives.bert.nsp.weight=0.25"))
    assert model.loss_weights == {"bert.mlm": 1.0, "bert.nsp": 0.25}
