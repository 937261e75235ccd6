"""How often adding seeds until a difference is decided is wrong, how often it finds one, and with how many seeds.

    python -m benchmarks.until_decided --repetitions 10000

The data are those of verdict_power.py: two systems answer N items, with seeds that are lucky or not. Compared are a
fixed number of seeds, and looks at 3, 5, 8, 12, 18 and 20 of them whose levels are spent by several functions of the
share t = (K - 1) / (M - 1) of degrees of freedom that are there: powers of t, and those of O'Brien and Fleming (1979)
and of Pocock (1977) as of Lan and DeMets (1983). A run stops when it has found a difference, or when the chance to find
it is slight; with --futile, not for the latter.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from math import e, log, sqrt

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from benchmarks.verdict_power import ITEMS, LARGEST, LUCK, Errors, answers
from zoo.experiments.plan.claims import looks_at
from zoo.experiments.statistics.bootstrap import Array
from zoo.experiments.statistics.decisions import SLIGHT
from zoo.experiments.statistics.error import LEVEL
from zoo.experiments.statistics.looks import Spending, levels


def obrien_fleming(share: float, level: float) -> float:
    """The share of the level that the spending function like O'Brien and Fleming's spends."""
    return 2 * float(norm.sf(norm.isf(level / 2) / sqrt(share))) / level if share else 0.0


def pocock(share: float) -> float:
    """The same of the one like Pocock's."""
    return log(1 + (e - 1) * share)


def power(share: float, exponent: float) -> float:
    """The same of Kim and DeMets's power family."""
    return float(share**exponent)


def spendings(level: float) -> dict[str, Spending]:
    """The functions that are compared, by name."""
    powers = {f"t^{exponent:g}": partial(power, exponent=exponent) for exponent in (1, 1.5, 2, 3)}
    return powers | {"O'Brien-Fleming": partial(obrien_fleming, level=level), "Pocock": pocock}


def stops(
    by_seeds: Mapping[int, Errors], looks: tuple[int, ...], of_looks: list[float], *, stopping: bool = True
) -> tuple[Array, Array]:
    """Whether each run finds a difference, and with how many seeds it stops. Each is [n]."""
    last = looks[-1]
    found = np.zeros(len(by_seeds[last].mean), bool)
    seeds = np.zeros(len(found), int)
    for n_seeds, level in zip(looks, of_looks, strict=True):
        errors = by_seeds[n_seeds]
        d, open_ = np.abs(errors.mean), seeds == 0
        now = open_ & (d > errors.reach(level, n_seeds))
        found |= now
        if n_seeds == last:
            now = open_
        elif stopping:
            spread = np.sqrt(errors.size(n_seeds) ** 2 - errors.size(last) ** 2)
            now |= open_ & (ndtr((d - errors.reach(of_looks[-1], last)) / spread) < SLIGHT)
        seeds[now] = n_seeds
    return found, seeds


def simulated(n: int, n_items: int, luck: float, shift: float, looks: tuple[int, ...]) -> Iterator[dict[int, Errors]]:
    """Runs in portions, by number of seeds."""
    generator = np.random.default_rng([n_items, int(10 * luck), int(100 * shift)])
    size = max(1, LARGEST // (looks[-1] * n_items))
    for start in range(0, n, size):
        right = answers(generator, min(size, n - start), looks[-1], n_items, luck, shift).astype(np.float32)
        gains = right[:, 0] - right[:, 1]
        yield {n_seeds: Errors.of(gains[:, :n_seeds]) for n_seeds in looks}


def rates(
    n: int, n_items: int, luck: float, shift: float, looks: tuple[int, ...], level: float = LEVEL, stopping: bool = True
) -> dict[str, tuple[float, float]]:
    """By design, the share of runs in which it finds a difference, and its mean number of seeds."""
    of_looks = {name: levels(level, looks, spending) for name, spending in spendings(level).items()}
    designs = {f"fixed {looks[-1]}": ((looks[-1],), [level])} | {name: (looks, its) for name, its in of_looks.items()}
    total = {name: np.zeros(2) for name in designs}
    for by_seeds in simulated(n, n_items, luck, shift, looks):
        for name, design in designs.items():
            found, seeds = stops(by_seeds, *design, stopping=stopping)
            total[name] += found.sum(), seeds.sum()
    return {name: (float(found) / n, float(seeds) / n) for name, (found, seeds) in total.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, nargs=2, default=(3, 20), help="of the first and of the last look")
    parser.add_argument("--items", type=int, nargs="+", default=ITEMS)
    parser.add_argument("--shifts", type=float, nargs="+", default=(0.0, 0.35, 1.0), help="true differences, in logits")
    parser.add_argument("--level", type=float, default=LEVEL)
    parser.add_argument("--futile", action="store_true", help="go on to the last look even where that is futile")
    asked = parser.parse_args()
    looks = looks_at(*asked.seeds)
    print(f"found / mean number of seeds; looks at {', '.join(map(str, looks))} seeds")
    for n_items in asked.items:
        for name, luck in LUCK.items():
            for shift in asked.shifts:
                found = rates(asked.repetitions, n_items, luck, shift, looks, asked.level, not asked.futile)
                shown = (f"{design} {rate:.1%} / {seeds:.1f}" for design, (rate, seeds) in found.items())
                print(f"{n_items} items, {name}, shift {shift:g}", *shown, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
