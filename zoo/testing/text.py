"""Checks of tokenizers, packings and maskings."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from zoo.core.batch import IGNORE
from zoo.core.interfaces import Masking, Packing, Tokenizer
from zoo.testing.material import Words, four_deviations, small_corpus
from zoo.text.packing import cut


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Text survives encoding, special tokens frame it, files bring the same tokenizer back."""
    text = "the old judge helped a sailor."
    ids = tokenizer.encode([text])[0]
    assert len(ids) and not set(ids.tolist()) & set(tokenizer.special_ids), "plain text became special tokens"
    assert "".join(tokenizer.decode(ids.tolist()).split()) == "".join(text.split()), "the text does not come back"
    for second in (None, ids):
        joined = tokenizer.join(ids, second, 512)
        size = len(ids) + (0 if second is None else len(second))
        assert len(joined) == size + tokenizer.n_special(second is not None), (
            "n_special is not the number of tokens that join adds"
        )
        assert int(joined.special.sum()) == len(joined) - size, "the special tokens are not marked"
        assert len(tokenizer.join(ids, second, 9)) == 9, "join does not cut to max_length"
    assert len(tokenizer.word_starts) == tokenizer.vocab_size, "word_starts should be [V]"
    with TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        restored = type(tokenizer).load(Path(folder))
        assert np.array_equal(restored.encode([text])[0], ids), "a saved tokenizer gives other ids"
        assert restored.vocab_size == tokenizer.vocab_size, "a saved tokenizer has another size"


def check_packing(packing: Packing) -> None:
    """Passages fit once cut, have the parts that are promised, and come out the same for the same generator."""
    corpus = small_corpus()
    capacity = 24
    passages = list(packing.pack(corpus, capacity, np.random.default_rng(0)))
    assert passages, "no passage was made"
    again = list(packing.pack(corpus, capacity, np.random.default_rng(0)))
    assert len(passages) == len(again), "the same generator packs differently"
    for whole, same in zip(passages, again, strict=True):
        assert np.array_equal(whole.first, same.first), "the same generator packs differently"
        passage = cut(whole, capacity, np.random.default_rng(0))
        size = len(passage.first) + (0 if passage.second is None else len(passage.second))
        assert 0 < size <= capacity, f"a passage has {size} ids; at most {capacity} fit"
        assert (passage.second is not None) or not packing.pairs, (
            "a packing of pairs made a passage without a second part"
        )


def check_masking(masking: Masking) -> None:
    """Special tokens stay, targets are the hidden ids, draws differ, and shares are those that the options say.

    Shares are held to four standard deviations over thousands of tokens: of tokens hidden, replaced and kept, and of
    each id among the replacements.
    """
    corpus_ids, lengths, special, tokenizer = _masking_data()
    seen, targets = masking.mask(corpus_ids, lengths, special, tokenizer, np.random.default_rng(0))
    chosen = targets != IGNORE
    if not masking.masks_tokens:
        assert not chosen.any() and (seen == corpus_ids).all(), "a masking that hides nothing changed something"
        return
    assert not (chosen & special).any(), "a special token is to be predicted"
    assert (targets[chosen] == corpus_ids[chosen]).all(), "a target is not the token that stood there"
    assert (seen[~chosen] == corpus_ids[~chosen]).all(), "a token that is not to be predicted was changed"
    rate = getattr(masking, "rate", 0.15)
    share = chosen.sum() / (~special).sum()
    assert abs(share - rate) < 0.25 * rate, f"{share:.3f} of the tokens are chosen; the rate is {rate}"
    replaced = np.isin(seen[chosen], tokenizer.special_ids) & (seen[chosen] != tokenizer.mask_id)
    assert not replaced.any(), "a token was replaced by a special one other than the mask"
    again, _ = masking.mask(corpus_ids, lengths, special, tokenizer, np.random.default_rng(0))
    other, _ = masking.mask(corpus_ids, lengths, special, tokenizer, np.random.default_rng(1))
    assert (seen == again).all(), "the same generator draws different masks"
    assert (seen != other).any(), "different generators draw the same mask"
    now, before = seen[chosen], corpus_ids[chosen]
    words = tokenizer.vocab_size - len({*tokenizer.special_ids, tokenizer.unk_id})
    changed = getattr(masking, "random_share", 0.1) * (1 - 1 / words)  # a random word may be the same again
    for fate, met, wanted in (
        ("hidden", now == tokenizer.mask_id, getattr(masking, "mask_share", 0.8)),
        ("replaced", (now != tokenizer.mask_id) & (now != before), changed),
    ):
        assert abs(met.mean() - wanted) <= four_deviations(len(now), wanted), (
            f"{met.mean():.3f} are {fate}, not {wanted:.3f}"
        )
    counts = np.bincount(now[(now != tokenizer.mask_id) & (now != before)], minlength=tokenizer.vocab_size)
    if counts.sum() > 1_000:
        even = counts.sum() / words
        odd = np.abs(counts[counts > 0] - even).max() / math.sqrt(even)
        assert odd < 5, f"some word replaces others {odd:.1f} standard deviations more or less often than it should"


def _masking_data() -> tuple[Any, list[int], Any, Tokenizer]:
    tokenizer = Words()
    rng = np.random.default_rng(1)
    lengths = rng.integers(20, 60, 1_500).tolist()
    ids = rng.integers(5, tokenizer.vocab_size, sum(lengths)).astype(np.int32)
    special = np.zeros(len(ids), dtype=bool)
    ends = np.cumsum(lengths)
    special[ends - 1] = special[ends - lengths] = True
    ids[special] = tokenizer.sep_id
    return ids, lengths, special, tokenizer
