"""Statistics of minimal pairs, against numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.experiments.statistics.pairs import accuracy, differences, groups_of
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
    assert (found.difference, found.low, found.high, found.p, found.verdict) == (0, 0, 0, 1, "not significant")


def test_pairs_are_grouped_in_order_and_what_says_nothing_is_in_no_group() -> None:
    pairs = [MinimalPair("a", "b", "two"), MinimalPair("a", "b", "one", "t"), MinimalPair("a", "b", "two", "t")]
    assert {name: its.tolist() for name, its in groups_of(pairs, "phenomenon").items()} == {
        "two": [True, False, True], "one": [False, True, False]
    }  # fmt: skip
    assert {name: its.tolist() for name, its in groups_of(pairs, "term").items()} == {"t": [False, True, True]}
