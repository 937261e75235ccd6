"""From run folders to a board: scores, intervals and verdicts of each group of comparable runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from zoo.experiments.board.groups import AnyRun, Comparable, Named, grouped, read_runs
from zoo.experiments.board.records import JUDGED, Board, Cell, Group, Row, RunEntry
from zoo.experiments.plan.planned import hash_json
from zoo.experiments.results.records import FailedResult, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.results.scored import ScoredTask
from zoo.experiments.statistics.costs import LATENCY, OPERATIONS, PARAMETERS, hardware, quantities, withheld
from zoo.experiments.statistics.leaders import Column, column

SHOWN = (PARAMETERS, OPERATIONS, LATENCY)

BASELINE = "baseline"
"""The family of systems that read no text."""


def board(folders: Sequence[Path]) -> Board:
    """The board of all runs in these folders, which depends on nothing else."""
    runs, left_out = read_runs(folders)
    groups = grouped(runs)
    collector = _Collector(runs)
    rows = [row for group in groups for row in collector.rows(group)]
    return Board(
        tasks=tuple(collector.columns),
        metrics=collector.metrics,
        groups=tuple(_group(group, runs) for group in groups),
        rows=tuple(rows),
        runs=tuple(RunEntry(name=each.name, hash=each.run.plan.content_hash) for each in runs),
        environments=tuple(collector.environments),
        left_out=tuple(left_out),
    )


class _Collector:
    """Makes the rows of groups, and collects the board's columns and environments meanwhile."""

    def __init__(self, runs: Sequence[Named]) -> None:
        self.runs = runs
        self.columns: dict[str, str] = {}
        """By name of a column, a hash of its data."""
        self.metrics: dict[str, str] = {}
        self.environments: list[str] = []

    def rows(self, group: Comparable) -> Iterator[Row]:
        """A row per system of a group with a score, the best mean first."""
        run = group.merged
        columns = {task.name: found for task in run.plan.tasks if (found := column(run, task.name))}
        names = {task.name: self._name_of_column(task) for task in run.plan.tasks if task.name in columns}
        costs, rows = _costs(run), []
        for system in run.systems:
            scored = {task: of_task for task, of_task in columns.items() if system in of_task.standings}
            if scored:
                rows.append(self._row(group, system, scored, names, costs.get(system, {})))
        yield from sorted(rows, key=lambda row: (row.mean is None, -(row.mean or 0.0), row.system))

    def _row(
        self,
        group: Comparable,
        system: str,
        columns: Mapping[str, Column],
        names: Mapping[str, str],
        costs: dict[str, float],
    ) -> Row:
        """A system's row, from the tasks that it has a score on."""
        run = group.merged
        cells = {names[task]: self._cell(group, system, task, of_task) for task, of_task in columns.items()}
        complete = {*columns} >= {*run.plan.averaged}
        averaged = [columns[task].standings[system].mean for task in run.plan.averaged if task in columns]
        return Row(
            system=system,
            family=_family(run, system),
            group=group.label,
            device=_device(run, system),
            costs=costs,
            mean=fmean(averaged) if complete and averaged else None,
            cells=cells,
            is_baseline=system in run.plan.baselines,
        )

    def _cell(self, group: Comparable, system: str, task: str, of_task: Column) -> Cell:
        run, score = group.merged, of_task.standings[system]
        results = run.finetuned(system, task)
        source = next(place for place in _places(group, self.runs) if self.runs[place].run.finetuned(system, task))
        return Cell(
            seeds={str(result.job.seed): result.main_score for result in results},
            score=score.mean,
            low=score.low,
            high=score.high,
            leads=not of_task.is_beaten(system),
            verdict=_verdict(system, of_task),
            n_items=sum(split.n_items for split in run.plan.task(task).dev.values()),
            run=source,
            place=self._environment(results[0]),
        )

    def _name_of_column(self, task: ScoredTask) -> str:
        """The task's own name, with a number if a column with other data has that name already."""
        key = hash_json([task.metrics, {name: split.gold for name, split in task.dev.items()}])
        name, number = task.name, 1
        while self.columns.setdefault(name, key) != key:
            number += 1
            name = f"{task.name} ({number})"
        self.metrics[name] = " + ".join(task.measures)
        return name

    def _environment(self, result: object) -> int:
        """The place, among all environments, of the one that made a result."""
        text = "not known: the predictions were judged"
        if isinstance(result, TaskResult):
            made_in = result.environment
            libraries = ", ".join(f"{name} {version}" for name, version in made_in.libraries.items())
            text = f"{made_in.hardware}; zoo {made_in.zoo}, Python {made_in.python}, {libraries}"
        if text not in self.environments:
            self.environments.append(text)
        return self.environments.index(text)


def _places(group: Comparable, runs: Sequence[Named]) -> tuple[int, ...]:
    """The places of a group's runs among all runs."""
    members = {id(run) for run in group.runs}
    return tuple(place for place, run in enumerate(runs) if id(run) in members)


def _verdict(system: str, of_task: Column) -> str:
    """How a system compares with the best of its group on a task."""
    best = of_task.best
    if system == best:
        n_beaten = sum(map(of_task.is_beaten, of_task.standings))
        return f"best of {len(of_task.standings)}; significantly better than {n_beaten}"
    found = of_task.differences.get(system)
    if found is None:
        return f"below {best}; no verdict, as gold labels or seeds are missing"
    ends = "" if found.low is None else f" ({100 * found.low:+z.1f} to {100 * (found.high or 0):+z.1f})"
    p = "p < 0.001" if found.adjusted_p < 0.001 else f"p = {found.adjusted_p:.3f}"
    return f"{best}, the best, scores {100 * found.difference:+z.1f} points{ends}, {p}: {found.verdict}"


def _family(run: AnyRun, system: str) -> str:
    """The plugin in a variant's name, if it has a part of that plugin; else the encoder's."""
    if not isinstance(run, ComparisonRun):
        return JUDGED
    if system in run.plan.baselines:
        return BASELINE
    variant = run.plan.variant(system)
    parts = (variant.tokenizer, variant.packing, variant.masking, variant.embedding, variant.encoder)
    plugins = [part.name.split(".")[0] for part in (*parts, *variant.objectives)]
    named = system.split("-")[0]
    return named if named in plugins else variant.encoder.name.split(".")[0]


def _device(run: AnyRun, system: str) -> str:
    if not isinstance(run, ComparisonRun):
        return JUDGED
    found = {result.environment.arithmetic for result in run.finetuned(system)}
    return " and ".join(sorted(found))


def _costs(run: AnyRun) -> dict[str, dict[str, float]]:
    """By system, what it costs; times and memory only if one kind of machine measured all of a group."""
    if not isinstance(run, ComparisonRun):
        return {}
    known = {quantity.label: quantity.values for quantity in quantities(run)}
    labels = [label for label in SHOWN if label in known]
    return {name: {cost: known[cost][name] for cost in labels if name in known[cost]} for name in run.systems}


def _group(group: Comparable, runs: Sequence[Named]) -> Group:
    run = group.merged
    places = _places(group, runs)
    if not isinstance(run, ComparisonRun):
        sources = tuple(
            f"{task.name}: {f'gold labels of {task.gold}' if task.dev else 'only scores'}" for task in run.plan.tasks
        )
        return Group(label=group.label, data=JUDGED, runs=places, settings=sources, why=tuple(group.why))
    return Group(
        label=group.label,
        data=run.plan.corpus.description if run.plan.corpus_hash else "trained checkpoints",
        runs=places,
        settings=tuple(_settings(run)),
        why=tuple(group.why),
    )


def _settings(run: ComparisonRun) -> Iterator[str]:
    """What the runs of a group have in common."""
    plan = run.plan
    own = [variant for variant in plan.variants if plan.is_pretrained(variant.name)]
    if own:
        text = f"{plan.corpus.description} ({plan.corpus_hash[:12]})"
        yield f"pre-trained on {text}: {own[0].pretraining.tokens:,} tokens"
    steps = sorted({str(v.finetuning.steps or f"{v.finetuning.epochs:g} epochs") for v in plan.variants})
    yield f"fine-tuning: {' and '.join(steps)}{' steps' if all(map(str.isdecimal, steps)) else ''}"
    yield from [f"fine-tuning on {task}: {own} steps" for task, own in plan.task_steps.items()]
    devices = sorted({r.environment.arithmetic for r in run.results if not isinstance(r, FailedResult)})
    yield f"seeds: {', '.join(map(str, plan.seeds))}; computed on {' and '.join(devices)}"
    if withheld(run):
        yield f"times are not shown, as different machines measured them: {'; '.join(hardware(run))}"
    missing = sum(isinstance(result, FailedResult) for result in run.results)
    yield from [f"{missing} jobs failed"] if missing else []
