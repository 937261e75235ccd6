"""Statistics of minimal pairs, against numbers computed by hand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from zoo.experiments.statistics.pairs import accuracy, differences, groups_of, interval
from zoo.tasks.minimal_pairs import MinimalPair


def right(pattern: str) -> np.ndarray:
    return np.array([mark == "x" for mark in pattern])


def test_an_accuracy_has_wilsons_interval() -> None:
    found = accuracy("all", right("x" * 8 + "." * 2))
    z = 1.959964
    middle, half = (0.8 + z**2 / 20) / (1 + z**2 / 10), z / (1 + z**2 / 10) * np.sqrt(0.16 / 10 + z**2 / 400)
    assert (found.n, found.accuracy) == (10, 0.8)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_a_difference_is_judged_by_the_pairs_of_which_one_model_alone_is_right() -> None:
    found = differences({"a": right("xxxxxxxx.xx."), "b": right("........xxx.")}, {})[0]
    assert (found.only_first, found.only_second) == (8, 1)
    assert found.p == pytest.approx(2 * (1 + 9) / 2**9)
    assert (found.difference, found.verdict) == (7 / 12, "better")
    assert 0 < found.low < 7 / 12 < found.high <= 1


def test_phenomena_are_corrected_by_holm_and_all_pairs_are_not() -> None:
    one, other = right("xxxxxxxx." * 2), right("........x" * 2)
    half = np.arange(18) < 9
    whole, *parts = differences({"a": one, "b": other}, {"first": half, "second": ~half})
    assert whole.adjusted_p == whole.p == pytest.approx(2 * sum((1, 18, 153)) / 2**18)
    assert [part.p for part in parts] == pytest.approx([10 / 256] * 2)
    assert [part.adjusted_p for part in parts] == pytest.approx([20 / 256] * 2)
    assert [part.verdict for part in parts] == ["not significant"] * 2


def test_models_that_are_right_on_the_same_pairs_do_not_differ() -> None:
    (found,) = differences({"a": right("x.x."), "b": right("x.x.")}, {})
    assert (found.difference, found.p, found.verdict) == (0, 1, "not significant")
    assert (found.low, found.high) == (-1 / 4, 1 / 4)  # as far as one pair could move it


@pytest.mark.parametrize("level", [0.05, 0.05 / 12])
def test_an_interval_excludes_0_exactly_where_the_test_finds_a_difference(level: float) -> None:
    for wins, losses in [(w, n - w) for n in range(1, 40) for w in range(n + 1)]:
        low, high = interval(wins, losses, 60, level)
        p = sum(comb(wins + losses, k) for k in range(min(wins, losses) + 1)) * 2 / 2 ** (wins + losses)
        assert (low > 0 or high < 0) == (p < level)
        assert -1 <= low <= (wins - losses) / 60 <= high <= 1


def test_an_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(200, [0.15, 0.1, 0.75], size=2_000)
    held = [low <= 0.05 <= high for wins, losses, _ in drawn for low, high in [interval(wins, losses, 200, 0.05)]]
    assert 0.94 <= np.mean(held) <= 0.98


def test_pairs_are_grouped_in_order_and_what_says_nothing_is_in_no_group() -> None:
    pairs = [MinimalPair("a", "b", "two"), MinimalPair("a", "b", "one", "t"), MinimalPair("a", "b", "two", "t")]
    assert {name: its.tolist() for name, its in groups_of(pairs, "phenomenon").items()} == {
        "two": [True, False, True], "one": [False, True, False]
    }  # fmt: skip
    assert {name: its.tolist() for name, its in groups_of(pairs, "term").items()} == {"t": [False, True, True]}
