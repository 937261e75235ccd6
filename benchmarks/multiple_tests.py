"""How often a family of differences that is corrected together contains a wrong finding, with looks and without.

    python -m benchmarks.multiple_tests --repetitions 2000

Two systems are compared on several tasks, of which some have a true difference; a wrong finding is a "better" on one of
the others. Verdicts are those of a comparison (`settled`): Hochberg's correction over tasks, and with looks Holm's,
where what a look decides stays and leaves its part of the level to the rest (Maurer and Bretz 2013). Over all pairs and
tasks (`--family-wise`) and over the pairs with one variant (`--against`) it is Holm's too: such differences share a
system, and with it the luck of its seeds. `--shared` makes all pairs against one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.verdict_power import LUCK, answers
from zoo.experiments.plan.claims import Claims, looks_at
from zoo.experiments.statistics.bootstrap import Array
from zoo.experiments.statistics.decisions import settled
from zoo.experiments.statistics.draft import Draft, Pairing
from zoo.experiments.statistics.error import Error


@dataclass(frozen=True)
class Simulated(Pairing):
    """A pairing with simulated gains on one task, by seed and item. [K, N]"""

    gains: Array | None = None

    @property
    def task(self) -> str:
        """Its second system is named after it."""
        return self.second

    @property
    def seeds(self) -> list[int]:
        """All."""
        assert self.gains is not None
        return list(range(len(self.gains)))

    def draft(self, seeds: Sequence[int]) -> Draft:
        """The difference and its error, by an analysis of variance in place of drawn items."""
        assert self.gains is not None
        gains = self.gains[list(seeds)]
        n_seeds, n_items = gains.shape
        mean, by_seed, by_item = gains.mean(), gains.mean(1), gains.mean(0)
        rest = gains - by_seed[:, None] - by_item + mean
        together = float((rest**2).sum()) / ((n_seeds - 1) * (n_items - 1)) / n_items
        of_items = max(float(by_item.var(ddof=1)) / n_items - together / n_seeds, 1 / n_items**2)
        of_seeds = max(float(by_seed.var(ddof=1)), together)
        error = Error(of_seeds, of_items, n_seeds, n_items, together)
        return Draft(self.task, self.first, self.second, n_seeds, float(mean), error)


def family(
    generator: np.random.Generator, n_tasks: int, n_true: int, n_seeds: int, n_items: int, luck: float, shared: bool
) -> list[Pairing]:
    """A pairing per task, the first `n_true` with a large true difference; or per rival of one system, on one task."""
    if shared:
        ease = generator.normal(1.0, 1.0, n_items) + generator.normal(0.0, 0.7, (n_tasks + 1, 1, n_items))
        chance = ease + generator.normal(0.0, luck, (n_tasks + 1, n_seeds, 1))
        chance[1 : n_true + 1] -= 2.0
        right = (generator.random(chance.shape) < 1 / (1 + np.exp(-chance))).astype(float)
        gains = right[0] - right[1:]
    else:
        shifts = [2.0 * (task < n_true) for task in range(n_tasks)]
        made = [answers(generator, 1, n_seeds, n_items, luck, shift)[0].astype(float) for shift in shifts]
        gains = np.stack([first - second for first, second in made])
    return [Simulated("one", f"other{task}", {}, gains=each) for task, each in enumerate(gains)]


def wrong(
    n: int, n_tasks: int, n_true: int, looks: tuple[int, ...], n_items: int, luck: float, shared: bool = False
) -> float:
    """The share of families with a "better" where there is no difference."""
    generator = np.random.default_rng([n_tasks, n_true, n_items, int(10 * luck), len(looks)])
    found = 0
    for _ in range(n):
        pairings = family(generator, n_tasks, n_true, looks[-1], n_items, luck, shared)
        claims = Claims(looks=looks if len(looks) > 1 else ())
        verdicts = [row.verdict for row in settled(pairings, claims, independent=not shared)]
        found += "better" in verdicts[n_true:]
    return found / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--tasks", type=int, default=5)
    parser.add_argument("--items", type=int, default=277)
    parser.add_argument("--seeds", type=int, nargs=2, default=(3, 12), help="of the first and of the last look")
    parser.add_argument("--shared", action="store_true", help="several rivals of one system on one task")
    asked = parser.parse_args()
    designs = {f"{asked.seeds[0]} seeds": asked.seeds[:1], "looks": looks_at(*asked.seeds)}
    for name, luck in LUCK.items():
        for n_true in (0, asked.tasks // 2):
            rates = {
                design: wrong(asked.repetitions, asked.tasks, n_true, (*looks,), asked.items, luck, asked.shared)
                for design, looks in designs.items()
            }
            shown = (f"{design} {rate:.1%}" for design, rate in rates.items())
            print(f"{name}, {n_true} of {asked.tasks} true", *shown, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
