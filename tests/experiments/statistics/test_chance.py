"""Runs at chance, against scipy's tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.experiments.statistics.test_statistics import Toy
from tests.experiments.synthetic_runs import made_up
from zoo.experiments.statistics.bootstrap import resampled
from zoo.experiments.statistics.chance import at_chance, chance_of
from zoo.experiments.statistics.draft import Scores
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import score


def test_a_run_is_at_chance_where_a_paired_t_test_finds_it_not_above_one_answer() -> None:
    generator, n = np.random.default_rng(2), 300
    gold = (generator.random(n) < 0.6).astype(int).tolist()
    shares = np.linspace(0.5, 0.8, 13)  # of right answers; with 180 of one class, the threshold is near 0.67
    made = [[g if generator.random() < share else 1 - g for g in gold] for share in shares]
    task = Toy(labels=("a", "b"), metrics=("accuracy",))
    drawn = resampled(task, {"dev": gold}, {"dev": [*made, [1] * n]}, 2_000)
    right = np.array([*made, [1] * n]) == gold
    scores = Scores(tuple(range(len(made))), right[:-1].mean(1), drawn[:, :-1], n)
    chance = Scores((0,), right[-1:].mean(1), drawn[:, -1:], n)
    p_values = [stats.ttest_rel(run, right[-1], alternative="greater").pvalue for run in right[:-1].astype(float)]
    assert not any(0.045 < p < 0.055 for p in p_values)  # where a bootstrap and a t-test may differ
    assert at_chance(scores, chance) == tuple(seed for seed, p in enumerate(p_values) if p > 0.05)
    assert 0 < len(at_chance(scores, chance)) < len(made)


def test_of_runs_that_guess_nearly_all_are_at_chance() -> None:
    generator, n = np.random.default_rng(4), 200
    gold = [0, 1] * (n // 2)
    task = Toy(labels=("a", "b"), metrics=("accuracy",))
    made = generator.integers(0, 2, (200, n))
    drawn = resampled(task, {"dev": gold}, {"dev": [*made.tolist(), [1] * n]}, 400)
    scores = Scores(tuple(range(200)), (made == gold).mean(1), drawn[:, :-1], n)
    found = len(at_chance(scores, Scores((0,), np.array([0.5]), drawn[:, -1:], n)))
    assert 180 <= found <= 199  # 95% of 200


@pytest.mark.parametrize(
    ("kind", "metric", "gold", "best"),
    [
        ("classification", "accuracy", [0, 1, 1, 2], 0.5),
        ("classification", "matthews", [0, 1, 1, 2], 0.0),
        ("regression", "pearson", [0.5, 2.0, 2.0, 3.5], 0.0),
        ("multi-label", "exact-match", [[0], [], [0, 2], [0]], 0.5),
        ("token-classification", "accuracy", [[0, 0, 1], [0], [2, 0]], 4 / 6),
        ("multiple-choice", "accuracy", [1, 1, 0, 2], 0.5),
    ],
)
def test_the_best_one_answer_of_every_kind_has_its_score(
    kind: str, metric: str, gold: list[object], best: float
) -> None:
    labels = () if kind in ("regression", "multiple-choice") else ("O", "B-a", "I-a")
    task = Toy(kind=kind, labels=labels, metrics=(metric,))
    made = task_kind(task).constants(gold)
    assert all(len(answers) == len(gold) and task_kind(task).is_constant(answers) for answers in made)
    assert max(score(task, gold, answers)[metric] for answers in made) == pytest.approx(best)


@pytest.mark.parametrize(("kind", "gold"), [("minimal-pairs", [0, 0]), ("item-scores", [1.0, 1.0])])
def test_where_one_answer_means_nothing_there_is_no_chance(kind: str, gold: list[object]) -> None:
    assert task_kind(Toy(kind=kind)).constants(gold) == []


def test_seeds_at_chance_are_those_that_have_learnt_nothing() -> None:
    run = made_up(4, {"bert-tiny": [20, 2, 21, 17], "albert-tiny": [1, 2, 1, 1]})
    chance = chance_of(run, "lamps")
    assert chance is not None and chance.values.tolist() == [0.5]
    spread = compare_systems(run).spreads["lamps"]["bert-tiny"]
    assert spread.at_chance == (0, 2, 3) and spread.mean_above_chance == pytest.approx(0.95)
    assert compare_systems(run).spreads["lamps"]["albert-tiny"].at_chance == ()
    assert compare_systems(run).spreads["lamps"]["majority"].at_chance is None
    assert compare_systems(replace(run, gold={})).spreads["lamps"]["bert-tiny"].at_chance is None
