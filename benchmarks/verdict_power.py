"""How often tests of a difference between two systems are wrong, and how often they find one.

    python -m benchmarks.verdict_power --repetitions 10000 > power.txt
    python -m benchmarks.verdict_power --show power.txt --chart power.svg

Two systems answer N items with K seeds each. An item is answered correctly with a probability that depends on the item,
on how well it suits the system, and on the luck of the seed. Without a true difference, a test should find one in at
most 5% of runs; with one, the more the better. Compared are zoo's test, the same with a weighted mean of t values
(Cochran and Cox 1957, zoo's test before) and with Satterthwaite's degrees of freedom, a bootstrap of items, each with
its mean over the seeds (Koehn 2004), Welch's t-test over seeds, and McNemar's test on the first seed. `--metrics` does
the same through resampled metrics, for zoo's test alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import bdtr, stdtrit

from zoo.document import Axis, Chart, Panel, Point, Series
from zoo.document.svg import standalone
from zoo.experiments.statistics.bootstrap import Array, resampled
from zoo.experiments.statistics.draft import draft
from zoo.tasks.metrics import built_in

SEEDS = (3, 5, 10, 20)
ITEMS = (71, 277, 500, 872)
LUCK = {"no spread": 0.0, "middling spread": 0.3, "large spread": 1.0}
SUITS = 0.7
LEVEL = 0.05

DRAWS = 1_000
"""Of items, for the bootstrap; the same ones for all runs."""

LARGEST = 4_000_000
"""The most answers at once."""


def answers(generator: np.random.Generator, n: int, n_seeds: int, n_items: int, luck: float, shift: float) -> Array:
    """Whether each system, seed and item is right. [n, 2, K, N]"""
    ease = generator.normal(1.0, 1.0, (n, 1, 1, n_items)) + generator.normal(0.0, SUITS, (n, 2, 1, n_items))
    seeds = generator.normal(0.0, luck, (n, 2, n_seeds, 1))
    gain = np.array([shift, 0.0])[None, :, None, None]
    right: Array = generator.random((n, 2, n_seeds, n_items)) < 1 / (1 + np.exp(-(ease + seeds + gain)))
    return right


@dataclass(frozen=True)
class Errors:
    """The means and variances of many runs' differences with K seeds, as of zoo's error model. Each is [n]."""

    mean: Array
    of_one_seed: Array
    of_items: Array
    together: Array
    n_items: int

    @classmethod
    def of(cls, gains: Array) -> Errors:
        """From gains [n, K, N]."""
        _, n_seeds, n_items = gains.shape
        by_seed, by_item = gains.mean(2), gains.mean(1)
        mean, of_items = by_seed.mean(1), by_item.var(1, ddof=1) / n_items
        squares = (gains**2).sum((1, 2)) - n_items * (by_seed**2).sum(1) - n_seeds * (by_item**2).sum(1)
        rest = squares + n_items * n_seeds * mean**2
        together = rest / ((n_seeds - 1) * (n_items - 1)) / n_items
        seeds = np.maximum(by_seed.var(1, ddof=1), together)
        return cls(mean, seeds, np.maximum(of_items - together / n_seeds, 1 / n_items**2), together, n_items)

    def size(self, n_seeds: int) -> Array:
        """The standard error, had there been so many seeds."""
        return np.sqrt(self.of_one_seed / n_seeds + self.of_items)

    def reach(self, level: float, n_seeds: int) -> Array:
        """Half of the interval, had there been so many seeds."""
        of_seeds, of_items = _critical(level, n_seeds, self.n_items)
        known = self.together / n_seeds**2
        return np.sqrt(of_seeds**2 * (self.of_one_seed / n_seeds - known) + of_items**2 * (self.of_items + known))

    def weighted(self, level: float, n_seeds: int) -> Array:
        """The same by a weighted mean of both t values (Cochran and Cox 1957), 0.45 of the interaction known."""
        size, (of_seeds, of_items) = self.size(n_seeds), _critical(level, n_seeds, self.n_items)
        share = (self.of_one_seed - 0.45 * self.together) / n_seeds / size**2
        return np.asarray((share * of_seeds + (1 - share) * of_items) * size)


def _critical(level: float, n_seeds: int, n_items: int) -> tuple[float, float]:
    """Student's t values, two-sided."""
    return -float(stdtrit(n_seeds - 1, level / 2)), -float(stdtrit(n_items - 1, level / 2))


def findings(right: Array, level: float) -> Iterator[tuple[str, Array]]:
    """Whether each test finds a difference in each run. [n, 2, K, N] -> [n]"""
    gains = right[:, 0] - right[:, 1]
    n_seeds, n_items = gains.shape[1:]
    errors = Errors.of(gains)
    distance = np.abs(errors.mean)
    yield "zoo", distance > errors.reach(level, n_seeds)
    yield "weighted t", distance > errors.weighted(level, n_seeds)

    spread, of_items = gains.mean(2).var(1, ddof=1) / n_seeds, gains.mean(1).var(1, ddof=1) / n_items
    size = np.sqrt(spread + of_items)
    freedom = size**4 / np.maximum(spread**2 / (n_seeds - 1) + of_items**2 / (n_items - 1), 1e-300)
    yield "Satterthwaite", distance > -stdtrit(np.maximum(freedom, 1), level / 2) * size

    yield "paired bootstrap", _outside_of_draws(gains.mean(1), level)

    each = right.mean(3, dtype=np.float64).var(2, ddof=1) / n_seeds
    freedom = each.sum(1) ** 2 / np.maximum((each**2).sum(1) / (n_seeds - 1), 1e-300)
    yield "Welch over seeds", distance > -stdtrit(np.maximum(freedom, 1), level / 2) * np.sqrt(each.sum(1))

    won, lost = ((gains[:, 0] == sign).sum(1) for sign in (1, -1))
    yield "McNemar, one seed", 2 * bdtr(np.minimum(won, lost), won + lost, 0.5) < level


def _outside_of_draws(gains: Array, level: float) -> Array:
    """Whether 0 lies outside the interval of means over drawn items, by its percentiles. [n, N] -> [n]"""
    n_items = gains.shape[1]
    times = np.random.default_rng(n_items).multinomial(n_items, np.full(n_items, 1 / n_items), DRAWS)
    low, high = np.quantile(gains @ (times.T / n_items).astype(gains.dtype), (level / 2, 1 - level / 2), axis=1)
    outside: Array = (low > 0) | (high < 0)
    return outside


def rates(n: int, n_seeds: int, n_items: int, luck: float, shift: float, level: float) -> dict[str, float]:
    """The share of runs in which each test finds a difference."""
    generator = np.random.default_rng([n_seeds, n_items, int(10 * luck), int(100 * shift)])
    found: dict[str, int] = {}
    size = max(1, LARGEST // (2 * n_seeds * n_items))
    for start in range(0, n, size):
        right = answers(generator, min(size, n - start), n_seeds, n_items, luck, shift).astype(np.float32)
        for name, shown in findings(right, level):
            found[name] = found.get(name, 0) + int(shown.sum())
    return {name: count / n for name, count in found.items()}


class Task:
    """What `resampled` needs of a task."""

    def __init__(self, kind: str, metric: str, labels: tuple[str, ...]) -> None:
        self.name, self.kind, self.metrics, self.labels = "simulated", kind, (metric,), labels
        self.pair = False
        self.options: dict[str, object] = {}


def metric_rate(kind: str, metric: str, n: int, n_seeds: int, n_items: int, luck: float) -> float:
    """Zoo's rate of false findings with a metric that is no mean over items."""
    generator = np.random.default_rng([n_seeds, n_items, 7])
    labels = {"classification": ("a", "b"), "token-classification": ("O", "B-x", "I-x", "B-y", "I-y")}.get(kind, ())
    task: Any = Task(kind, metric, labels)
    found = 0
    for _ in range(n):
        right = answers(generator, 1, n_seeds, n_items, luck, 0.0)[0]
        gold, made = predicted(generator, kind, right)
        drawn = [resampled(task, {"dev": gold}, {"dev": rows}, 400) for rows in made]
        values = [resampled_once(task, gold, rows) for rows in made]
        made_draft = draft("t", "a", "b", values[0] - values[1], drawn[0] - drawn[1], n_items)
        found += made_draft.p < LEVEL
    return found / n


def resampled_once(task: Any, gold: list[object], rows: list[list[object]]) -> Array:
    """The plain scores [K]."""
    from zoo.tasks.kinds import task_kind

    kind = task_kind(task)
    (metric,) = [m for m in built_in() if (m.name, m.kind) == (task.metrics[0], task.kind)]
    return np.asarray([metric.value(kind.side(gold), kind.side(row)) for row in rows])


def predicted(generator: np.random.Generator, kind: str, right: Array) -> tuple[Any, Any]:
    """Gold labels and each system's predictions by seed, correct where `right` says so."""
    n_items = right.shape[-1]
    gold: Any
    if kind == "regression":
        gold = generator.normal(size=n_items)
        off = np.where(right, 0.3, 1.2) * generator.normal(size=right.shape)
        return gold.tolist(), (gold + off).tolist()
    if kind == "question-answering":
        gold = [[[0, f"the red fox {item}"]] for item in range(n_items)]
        near = [[[0, f"fox {item}"]] if item % 2 else [[9, "a dog"]] for item in range(n_items)]
        return gold, [[[g if r else x for g, x, r in zip(gold, near, row, strict=True)] for row in s] for s in right]
    if kind == "token-classification":
        whole = [[0, 1, 2, 0, 3] if item % 2 else [1, 0, 3, 4, 0] for item in range(n_items)]
        wrong = [[0, 1, 0, 0, 3] if item % 2 else [1, 0, 1, 2, 0] for item in range(n_items)]
        return whole, [[[w if r else x for w, x, r in zip(whole, wrong, row, strict=True)] for row in s] for s in right]
    truth = np.where(generator.random(n_items) < 0.4, 1, 0)
    return truth.tolist(), np.where(right, truth, 1 - truth).tolist()


@dataclass(frozen=True)
class Setting:
    """How many seeds and items there are, and how large the spread of the seeds is."""

    seeds: int
    items: int
    spread: str


Rates = dict[Setting, dict[str, dict[str, float]]]
"""By setting, test, and `wrong` or `found`, in percent."""


def read(path: Path) -> Rates:
    """The rates that a run has printed."""
    rates: Rates = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        where, what, *tests = line.split(" | ")
        seeds, items, spread = where.split(", ")
        setting = Setting(int(seeds.split()[0]), int(items.split()[0]), spread.removesuffix(" spread"))
        for test, rate in (each.rsplit(" ", 1) for each in tests):
            rates.setdefault(setting, {}).setdefault(test, {})[what] = float(rate.removesuffix("%"))
    return rates


def table(rates: Rates) -> Iterator[str]:
    """A row of Markdown per setting: false findings and true ones of each test."""
    tests = list(next(iter(rates.values())))
    yield f"| seeds, items, spread of seeds | {' | '.join(tests)} |"
    yield "|---" * (len(tests) + 1) + "|"
    for setting, by_test in rates.items():
        cells = [f"{each['wrong']:.1f}% / {each['found']:.1f}%" for each in by_test.values()]
        yield f"| {setting.seeds}, {setting.items}, {setting.spread} | {' | '.join(cells)} |"


def drawn(rates: Rates, n_items: int = 277) -> str:
    """The same with so many items as curves over the number of seeds, a row of panels per spread."""
    shown = {setting: by_test for setting, by_test in rates.items() if setting.items == n_items}
    tests, panels = list(next(iter(shown.values()))), []
    for spread in dict.fromkeys(setting.spread for setting in shown):
        for what, said in (("wrong", "false findings"), ("found", "true ones found")):
            its = [(setting.seeds, by_test) for setting, by_test in shown.items() if setting.spread == spread]
            curves = [(test, tuple(Point(n, by_test[test][what]) for n, by_test in its)) for test in tests]
            lines = [Series(test, points, "line") for test, points in curves]
            dots = [Series(test, points) for test, points in curves]
            level = {"": 0.0} | ({"5%": 5.0} if what == "wrong" else {})
            axes = Axis("seeds", from_zero=True), Axis("% of simulated runs", from_zero=True)
            panels.append(Panel(f"{said}, {spread} spread of seeds", (*lines, *dots), *axes, y_lines=level))
    title = f"How often tests find a difference that does not exist, and one that does; {n_items} items"
    return standalone(Chart(tuple(panels), tuple(tests)), title)


METRICS = (
    ("classification", "f1"),
    ("classification", "matthews"),
    ("regression", "spearman"),
    ("token-classification", "entity-f1"),
    ("question-answering", "f1"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10_000)
    parser.add_argument("--shift", type=float, default=0.35, help="a true difference, in logits, for power")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--items", type=int, nargs="+", default=ITEMS)
    parser.add_argument("--level", type=float, default=LEVEL)
    parser.add_argument("--metrics", action="store_true", help="through resampled metrics, zoo's test alone")
    parser.add_argument("--show", type=Path, metavar="FILE", help="nothing is run: what was printed, as a table")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="of --show, drawn as SVG over the number of seeds")
    asked = parser.parse_args()
    if asked.show:
        measured = read(asked.show)
        print(*table(measured), sep="\n")
        if asked.chart:
            asked.chart.write_text(drawn(measured), encoding="utf-8")
        return
    for n_seeds in asked.seeds:
        for n_items in asked.items:
            for name, luck in LUCK.items():
                where = f"{n_seeds} seeds, {n_items} items, {name}"
                if asked.metrics:
                    by_metric = [
                        f"{m} {metric_rate(k, m, asked.repetitions, n_seeds, n_items, luck):.1%}" for k, m in METRICS
                    ]
                    print(where, *by_metric, sep=" | ", flush=True)
                    continue
                for what, shift in (("wrong", 0.0), ("found", asked.shift)):
                    found = rates(asked.repetitions, n_seeds, n_items, luck, shift, asked.level)
                    print(where, what, *(f"{test} {rate:.1%}" for test, rate in found.items()), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
