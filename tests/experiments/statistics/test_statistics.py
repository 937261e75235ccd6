"""Statistics against hand-computed numbers, scipy and scikit-learn, and how often they are wrong in simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from zoo.experiments.statistics.bootstrap import draws, resampled
from zoo.experiments.statistics.decisions import decided
from zoo.experiments.statistics.draft import Draft
from zoo.experiments.statistics.error import Error, error_of
from zoo.experiments.statistics.tests import hochberg_factors, holm_factors, mean_interval, spread, tiers
from zoo.tasks.kinds import ITEM_SCORES, TaskKind, task_kind
from zoo.tasks.metrics import built_in
from zoo.tasks.metrics.metric import Metric


@dataclass(frozen=True)
class Toy:
    name: str = "toy"
    kind: str = "classification"
    labels: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    pair: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def some_labels(kind: TaskKind, n: int, generator: np.random.Generator) -> list[Any]:
    """Labels of a kind, drawn at random."""
    n_classes = len(kind.labels)
    drawn = {
        "MultiLabel": lambda: sorted({*generator.integers(0, n_classes, 2).tolist()}),
        "Regression": lambda: float(generator.integers(0, 5)) / 2,
        "TokenClassification": lambda: generator.integers(0, n_classes, 5).tolist(),
        "QuestionAnswering": lambda: [[3, str(generator.choice(["a cat", "cat", "two dogs"]))]],
        "MultipleAnswers": lambda: sorted({*generator.integers(0, 3, 2).tolist()}),
    }
    return [drawn.get(type(kind).__name__, lambda: int(generator.integers(0, max(2, n_classes))))() for _ in range(n)]


@pytest.mark.parametrize(
    "metric",
    [metric for metric in built_in() if metric.in_main_score],  # no other is resampled
    ids=lambda metric: f"{metric.name} of {metric.kind}",
)
def test_a_resampled_score_is_the_metric_on_items_repeated_as_often(metric: Metric) -> None:
    generator = np.random.default_rng(3)
    labels = {"regression": (), "question-answering": (), "multiple-choice": (), "item-scores": ()}.get(
        metric.kind, ("O", "B-a", "I-a")
    )
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
    if metric.higher_is_better and metric.kind != ITEM_SCORES:  # which no gold labels are compared with
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


def test_the_mean_interval_agrees_with_scipy() -> None:
    values = [0.1, -0.3, 0.8, 0.4, 0.25]
    mean, sd, low, high = mean_interval(values)
    assert (mean, sd) == (pytest.approx(0.25), pytest.approx(0.403113, abs=1e-6))
    assert (low, high) == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval(0.95)))
    assert mean_interval([0.7]) == (0.7, None, None, None)


def test_runs_of_constant_predictions_are_counted_and_left_out_of_the_second_mean() -> None:
    found = spread([0.9, 0.5, 0.7], [False, True, False])
    assert (found.mean, found.n_constant, found.mean_without_constant) == (pytest.approx(0.7), 1, pytest.approx(0.8))
    assert spread([0.5], [True]).mean_without_constant is None


def test_holm_is_as_worked_by_hand() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert np.multiply(holm_factors(p_values), p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_factors([]) == []


def test_hochberg_is_as_worked_by_hand() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert np.multiply(hochberg_factors(p_values), p_values) == pytest.approx([0.03, 0.04, 0.04, 0.02])
    assert np.multiply(hochberg_factors([0.9, 0.04]), [0.9, 0.04]) == pytest.approx([0.9, 0.08])
    assert hochberg_factors([]) == []


def test_where_only_seeds_vary_it_is_the_paired_t_test() -> None:
    values = [0.1, 0.3, 0.8, 0.4, 0.25]
    error = Error(float(np.var(values, ddof=1)), 0.0, 5, 10_000)
    oracle = stats.ttest_1samp(values, 0)
    assert error.p(float(np.mean(values))) == pytest.approx(oracle.pvalue, rel=1e-6)
    low, high = oracle.confidence_interval(0.95)
    assert 2 * error.reach(0.05) == pytest.approx(high - low, rel=1e-6)


def test_where_only_items_vary_it_is_the_paired_t_test_over_items() -> None:
    items = np.random.default_rng(1).normal(0.1, 1.0, 300)
    error = Error(0.0, float(np.var(items, ddof=1)) / 300, 3, 300)
    assert error.p(float(items.mean())) == pytest.approx(stats.ttest_1samp(items, 0).pvalue, rel=1e-6)


def test_a_reach_is_the_root_of_both_squared_reaches() -> None:
    error = Error(over_seeds=3.0, over_items=3.0, n_seeds=3, n_items=31)
    t_seeds, t_items = stats.t.ppf(0.975, [2, 30])
    assert error.reach(0.05) == pytest.approx(np.hypot(t_seeds, t_items * np.sqrt(3)))
    assert error.critical(0.05) == pytest.approx(error.reach(0.05) / 2)


@pytest.mark.parametrize("n_seeds", [2, 3, 4, 5, 8, 20])
@pytest.mark.parametrize("level", [0.05, 0.01, 0.0033])
def test_the_level_holds_exactly_whatever_part_of_the_variance_is_whose(n_seeds: int, level: float) -> None:
    """By integration over the seeds' sample variance, for normal differences whose total variance is 1."""
    drawn = stats.chi2.ppf((np.arange(400) + 0.5) / 400, n_seeds - 1) / (n_seeds - 1)
    for total in (0.2, 0.5, 0.9, 0.99, 1.0):  # what is not the items' part
        for share in (0.0, 0.01, 0.1, 0.3, 1.0):  # of it, what is an interaction
            together = n_seeds * total * share
            seeds = np.maximum(n_seeds * total * drawn, together)
            reach = [Error(s, 1 - total, n_seeds, 10**9, together).reach(level) for s in seeds]
            wrong = 2 * stats.norm.sf(reach).mean()
            assert wrong <= level * (1.05 if share else 1.0) + 1e-4, (total, share)


def test_the_variance_is_that_of_crossed_random_effects() -> None:
    """Against the mean squares of a two-way analysis of variance, where seeds do and where they do not vary alone."""
    generator = np.random.default_rng(5)
    for luck in (0.5, 0.0):
        table = generator.normal(0, luck, (4, 1)) + generator.normal(0, 1, (1, 60)) + generator.normal(0, 1, (4, 60))
        rows, columns, grand = table.mean(1), table.mean(0), table.mean()
        of_seeds = 60 * rows.var(ddof=1)
        of_items = 4 * columns.var(ddof=1)
        left = ((table - rows[:, None] - columns + grand) ** 2).sum() / (3 * 59)
        expected = (max(of_seeds, left) + of_items - left) / (4 * 60)
        weights = np.concatenate(list(draws(60, 40_000, 0)))
        found = error_of(rows, weights @ table.T / 60, 60)
        assert found.size**2 == pytest.approx(expected, rel=0.03)


def test_one_seed_shows_nothing_and_two_can_show_a_large_difference() -> None:
    assert Error(0.0, 1e-4, 1, 500).p(0.9) == 1.0
    assert Error(0.0002, 0.0004, 2, 500).p(0.78) < 0.01


def test_without_any_variance_an_item_counts_as_one_that_could_differ() -> None:
    few, many = (error_of(np.ones(3), np.ones((50, 3)), n) for n in (3, 40))
    assert few.p(1.0) > 0.05 > many.p(1.0)
    assert error_of(np.zeros(3), np.zeros((50, 3)), 40).detectable() is None


def test_the_minimum_detectable_difference_has_the_power_it_claims() -> None:
    found = Error(4.0, 0.0, 6, 500).detectable()
    samples = np.random.default_rng(0).normal(found, 2.0, (20_000, 6))
    shown = (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean()
    assert shown == pytest.approx(0.8, abs=0.01)


def test_for_many_seeds_the_minimum_detectable_difference_is_the_normal_one() -> None:
    assert Error(0.0, 1.0, 1_000, 100_000).detectable() == pytest.approx(
        stats.norm.ppf(0.975) + stats.norm.ppf(0.8), rel=3e-3
    )


def test_the_seeds_needed_are_the_fewest_that_detect_it() -> None:
    error = Error(1.0, 0.0, 3, 500)
    needed = error.seeds_needed(0.5)
    assert needed == 34  # G*Power's and every textbook's answer for a paired effect of 0.5
    assert error.with_seeds(needed).detectable() <= 0.5 < error.with_seeds(needed - 1).detectable()
    assert Error(1.0, 1.0, 3, 500).seeds_needed(0.5) is None


@pytest.mark.parametrize(
    ("error", "value", "expected"),
    [
        (Error(0.01, 0.01, 3, 500), 0.9, "better"),
        (Error(0.0, 0.01, 1, 500), 0.9, "too few seeds"),
        (Error(0.5, 0.01, 3, 500), 0.2, "too few seeds"),
        (Error(0.0001, 0.01, 3, 500), 0.15, "not significant"),
        (Error(0.0001, 0.0001, 5, 500), 0.005, "equivalent"),
    ],
)
def test_the_verdict_says_whether_more_seeds_would_help(error: Error, value: float, expected: str) -> None:
    (found,) = decided([Draft("t", "a", "b", error.n_seeds or 1, value, error)], margin=0.05)
    assert found.verdict == expected


def test_an_interval_ends_where_the_metric_does() -> None:
    (found,) = decided([Draft("t", "a", "b", 2, 0.2, Error(0.5, 0.01, 2, 40), most=1.0)])
    assert (found.low, found.high, found.verdict) == (-1.0, 1.0, "too few seeds")


def test_no_row_contradicts_itself() -> None:
    """Interval, p, verdict, detectable difference and seeds needed agree, whatever the data and the correction."""
    generator = np.random.default_rng(7)
    for n_rows in (1, 4, 15):
        rows = [
            Draft(
                f"t{i}", "a", "b", k := int(generator.integers(2, 12)), d, Error(*generator.uniform(0, 0.01, 2), k, 300)
            )
            for i, d in enumerate(generator.normal(0, 0.2, n_rows))
        ]
        for found in decided(rows):
            shown = found.low > 0 or found.high < 0
            assert (found.verdict == "better") == shown == (found.adjusted_p < 0.05)
            if abs(found.difference) >= found.minimum_detectable_difference:
                assert found.verdict == "better" and found.seeds_needed <= found.n_seeds
            elif found.seeds_needed is not None:
                assert found.seeds_needed > found.n_seeds


def test_a_tier_is_its_best_and_what_that_is_not_better_than() -> None:
    means = {"a": 0.5, "b": 0.9, "c": 0.8, "d": 0.4}
    assert tiers(means, {("b", "a"), ("b", "d"), ("c", "d")}) == [["b", "c"], ["a", "d"]]
    assert tiers(means, set()) == [["b", "c", "a", "d"]]


@pytest.mark.parametrize("n_seeds", [3, 5, 20])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_of_equal_systems_one_is_called_better_no_more_often_than_allowed(n_seeds: int, level: float) -> None:
    """Whatever part of the variance is that of seeds, of items, or of both together."""
    n_trials, n_items, generator = 3_000, 277, np.random.default_rng(n_seeds)
    for together in (0.01, 1.0, 10.0):
        for share in (0.0, 0.3, 1.0, 3.0, 10.0):  # seeds' variance beside the rest's
            seeds = share * (n_seeds + together)
            by_seed = generator.normal(0, np.sqrt(seeds + together), (n_trials, n_seeds))
            means = by_seed.mean(1) + generator.normal(size=n_trials)
            of_both = together * generator.chisquare(276 * (n_seeds - 1), n_trials) / (276 * (n_seeds - 1))
            of_items = (1 + together / n_seeds) * generator.chisquare(276, n_trials) / 276 - of_both / n_seeds
            wrong = np.mean(
                [
                    abs(mean) > Error(max(s, both), max(items, 1e-9), n_seeds, n_items, both).reach(level)
                    for mean, s, both, items in zip(means, by_seed.var(1, ddof=1), of_both, of_items, strict=True)
                ]
            )
            allowed = {0.05: 0.051, 0.01: 0.0105}[level]
            assert wrong <= allowed + 3 * np.sqrt(allowed / n_trials), (together, share)


@pytest.mark.parametrize(("kind", "metric"), [("classification", "matthews"), ("regression", "spearman")])
def test_metrics_that_are_no_mean_over_items_have_the_same_error(kind: str, metric: str) -> None:
    """The error from resampled items is near the true one: the spread of differences over many development sets."""
    generator, n_items, n_sets = np.random.default_rng(9), 150, 60
    labels = ("a", "b") if kind == "classification" else ()
    toy = Toy(kind=kind, labels=labels, metrics=(metric,))
    one = next(m for m in built_in() if (m.name, m.kind) == (metric, kind))
    differences, errors = [], []
    for _ in range(n_sets):
        gold = generator.normal(size=n_items)
        made = gold + generator.normal(0, 1.0, (2, 3, n_items)) + generator.normal(0, 0.7, (2, 1, n_items))
        if kind == "classification":
            gold, made = (gold > 0).astype(int), (made > 0).astype(int)
        sides = task_kind(toy).side
        values = np.array([[one.value(sides(gold.tolist()), sides(row.tolist())) for row in rows] for rows in made])
        drawn = [resampled(toy, {"dev": gold.tolist()}, {"dev": rows.tolist()}, 300) for rows in made]
        found = error_of(values[0] - values[1], drawn[0] - drawn[1], n_items)
        differences.append((values[0] - values[1]).mean())
        errors.append(found.size)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(differences, ddof=1), rel=0.3)
