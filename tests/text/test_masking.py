"""Maskings, against binomial bounds of four standard deviations."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from zoo import IGNORE, Flags, Ids, ZooError
from zoo.text.masking import TokenMasking
from zoo_albert.masking import NGramMasking
from zoo_bert.masking import StaticMasking, WholeWordMasking
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.masking import DynamicMasking

MASKINGS: list[TokenMasking] = [StaticMasking(), DynamicMasking(), NGramMasking(), WholeWordMasking()]


class StoredHeads(WordPiece):
    """A tokenizer of which only the vocabulary matters: every third piece goes on with a word."""

    def __init__(self) -> None:
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = range(5)
        self._special_ids = (self.pad_id, self.cls_id, self.sep_id, self.mask_id)
        self.vocab_size = 200
        self.word_starts = (np.arange(200) % 3 != 0) & (np.arange(200) > 4)


TOKENIZER = StoredHeads()


def packed(
    n_sequences: int, seed: int = 0, longest: int = 64, pieces: Ids | None = None
) -> tuple[Ids, list[int], Flags]:
    """Random sequences that begin and end with special tokens and have one more in between."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(6, longest + 1, n_sequences)
    ids = rng.choice(np.arange(5, 200) if pieces is None else pieces, lengths.sum()).astype(np.int32)
    starts = np.cumsum(lengths) - lengths
    special = np.zeros(len(ids), dtype=bool)
    special[starts] = special[starts + lengths - 1] = special[starts + lengths // 2] = True
    ids[special] = TOKENIZER.sep_id
    return ids, lengths.tolist(), special


def close(count: float, n: int, share: float) -> bool:
    return bool(abs(count - n * share) <= 4 * (n * share * (1 - share)) ** 0.5)


@pytest.fixture(params=MASKINGS, ids=lambda masking: type(masking).__name__)
def masking(request: pytest.FixtureRequest) -> TokenMasking:
    chosen: TokenMasking = request.param
    return chosen


def test_targets_are_the_hidden_tokens_and_nothing_else_changes(masking: TokenMasking) -> None:
    ids, lengths, special = packed(500)
    before = ids.copy()
    seen, targets = masking.mask(ids, lengths, special, TOKENIZER, np.random.default_rng(0))
    chosen = targets != IGNORE
    assert (ids == before).all()
    assert (targets[chosen] == ids[chosen]).all()
    assert (seen[~chosen] == ids[~chosen]).all()
    assert seen.dtype == targets.dtype == np.int32


def test_special_tokens_are_never_chosen_and_never_put_in(masking: TokenMasking) -> None:
    ids, lengths, special = packed(2_000)
    seen, targets = masking.mask(ids, lengths, special, TOKENIZER, np.random.default_rng(0))
    chosen = targets != IGNORE
    assert not (chosen & special).any()
    put_in = set(seen[chosen].tolist())
    assert put_in & {TOKENIZER.pad_id, TOKENIZER.cls_id, TOKENIZER.sep_id, TOKENIZER.unk_id} == set()
    assert put_in == {TOKENIZER.mask_id, *range(5, 200)}


def test_8_of_10_are_hidden_1_is_replaced_1_is_kept(masking: TokenMasking) -> None:
    ids, lengths, special = packed(6_000)
    seen, targets = masking.mask(ids, lengths, special, TOKENIZER, np.random.default_rng(0))
    chosen = targets != IGNORE
    n = int(chosen.sum())
    assert n > 25_000
    assert close((seen[chosen] == TOKENIZER.mask_id).sum(), n, 0.8)
    by_chance = 0.1 / 195  # a replacement may be the token itself
    assert close((seen[chosen] == ids[chosen]).sum(), n, 0.1 + by_chance)


@pytest.mark.parametrize(("mask_share", "random_share"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.5, 0.2)])
def test_the_shares_can_be_chosen(mask_share: float, random_share: float) -> None:
    ids, lengths, special = packed(2_000)
    masking = DynamicMasking(mask_share=mask_share, random_share=random_share)
    seen, targets = masking.mask(ids, lengths, special, TOKENIZER, np.random.default_rng(0))
    chosen = targets != IGNORE
    assert close((seen[chosen] == TOKENIZER.mask_id).sum(), int(chosen.sum()), mask_share)
    kept = (seen[chosen] == ids[chosen]).sum() / chosen.sum()
    assert abs(kept - (1 - mask_share - random_share)) < 0.03


@pytest.mark.parametrize(("rate", "limit"), [(0.15, None), (0.25, None), (0.15, 4), (0.001, None), (1.0, None)])
def test_each_sequence_has_the_number_of_predictions_of_the_original(rate: float, limit: int | None) -> None:
    ids, lengths, special = packed(300)
    chosen = predictions(StaticMasking(rate=rate, max_predictions=limit), ids, lengths, special)
    end = 0
    for length in lengths:
        start, end = end, end + length
        wanted = max(1, int(round(length * rate)))  # noqa: RUF046  # as google-research/bert writes it
        wanted = min(wanted, limit or wanted, int((~special[start:end]).sum()))
        assert chosen[start:end].sum() == wanted


def predictions(masking: TokenMasking, ids: Ids, lengths: list[int], special: Flags, seed: int = 0) -> Flags:
    _, targets = masking.mask(ids, lengths, special, TOKENIZER, np.random.default_rng(seed))
    chosen: Flags = targets != IGNORE
    return chosen


def test_every_token_is_chosen_equally_often() -> None:
    lengths = [12] * 20_000
    special = np.tile([True] + [False] * 10 + [True], 20_000)
    ids = np.where(special, TOKENIZER.sep_id, 7).astype(np.int32)
    chosen = predictions(StaticMasking(rate=0.25), ids, lengths, special).reshape(-1, 12)
    assert all(close(count, 20_000, 0.3) for count in chosen[:, 1:-1].sum(axis=0))


def test_sequences_without_text_have_no_predictions(masking: TokenMasking) -> None:
    special = np.array([True, True, True, False, True])
    ids = np.array([2, 3, 2, 7, 3], dtype=np.int32)
    chosen = predictions(masking, ids, [2, 3], special)
    assert chosen.tolist() == [False, False, False, True, False]


def test_the_generator_decides(masking: TokenMasking) -> None:
    data = packed(200)
    one, two, other = (predictions(masking, *data, seed=seed) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_copies_are_the_dupe_factor_or_none() -> None:
    assert [masking.n_static_masks for masking in MASKINGS] == [10, None, 40, 10]


# N-grams


def test_a_run_of_n_words_has_a_probability_proportional_to_one_over_n() -> None:
    words = np.flatnonzero(TOKENIZER.word_starts).astype(np.int32)
    rng = np.random.default_rng(0)
    ids = rng.choice(words, 1_000_000)
    special = np.zeros(len(ids), dtype=bool)
    # So few of so many that runs hardly ever meet; the end of the sequence shortens at most one.
    chosen = predictions(NGramMasking(rate=0.01), ids, [len(ids)], special)
    runs = Counter(runs_of(chosen))
    n = runs[1] + runs[2] + runs[3]
    assert n > 5_000
    for length, share in ((1, 6 / 11), (2, 3 / 11), (3, 2 / 11)):
        assert abs(runs[length] - n * share) < 4 * (n * share * (1 - share)) ** 0.5 + 0.02 * n  # room for meetings


def runs_of(chosen: Flags) -> list[int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def test_only_whole_words_are_chosen() -> None:
    ids, lengths, special = packed(2_000)
    chosen = predictions(NGramMasking(rate=0.25), ids, lengths, special)
    after_special = np.append(True, special[:-1])
    goes_on = ~special & ~after_special & ~TOKENIZER.word_starts[ids]
    assert goes_on.sum() > 10_000
    assert (chosen[1:] == chosen[:-1])[goes_on[1:]].all()


def test_no_sequence_has_more_predictions_than_its_share_and_most_have_all() -> None:
    ids, lengths, special = packed(2_000)
    masking = NGramMasking()
    chosen = predictions(masking, ids, lengths, special)
    made = np.add.reduceat(chosen, np.cumsum(lengths) - lengths)
    quota = masking.quota(np.array(lengths))
    assert (made <= quota).all()
    assert made.sum() > 0.98 * quota.sum()


def test_single_words_are_runs_of_at_most_one() -> None:
    words = np.flatnonzero(TOKENIZER.word_starts).astype(np.int32)
    ids, lengths, special = packed(2_000, pieces=words)
    one = predictions(NGramMasking(max_n=1), ids, lengths, special)
    three = predictions(NGramMasking(max_n=3), ids, lengths, special)
    assert np.mean(runs_of(one)) < 1.3 < 1.5 < np.mean(runs_of(three))
    assert one.sum() == three.sum()


def test_a_run_stays_within_its_sequence() -> None:
    ids = np.full(40_000, 7, dtype=np.int32)
    special = np.zeros(len(ids), dtype=bool)
    chosen = predictions(NGramMasking(rate=0.5), ids, [2] * 20_000, special)
    assert chosen.reshape(-1, 2).sum(axis=1).tolist() == [1] * 20_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0.0}, "rate=0.0"),
        ({"rate": 1.5}, "rate=1.5"),
        ({"mask_share": 0.8, "random_share": 0.3}, "random_share=0.3"),
        ({"mask_share": -0.1}, "mask_share=-0.1"),
        ({"max_predictions": 0}, "max_predictions=0"),
        ({"dupe_factor": 0}, "dupe_factor=0"),
        ({"max_n": 0}, "max_n=0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        NGramMasking(**options)  # type: ignore[arg-type]
