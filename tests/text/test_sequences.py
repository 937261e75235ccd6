"""Batches gathered from many sequences, beside those that are collated one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo import Catalog, Encoding
from zoo.core.batch import Joined
from zoo.text.collate import Sequences, collate
from zoo.text.encoding import encode_texts


@pytest.mark.parametrize("typed", [False, True])
def test_a_gathered_batch_is_a_collated_one(typed: bool) -> None:
    rng = np.random.default_rng(0)
    encodings = []
    for length in (5, 3, 9, 3, 1, 7):
        ids, segments = rng.integers(0, 99, length, dtype=np.int32), rng.integers(0, 2, length, dtype=np.int32)
        types = np.full(length, 3, dtype=np.int32) if typed and length > 4 else None
        encodings.append(Encoding(ids, segments, rng.random(length) < 0.3, types))
    sequences = Sequences(encodings)
    for indices in ([0, 1, 2, 3, 4, 5], [3, 1], [2], [5, 4, 1, 3]):
        found, wanted = sequences.batch(indices), collate([encodings[index] for index in indices])
        assert found.order == wanted.order and found.layout.lengths == wanted.layout.lengths
        for name, tensor in wanted.tensors().items():
            assert torch.equal(found.tensors()[name], tensor) and found.tensors()[name].dtype == tensor.dtype, name
    if typed:
        assert torch.equal(sequences.batch([0, 1]).token_types, collate(encodings[:2]).token_types)


def test_parts_and_lengths_are_those_of_the_sequences() -> None:
    rng = np.random.default_rng(0)
    ids = [rng.integers(0, 99, length, dtype=np.int32) for length in (5, 3, 9, 3)]
    encodings = [Encoding(its, np.zeros_like(its), its % 2 == 0) for its in ids]
    whole = np.concatenate(ids)
    joined = Sequences(Joined(whole, whole % 2 == 0, np.array([5, 3, 9, 3]), 0))
    for sequences in (Sequences(encodings), joined):
        assert list(sequences.each_length()) == sequences.lengths.tolist() == [5, 3, 9, 3] and len(sequences) == 4
        found, wanted = sequences[1:3].batch(), collate(encodings[1:3])
        again = sequences[:1].followed_by(sequences[1:])
        assert again is not None and again.batch().order == sequences.batch().order
        assert sequences[2:].lengths.tolist() == [9, 3] and len(sequences[4:]) == 0
        assert found.order == wanted.order and found.layout == wanted.layout
        assert all(torch.equal(found.tensors()[name], its) for name, its in wanted.tensors().items())


TEXTS = [
    "The dog saw the cat.",
    "",
    "a",
    "Every girl likes the old man in the garden. " * 4,
    "\u00e9\u00e8 <mask> [SEP] </s>",
]


@pytest.mark.parametrize("variant", ["bert-tiny", "roberta-tiny", "albert-tiny", "xlm-roberta-tiny", "gpt-tiny"])
@pytest.mark.parametrize("max_length", [4, 12, 128])
def test_texts_joined_at_once_are_those_joined_one_by_one(variant: str, max_length: int) -> None:
    catalog = Catalog.installed()
    tokenizer_class, options = catalog.tokenizer(catalog.variant(variant))
    tokenizer = tokenizer_class.train(TEXTS * 3, vocab_size=300, **options)
    wanted, n_cut = encode_texts(tokenizer, TEXTS, max_length)
    joined = tokenizer.encode_joined(TEXTS, max_length)
    assert joined is not None and joined.n_cut == n_cut and joined.lengths.tolist() == [len(one) for one in wanted]
    found, collated = Sequences(joined).batch(), collate(wanted)
    assert found.order == collated.order
    assert all(torch.equal(found.tensors()[name], its) for name, its in collated.tensors().items() if name != "types")
