"""The expected calibration error, by hand and by another formula."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from zoo.core.specs import HeadConfig
from zoo.experiments.statistics.calibration import N_BINS, bins, expected_calibration_error
from zoo.tasks.kinds import task_kind

WORDS = [[0.8, 0.2], [0.6, 0.4], []]
"""Of two tags for three words, the last of which was not read."""


def test_by_hand() -> None:
    # 0.9 and 0.93 are in the fourteenth bin of fifteen (0.867 to 0.933), half of them right; 0.5 is in the eighth.
    answers = [(0.9, True), (0.93, False), (0.5, True)]
    assert [(each.n, each.accuracy) for each in bins(answers)] == [(1, 1.0), (2, 0.5)]
    assert expected_calibration_error(answers) == pytest.approx((1 * 0.5 + 2 * (0.915 - 0.5)) / 3)


def test_probabilities_that_are_the_share_of_right_answers_have_no_error() -> None:
    assert expected_calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == 0
    assert expected_calibration_error([(1.0, True), (0.0, False)]) == 0


@pytest.mark.parametrize("seed", range(3))
def test_bins_are_those_of_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    probabilities, right = draw.uniform(size=200), draw.integers(0, 2, 200)
    shares, means = calibration_curve(right, probabilities, n_bins=N_BINS)
    found = list(bins(list(zip(probabilities.tolist(), right.astype(bool).tolist(), strict=True))))
    assert [each.accuracy for each in found] == pytest.approx(shares)
    assert [each.confidence for each in found] == pytest.approx(means)
    # The same error without bins' means: sums of what is right and of what was said, over all answers.
    which = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(which, weights=right - probabilities)
    answers = list(zip(probabilities.tolist(), right.astype(bool).tolist(), strict=True))
    assert expected_calibration_error(answers) == pytest.approx(np.abs(gaps).sum() / 200)


@pytest.mark.parametrize(
    ("kind", "labels", "gold", "prediction", "probabilities", "expected"),
    [
        ("classification", ("a", "b"), 1, 0, [0.7, 0.3], [(0.7, False)]),
        ("multi-label", ("a", "b"), [0, 1], [1], [0.4, 0.9], [(0.6, False), (0.9, True)]),
        ("token-classification", ("O", "X"), [0, 1, 1], [0, 0, 0], WORDS, [(0.8, True), (0.6, False)]),
        ("multiple-choice", (), 2, 2, [0.1, 0.1, 0.8], [(0.8, True)]),
        ("regression", (), 2.0, 2.0, None, []),
    ],
)  # fmt: skip
def test_each_kind_says_what_was_right(
    kind: str, labels: tuple[str, ...], gold: object, prediction: object, probabilities: object, expected: object
) -> None:
    its = task_kind(HeadConfig(kind=kind, labels=labels))
    assert its.fits_probabilities(prediction, probabilities)
    assert list(its.judged(gold, prediction, probabilities)) == expected


@pytest.mark.parametrize(
    ("kind", "prediction", "wrong"),
    [
        ("classification", 0, ([0.5], [0.9, 0.2], [1.2, -0.2], [float("nan"), 1.0], None, 1.0)),
        ("multi-label", [], ([0.5], [0.5, 1.5])),
        ("token-classification", [0], ([], [[0.5, 0.5], []], [[0.5]])),
        ("multiple-choice", 2, ([0.5, 0.5], [1.0])),
        ("regression", 1.0, ([1.0],)),
    ],
)
def test_what_are_no_probabilities_is_told_apart(kind: str, prediction: object, wrong: tuple[object, ...]) -> None:
    its = task_kind(HeadConfig(kind=kind, labels=("a", "b")))
    assert not [value for value in wrong if its.fits_probabilities(prediction, value)]
