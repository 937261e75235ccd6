"""The section that comes first: which system, on what grounds, at what cost, how sure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

from zoo.document import MISSING, Figure, Notes, Section, Table
from zoo.document.blocks import Block
from zoo.document.charts import number
from zoo.experiments.plan.claims import FEWEST
from zoo.experiments.report.chance import differing
from zoo.experiments.report.costs import cost_chart
from zoo.experiments.report.differences import interval
from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.costs import LATENCY, MEMORY, OPERATIONS, PARAMETERS, Quantity
from zoo.experiments.statistics.draft import MEAN
from zoo.experiments.statistics.error import CERTAIN
from zoo.experiments.statistics.standing import Standing
from zoo.experiments.statistics.tests import EQUIVALENT, SAME, TOO_FEW, Difference, tiers
from zoo.experiments.statistics.verdicts import Comparisons

CHARTED = (PARAMETERS, OPERATIONS, LATENCY, MEMORY)
SHORT = {PARAMETERS: "params", LATENCY: "latency, ms"}
"""The costs in the table, by their short names."""

MOST_NAMED = 4
"""Systems or tasks that a sentence names."""


def answer_section(
    run: ScoredRun,
    comparisons: Comparisons,
    costs: Sequence[Quantity] = (),
    caveats: Sequence[str] = (),
    more_seeds: Callable[[int], str] = lambda n_seeds: "",
) -> Section:
    """Sentences, a table with intervals and tiers, and a chart of score against cost, if costs are known.

    `more_seeds` says what it takes to have so many.
    """
    answer = _Answer(run, comparisons, {quantity.label: quantity for quantity in costs}, more_seeds)
    lead = Notes((*answer.sentences(), *caveats), lead=True)
    blocks: list[Block] = [answer.table(), *answer.chart()] if answer.ranked else []
    return Section("summary", "Summary", (lead, *blocks), brief=True)


class _Answer:
    """What the scores that decide as a whole say of the systems."""

    def __init__(
        self,
        run: ScoredRun,
        comparisons: Comparisons,
        costs: Mapping[str, Quantity],
        more_seeds: Callable[[int], str],
    ) -> None:
        self.run, self.comparisons, self.costs, self.more_seeds = run, comparisons, costs, more_seeds
        self.standings = comparisons.main_standings
        self.ranked = sorted(
            (name for name in run.plan.names if name in self.standings), key=lambda name: -self.standings[name].mean
        )
        self.tiers = tiers(
            {name: self.standings[name].mean for name in self.ranked},
            {d.winner_first for d in comparisons.main if d.verdict == "better"},
        )
        self.found = {d.winner_first: d for d in comparisons.main}

    @property
    def where(self) -> str:
        """On what the systems are compared."""
        n = len(self.run.plan.averaged)
        return f"in the mean over {n} tasks" if self.comparisons.decisive == MEAN else f"on {self.comparisons.decisive}"

    def sentences(self) -> Iterator[str]:
        """The answer, its cost, and its grounds."""
        if not self.ranked:
            yield self._without_answer()
            return
        level = [*self._at_chance()]
        if len(self.ranked) > 1:
            yield " ".join([self._best(), *([] if level else self._undecided())])
        else:
            yield self._alone()
        yield from [] if level else differing(self.comparisons)
        more = level or [*self._cost(), *self._baselines()]
        yield from [" ".join(more)] if more else []
        yield self._grounds()

    def table(self) -> Table:
        """A row per system, best first, then baselines: tier, score, difference from the best, costs."""
        tier = {name: f"{rank}" for rank, group in enumerate(self.tiers, 1) for name in group}
        floor = [name for name in self.run.plan.baselines if name in self.standings]
        known = [(short, self.costs[label]) for label, short in SHORT.items() if label in self.costs]
        rows = tuple(
            (
                name,
                tier.get(name, MISSING),
                scored(self.standings[name]),
                self._behind(name),
                *(_cost_of(quantity, name) for _, quantity in known),
            )
            for name in (*self.ranked, *floor)
        )
        score = "mean score" if self.comparisons.decisive == MEAN else "score"
        columns = ("system", "tier", score, "from the best", *(short for short, _ in known))
        return Table(columns, rows, rules=frozenset({len(self.ranked)}))

    def chart(self) -> Iterator[Figure]:
        """Score against the first cost in which systems differ."""
        known = [self.costs[label] for label in CHARTED if label in self.costs]
        known = [quantity for quantity in known if {*self.ranked} & {*quantity.values}]
        differing = [quantity for quantity in known if _differs(quantity, self.ranked)]
        for quantity in (differing or known)[:1]:
            title = f"Score with its 95% interval against {quantity.label}"
            data = None if quantity.label in SHORT else self._table_of(quantity)
            yield Figure(title, cost_chart(self.run, self.comparisons, [quantity]), data)

    def _table_of(self, quantity: Quantity) -> Table:
        rows = tuple((name, _cost_of(quantity, name), scored(self.standings[name])) for name in self.ranked)
        return Table(("system", quantity.label, "score x 100"), rows)

    def _best(self) -> str:
        best, second = self.ranked[:2]
        group, d = self.tiers[0], self._of_the_best
        score = f"{100 * self.standings[best].mean:.1f} {self.where}"
        if len(group) == 1:
            by = f": {_lead(d)} above {second}" if d else ""
            return f"{best} is the best of {len(self.ranked)} systems, with {score}{by}."
        if d and d.verdict == TOO_FEW:
            start = f"No winner yet {'between' if len(group) == 2 else 'among'} {_listed(group)} {self.where}"
        elif len(group) == len(self.ranked):
            start = f"No winner among {_listed(self.ranked)} {self.where}"
        else:
            start = f"{_listed(group)} share the first place {self.where}"
        if d and abs(d.difference) <= CERTAIN and d.verdict != SAME:
            level = "both" if len(group) == 2 else f"{best} and {second}"
            return f"{start}: {level} score {100 * self.standings[best].mean:.1f}."
        return f"{start}: {best} has the highest score, {100 * self.standings[best].mean:.1f}{self._tied(d, second)}."

    def _tied(self, d: Difference | None, second: str) -> str:
        if d is None:
            untested = f", but it has no seed in common with {second}, so nothing is tested"
            return "" if self.comparisons.claims.against else untested
        if d.verdict == SAME:
            return f", and {second} is the same model"
        if d.verdict == EQUIVALENT:
            return f", and {second} is equivalent within {self.comparisons.claims.margin:g} points"
        if d.low is None:
            why = "another seed could differ" if d.n_seeds == 1 else "without any spread nothing is tested"
            return f", {_lead(d)} above {second}, but {why}"
        return f", but its lead of {_lead(d)} over {second} is not significant{self._by_seed(second)}"

    @property
    def _of_the_best(self) -> Difference | None:
        """The difference between the first two."""
        best, second = self.ranked[:2]
        return self.found.get((best, second)) or self.found.get((second, best))

    def _by_seed(self, second: str) -> str:
        """How the best's lead varies from seed to seed."""
        best, tasks = self.ranked[0], self.run.plan.averaged
        scores: dict[int, dict[tuple[str, str], float]] = {}
        for name in (best, second):
            for task in tasks:
                for result in self.run.finetuned(name, task):
                    scores.setdefault(result.job.seed, {})[name, task] = result.main_score
        whole = [by_cell for _, by_cell in sorted(scores.items()) if len(by_cell) == 2 * len(tasks)]
        leads = [100 * fmean(by_cell[best, task] - by_cell[second, task] for task in tasks) for by_cell in whole]
        if len(leads) < 2:
            return ""
        if len(leads) <= MOST_NAMED:
            return f": by seed it is {_listed([f'{lead:.1f}' for lead in leads])}"
        return f": by seed it is {min(leads):.1f} to {max(leads):.1f}"

    def _undecided(self) -> Iterator[str]:
        """How many seeds would decide it, and what they take."""
        d = self._of_the_best
        if d is None or d.verdict != TOO_FEW:
            return
        needed = d.seeds_needed or (FEWEST if d.n_seeds == 1 else 0)
        if needed <= d.n_seeds:
            return
        size = "A lead of this size takes" if d.seeds_needed else "A verdict takes at least"
        power = " to show (80% power)" if d.seeds_needed else ""
        cost = self.more_seeds(needed)
        yield f"{size} {'about ' * bool(power)}{needed} seeds{power}{cost and f'; {cost}'}."

    def _alone(self) -> str:
        (name,) = self.ranked
        return f"{name} scores {scored(self.standings[name])} {self.where}."

    def _without_answer(self) -> str:
        if self.comparisons.undecided:
            return f"No verdict: the gold labels of {_listed(self.comparisons.undecided)} were not stored."
        return "No answer yet: no system has finished every task."

    def _at_chance(self) -> Iterator[str]:
        """Where no run of several systems has learned anything."""
        spreads = [self.comparisons.spreads[task][name] for task in self.run.plan.averaged for name in self.ranked]
        if len(self.ranked) > 1 and all(spread.at_chance and len(spread.at_chance) == spread.n for spread in spreads):
            yield (
                f"Every run is at chance {self.where}: not significantly above one answer for every item. So these "
                "scores say nothing of the designs: train for longer, or score more items."
            )

    def _cost(self) -> Iterator[str]:
        """How the best compares in size with the smallest."""
        sizes = self.costs.get(PARAMETERS)
        known = [name for name in self.ranked if sizes and name in sizes.values]
        best = self.ranked[0]
        if sizes is None or best not in known or len(known) < 2:
            return
        smallest = min(known, key=lambda name: sizes.values[name])
        if sizes.values[smallest] == sizes.values[best]:
            if not sizes.is_less(smallest, max(known, key=lambda name: sizes.values[name])):
                return
            yield f"It is also the smallest, with {sizes.texts[best]} parameters."
            return
        share = 100 * sizes.values[smallest] / sizes.values[best]
        d = self.found.get((best, smallest))
        worse = f"scores {_lead(d)} less" if d and d.verdict == "better" else "is not significantly worse"
        yield (
            f"The smallest, {smallest}, stores {share:.0f}% of its parameters "
            f"({sizes.texts[smallest]} of {sizes.texts[best]}) and {worse}."
        )

    def _baselines(self) -> Iterator[str]:
        """Where the best system is not better than a baseline."""
        best, tasks = self.ranked[0], self.run.plan.averaged
        floors_by_place: dict[str, list[str]] = {}
        for floor in self.run.plan.baselines:
            of = {d.task: d for d in self.comparisons.differences if (d.first, d.second) == (best, floor)}
            beaten = [task for task, d in of.items() if d.verdict == "better" and d.difference < 0]
            level = [task for task, d in of.items() if d.verdict != "better" and d.low is not None]
            if beaten:
                yield f"{floor} is better than {best} on {_on(beaten, tasks)}."
            if level:
                place = "any task" if len(level) == len(tasks) > 1 else _on(level, tasks)
                floors_by_place.setdefault(place, []).append(floor)
        for place, floors in floors_by_place.items():
            yield f"{best} is not significantly better than {' or '.join(floors)} on {place}."

    def _grounds(self) -> str:
        plan = self.run.plan
        spreads = [self.comparisons.spreads.get(task, {}) for task in plan.averaged]
        seeds = max((of_task[name].n for of_task in spreads for name in self.ranked if name in of_task), default=0)
        items = sum(len(of_split) for task in plan.averaged for of_split in self.run.gold.get(task, {}).values())
        left_out = [name for name in plan.names if name not in self.ranked]
        missing = f" {_listed(left_out)}: not finished on every task." if left_out else ""
        counted = f", {items:,} development items" if items else ""
        over = " and ".join([*["seeds"] * (seeds > 1), *["items"] * (items > 0)])
        tested = f"intervals and tests are at 95% over {over}" if over else "nothing can be tested"
        return f"Grounds: {_count(len(plan.averaged), 'task')}, {_count(seeds, 'seed')}{counted}; {tested}.{missing}"

    def _behind(self, name: str) -> str:
        best = self.ranked[0]
        if name == best:
            return MISSING
        d = self.found.get((best, name)) or self.found.get((name, best))
        if d is None:
            return f"{100 * (self.standings[name].mean - self.standings[best].mean):+z.1f}"
        sign = 1 if d.first == name else -1
        ends = [sign * end for end in (d.low, d.high) if end is not None]
        shown = f" ({interval(min(ends), max(ends))})" if len(ends) == 2 and d.verdict != SAME else ""
        return f"{100 * sign * d.difference:+z.1f}{shown}"


def scored(found: Standing) -> str:
    """A score with its interval, x 100."""
    known = found.low is not None and found.high is not None
    ends = f" ({100 * (found.low or 0):.1f} to {100 * (found.high or 0):.1f})" if known else ""
    return f"{100 * found.mean:.1f}{ends}"


def _lead(d: Difference) -> str:
    """The size of a difference, with its interval."""
    low, high = sorted(abs(end) if d.verdict == "better" else end for end in (d.low or 0.0, d.high or 0.0))
    if d.difference < 0 and d.verdict != "better":
        low, high = -high, -low
    ends = f" ({100 * low:.1f} to {100 * high:.1f})" if d.low is not None and d.high is not None else ""
    return f"{100 * abs(d.difference):.1f} points{ends}"


def _cost_of(quantity: Quantity, name: str) -> str:
    if name not in quantity.values:
        return MISSING
    return f"{quantity.values[name]:.2f}" if quantity.noise else number(quantity.values[name])


def _differs(quantity: Quantity, names: Sequence[str]) -> bool:
    known = [name for name in names if name in quantity.values]
    return any(quantity.is_less(name, other) for name in known for other in known)


def _listed(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{len(names)} systems"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _on(tasks: Sequence[str], of: Sequence[str]) -> str:
    if len(tasks) == len(of):
        return "every task" if len(of) > 1 else tasks[0]
    return _listed(tasks) if len(tasks) <= MOST_NAMED else f"{len(tasks)} of {len(of)} tasks"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
