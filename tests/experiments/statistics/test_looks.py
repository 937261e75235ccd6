"""Levels of repeated looks, against published bounds, the multivariate normal distribution, and simulation."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from benchmarks.multiple_tests import Simulated, wrong
from benchmarks.until_decided import stops
from benchmarks.verdict_power import Errors
from zoo.experiments.plan.claims import looks_at
from zoo.experiments.statistics.looks import Looks, levels

EVEN = (2, 3, 4, 5, 6)


def obrien_fleming(share: float) -> float:
    """At each side, half of 5%."""
    return 4 * float(stats.norm.sf(stats.norm.isf(0.0125) / sqrt(share))) / 0.05 if share else 0.0


def bounds(found: list[float]) -> list[float]:
    return [float(stats.norm.isf(level / 2)) for level in found]


def test_the_bounds_of_a_published_design_are_found() -> None:
    """Five even looks at 5% with O'Brien and Fleming's spending: Reboussin et al. 2000, table 2."""
    found = bounds(levels(0.05, EVEN, obrien_fleming))
    assert found == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


@pytest.mark.parametrize(("overall", "numbers"), [(0.05, (3, 5, 8)), (0.01, (2, 3, 20)), (0.3, (3, 4))])
def test_all_looks_together_cross_a_bound_as_often_as_the_level_says(overall: float, numbers: tuple[int, ...]) -> None:
    found = bounds(levels(overall, numbers))
    times = [number - 1 for number in numbers]
    correlation = [[sqrt(min(a, b) / max(a, b)) for a in times] for b in times]
    inside = stats.multivariate_normal(cov=correlation, seed=0).cdf(found, lower_limit=[-bound for bound in found])
    assert 1 - inside == pytest.approx(overall, rel=2e-3)
    assert levels(overall, numbers)[0] == pytest.approx(overall * (times[0] / times[-1]) ** 2)


def test_a_p_value_and_its_level_are_each_others_inverse() -> None:
    looks = Looks((3, 5, 8, 12, 18, 20))
    for number in looks.numbers:
        values = [looks.level(overall, number) for overall in (1e-9, 1e-4, 0.01, 0.05, 0.5, 1.0)]
        assert values == sorted(values) and values[-1] <= 1.0
        for p in (1e-12, 0.003, 0.05, 0.9):
            assert looks.level(looks.overall(p, number), number) == pytest.approx(min(p, looks.level(1.0, number)))
        exact = levels(0.03, looks.numbers)[looks.numbers.index(number)]
        assert looks.level(0.03, number) == pytest.approx(exact, rel=0.02)
    assert (Looks().level(0.05, 3), Looks().overall(0.2, 3)) == (0.05, 0.2)


def test_looks_grow_to_the_last_one() -> None:
    assert looks_at(3, 20) == (3, 5, 8, 12, 18, 20)
    assert looks_at(4, 10) == (4, 6, 9, 10)
    assert looks_at(5, 5) == (5,)


@pytest.mark.parametrize("numbers", [(3, 5, 8, 12, 18, 20), (3, 5, 8, 10)])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_of_equal_systems_no_look_finds_one_better_more_often_than_allowed(
    numbers: tuple[int, ...], level: float
) -> None:
    """Whatever part of the variance is the seeds', with zoo's critical values, and even if no run stops early."""
    n, n_items, generator, allowed = (
        20_000,
        277,
        np.random.default_rng(len(numbers)),
        {0.05: 0.055, 0.01: 0.0145}[level],
    )
    of_looks = levels(level, numbers)
    for share in (0.0, 1.0, 10.0, 1e6):
        for together in (0.01, 3.0):
            spread = share * (numbers[0] + together)
            by_seed = generator.normal(0, sqrt(spread + together), (n, numbers[-1])) + generator.normal(size=(n, 1))
            of_items, of_both = (generator.chisquare(n_items - 1, n) / (n_items - 1) for _ in range(2))
            by_seeds = {
                k: Errors(
                    by_seed[:, :k].mean(1),
                    np.maximum(by_seed[:, :k].var(1, ddof=1), together * of_both),
                    np.maximum(of_items, 1e-9),
                    together * of_both,
                    n_items,
                )
                for k in numbers
            }
            found, _ = stops(by_seeds, numbers, of_looks, stopping=False)
            assert found.mean() <= allowed + 3 * sqrt(allowed / n), (share, together)


@pytest.mark.parametrize("n_true", [0, 2])
def test_a_family_that_is_looked_at_repeatedly_holds_a_wrong_difference_no_more_often_than_allowed(n_true: int) -> None:
    """By the verdicts of a comparison: Holm's correction, and what is decided leaves its part of the level."""
    n = 150
    assert wrong(n, 4, n_true, (3, 5, 8), n_items=100, luck=0.3) <= 0.055 + 3 * sqrt(0.055 / n)


def test_what_is_simulated_at_once_is_the_error_of_a_comparison() -> None:
    generator = np.random.default_rng(0)
    gains = generator.normal(0, 0.3, (6, 5, 1)) + generator.normal(size=(6, 5, 40))
    errors = Errors.of(gains)
    for index, each in enumerate(gains):
        error = Simulated("one", "other", {}, gains=each).draft(range(5)).error
        assert errors.reach(0.05, 5)[index] == pytest.approx(error.reach(0.05))
