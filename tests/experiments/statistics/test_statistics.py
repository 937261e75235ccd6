"""Statistics against hand-computed numbers, scipy and scikit-learn, and how often they are wrong in simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from zoo.experiments.statistics.bootstrap import draws, resampled
from zoo.experiments.statistics.tests import (
    Difference,
    bootstrap_p,
    holm,
    mean_interval,
    minimum_detectable_difference,
    multi_bootstrap,
    seeds_needed,
    spread,
    t_test,
    tiers,
    verdict,
)
from zoo.experiments.statistics.verdicts import difference
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.metrics import built_in
from zoo.tasks.metrics.metric import Metric


@dataclass(frozen=True)
class Toy:
    name: str = "toy"
    kind: str = "classification"
    labels: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    pair: bool = False


def some_labels(kind: TaskKind, n: int, generator: np.random.Generator) -> list[Any]:
    """Labels of a kind, drawn at random."""
    n_classes = len(kind.labels)
    drawn = {
        "MultiLabel": lambda: sorted({*generator.integers(0, n_classes, 2).tolist()}),
        "Regression": lambda: float(generator.integers(0, 5)) / 2,
        "TokenClassification": lambda: generator.integers(0, n_classes, 5).tolist(),
        "QuestionAnswering": lambda: [int(generator.integers(0, 2)), 3],
    }
    return [drawn.get(type(kind).__name__, lambda: int(generator.integers(0, max(2, n_classes))))() for _ in range(n)]


@pytest.mark.parametrize("metric", built_in(), ids=lambda metric: f"{metric.name} of {metric.kind}")
def test_a_resampled_score_is_the_metric_on_items_repeated_as_often(metric: Metric) -> None:
    generator = np.random.default_rng(3)
    labels = {"regression": (), "question-answering": (), "multiple-choice": ()}.get(metric.kind, ("O", "B-a", "I-a"))
    kind = task_kind(Toy(kind=metric.kind, labels=labels[:2] if metric.name == "f1" else labels, pair=True))
    rows = [some_labels(kind, 41, generator) for _ in range(4)]
    rows.append([rows[0][0]] * 41)
    gold, *predictions = map(kind.side, rows)
    weights = np.concatenate(list(draws(41, 7, 0)))
    found = metric.resampled(gold, predictions, weights)
    plain = replace(metric, drawn=None).resampled(gold, predictions, weights)
    assert found.shape == plain.shape == (7, 4)
    np.testing.assert_allclose(found, plain, atol=1e-9)
    assert all(metric.allows(value) for value in found.flatten())
    if metric.higher_is_better:
        assert metric.value(gold, gold) == pytest.approx(1.0)


def test_draws_add_up_and_repeat_and_do_not_depend_on_the_size_of_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(draws(10, 50, 1)))
    assert (whole.sum(1) == 10).all()
    monkeypatch.setattr("zoo.experiments.statistics.bootstrap.LARGEST", 35)
    assert np.array_equal(np.concatenate(list(draws(10, 50, 1))), whole)


def test_a_main_score_is_the_mean_over_splits_and_metrics() -> None:
    targets, predictions = {"a": [0, 1], "b": [1, 1]}, {"a": [[0, 1]], "b": [[1, 1]]}
    drawn = resampled(Toy(labels=("no", "yes"), metrics=("accuracy", "f1")), targets, predictions, 100)
    assert set(np.unique(drawn)) == {0.75, 1.0}  # f1 is 0 where the only item of class 1 was not drawn


def test_mean_interval_and_t_test_agree_with_scipy() -> None:
    values = [0.1, -0.3, 0.8, 0.4, 0.25]
    oracle = stats.ttest_1samp(values, 0)
    mean, sd, low, high = mean_interval(values)
    assert (mean, sd) == (pytest.approx(0.25), pytest.approx(0.403113, abs=1e-6))
    assert (low, high) == pytest.approx(tuple(oracle.confidence_interval(0.95)))
    assert t_test(values) == pytest.approx(oracle.pvalue)


def test_one_seed_has_no_interval_and_shows_nothing() -> None:
    assert mean_interval([0.7]) == (0.7, None, None, None)
    assert t_test([0.7]) == 1.0


def test_differences_without_spread_are_certain_or_nothing() -> None:
    assert t_test([0.2, 0.2, 0.2]) == 0.0
    assert t_test([0.0, 0.0, 0.0]) == 1.0


def test_what_only_the_items_leave_open_widens_the_test() -> None:
    values = [0.9, 1.0, 1.1]  # variance 0.01; with 0.01 / 3 of the items beside, the error is twice that variance / 3
    assert t_test(values, 0.01 / 3) == pytest.approx(2 * stats.t.sf(1 / (0.02 / 3) ** 0.5, 2))


def test_runs_of_constant_predictions_are_counted_and_left_out_of_the_second_mean() -> None:
    found = spread([0.9, 0.5, 0.7], [False, True, False])
    assert (found.mean, found.n_constant, found.mean_without_constant) == (pytest.approx(0.7), 1, pytest.approx(0.8))
    assert spread([0.5], [True]).mean_without_constant is None


def test_holm_is_as_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_the_bootstrap_p_counts_the_smaller_side() -> None:
    assert bootstrap_p(np.array([0.1] * 97 + [-0.1] * 2)) == pytest.approx(0.06)
    assert bootstrap_p(np.zeros(99)) == 1.0


def test_the_multi_bootstrap_of_equal_seeds_is_the_bootstrap_of_items() -> None:
    items = np.random.default_rng(0).normal(size=(200, 1))
    assert multi_bootstrap(np.repeat(items, 4, axis=1)) == pytest.approx(items[:, 0])


def test_the_minimum_detectable_difference_has_the_power_it_claims() -> None:
    found = minimum_detectable_difference(6, seed_variance=4.0, item_variance=0.0)
    samples = np.random.default_rng(0).normal(found, 2.0, (20_000, 6))
    shown = (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean()
    assert shown == pytest.approx(0.8, abs=0.01)


def test_for_many_seeds_the_minimum_detectable_difference_is_the_normal_one() -> None:
    assert minimum_detectable_difference(1_000, 0.0, 1.0) == pytest.approx(
        stats.norm.ppf(0.975) + stats.norm.ppf(0.8), rel=3e-3
    )


def test_the_seeds_needed_are_the_fewest_that_detect_it() -> None:
    needed = seeds_needed(0.5, 1.0, 0.0)
    assert needed == 34  # G*Power's and every textbook's answer for a paired effect of 0.5
    assert minimum_detectable_difference(needed, 1.0, 0.0) <= 0.5 < minimum_detectable_difference(needed - 1, 1.0, 0.0)
    assert seeds_needed(0.5, 1.0, 1.0) is None


@pytest.mark.parametrize(
    ("n_seeds", "p", "now", "at_best", "expected"),
    [
        (3, 0.04, 1.0, 0.1, "better"),
        (2, 0.0, 1.0, 0.1, "too few seeds"),
        (3, 0.06, 1.0, 0.4, "too few seeds"),
        (3, 0.06, 1.0, 0.6, "not significant"),
    ],
)
def test_the_verdict_says_whether_more_seeds_would_help(
    n_seeds: int, p: float, now: float, at_best: float, expected: str
) -> None:
    plain = difference("t", "a", "b", np.zeros(n_seeds), np.zeros((100, n_seeds)))
    found = plain.model_copy(update={"minimum_detectable_difference": now, "minimum_detectable_at_best": at_best})
    assert isinstance(found, Difference) and verdict(found, p) == expected


def test_a_tier_is_its_best_and_what_that_is_not_better_than() -> None:
    means = {"a": 0.5, "b": 0.9, "c": 0.8, "d": 0.4}
    assert tiers(means, {("b", "a"), ("b", "d"), ("c", "d")}) == [["b", "c"], ["a", "d"]]
    assert tiers(means, set()) == [["b", "c", "a", "d"]]


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("n_items", [71, 277, 872])
def test_of_equal_systems_one_is_called_better_at_most_once_in_twenty(n_seeds: int, n_items: int) -> None:
    """Equally accurate over all items there could be, each system with items that it finds easier, and lucky seeds."""
    n_trials, generator = 600, np.random.default_rng([n_seeds, n_items])
    ease = generator.normal(1.0, 1.0, (n_trials, 1, 1, n_items))
    own = generator.normal(0.0, 0.7, (n_trials, 2, 1, n_items))
    luck = generator.normal(0.0, 0.3, (n_trials, 2, n_seeds, 1))
    right = generator.random((n_trials, 2, n_seeds, n_items)) < 1 / (1 + np.exp(-(ease + own + luck)))
    gains = right[:, 0].astype(np.float32) - right[:, 1]  # [trials, K, N]
    weights = np.concatenate(list(draws(n_items, 500, 0))).astype(np.float32)
    drawn = (weights @ gains.reshape(-1, n_items).T / n_items).reshape(500, n_trials, n_seeds).astype(np.float64)
    p_values = [
        max(t_test(means.tolist(), float(on_items.mean(1).var())), bootstrap_p(multi_bootstrap(on_items)))
        for means, on_items in zip(gains.mean(2, dtype=np.float64), drawn.transpose(1, 0, 2), strict=True)
    ]
    wrong = float(np.mean(np.asarray(p_values) < 0.05))
    print(f"{n_seeds} seeds, {n_items} items: {wrong:.1%}")
    assert wrong <= 0.05
