"""The costs of a run's variants; times and memory only if one kind of machine measured them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from zoo.experiments.results.records import Compression, FailedResult, Measured, ModelResult, TaskResult
from zoo.experiments.results.run import ComparisonRun

PARAMETERS = "parameters stored"
OPERATIONS = "MFLOP per token"
LATENCY = "latency of one item, ms"
MEMORY = "peak memory, MB"
SIZE = "weights on disk, MB"


REPEATS = 0.05
"""By which share two measurements of the same thing may differ, such as of a process's memory."""


@dataclass(frozen=True)
class Quantity:
    """One cost by variant: the number, and how it is printed; without those for which it is not known.

    `ranges` are those in which half of the measurements lie, and `noise` is the share below which a difference says
    nothing; of what is counted there are neither.
    """

    label: str
    values: Mapping[str, float]
    texts: Mapping[str, str]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    noise: float = 0.0

    def is_less(self, name: str, other: str) -> bool:
        """Whether one variant costs less than another, beyond the noise."""
        (_, high), (low, _) = (self.ranges.get(n, (self.values[n], self.values[n])) for n in (name, other))
        return high < low and self.values[name] < (1 - self.noise) * self.values[other]


def hardware(run: ComparisonRun) -> list[str]:
    """The kinds of machine that a run's results come from."""
    return sorted({result.environment.hardware for result in run.results if not isinstance(result, FailedResult)})


def withheld(run: ComparisonRun) -> bool:
    """Whether times and memory are withheld, as different machines measured them and nobody asked to compare them."""
    return len(hardware(run)) > 1 and not run.across_hardware


def quantities(run: ComparisonRun) -> list[Quantity]:
    """The known costs of the variants."""
    return [*_counted(run), *(() if withheld(run) else _measured(run))]


def _counted(run: ComparisonRun) -> Iterator[Quantity]:
    trained = {v.name: result for v in run.plan.variants if (result := run.pretrained(v.name))}
    sizes = {v.name: found for v in run.plan.variants if (found := counts_of(run, v.name))}

    def of_each(label: str, count: Callable[[ModelResult | Compression], float]) -> Quantity:
        values = {name: count(result) for name, result in sizes.items()}
        return Quantity(label, values, {name: format(value, ",.0f") for name, value in values.items()})

    yield of_each(PARAMETERS, lambda result: result.parameters_stored)
    yield of_each("parameters executed per token", lambda result: result.parameters_executed)
    flops = {name: result.flops for name, result in sizes.items()}
    operations = {name: at.forward / at.length / 1e6 for name, at in flops.items() if at}
    yield Quantity(OPERATIONS, operations, {name: f"{value:,.3f}" for name, value in operations.items()})
    read = {name: 100 * result.share_read for name, result in trained.items() if result.share_read is not None}
    yield Quantity("text read per epoch, %", read, {name: f"{share:.1f}" for name, share in read.items()})
    stored = {name: trained[name].checkpoint_bytes / 1e6 for name in trained if name not in run.plan.compressed}
    yield Quantity("checkpoint, MB", stored, {name: f"{value:,.2f}" for name, value in stored.items()})
    on_disk = dict(_on_disk(run))
    yield Quantity(SIZE, on_disk, {name: f"{value:,.2f}" for name, value in on_disk.items()})


def counts_of(run: ComparisonRun, system: str) -> ModelResult | Compression | None:
    """The counts of a variant: of what is left of it, where it is compressed."""
    if system not in run.plan.compressed:
        return run.pretrained(system)
    return next((result.compression for result in run.finetuned(system) if result.compression), None)


def _on_disk(run: ComparisonRun) -> Iterator[tuple[str, float]]:
    """The weights of fine-tuned models in MB: of compressed variants, and of those that they were made from."""
    for name in run.plan.compressed:
        costs = [result.cost.compression for result in run.finetuned(name)]
        if known := [cost for cost in costs if cost]:
            yield name, median(cost.bytes for cost in known) / 1e6
            origin = run.plan.finetuning_origins.get(name, name)
            if origin not in run.plan.compressed:
                yield origin, median(cost.original_bytes for cost in known) / 1e6


def _measured(run: ComparisonRun) -> Iterator[Quantity]:
    names = [variant.name for variant in run.plan.variants]
    trained = {name: run.pretrainings(name) for name in names}
    # Medians over other tasks would not compare.
    tasks = [task.name for task in run.plan.tasks if all(run.finetuned(name, task.name) for name in names)]
    tuned = {name: [result for task in tasks for result in run.finetuned(name, task)] for name in names}
    yield _rate("pre-training tokens/s", {name: [r.cost.tokens_per_s for r in rs] for name, rs in trained.items()})
    yield _rate(
        "fine-tuning items/s", {name: [r.cost.training_examples_per_s for r in rs] for name, rs in tuned.items()}
    )
    yield _spread("inference items/s", {name: [r.cost.inference_items_per_s for r in rs] for name, rs in tuned.items()})
    yield _spread(LATENCY, {name: [r.cost.latency_s for r in rs] for name, rs in tuned.items()}, 1e3)
    peaks: dict[str, list[ModelResult | TaskResult]] = {name: [*trained[name], *tuned[name]] for name in names}
    highest = {name: max(r.cost.peak_bytes for r in rs) / 1e6 for name, rs in peaks.items() if rs}
    yield Quantity(MEMORY, highest, {name: f"{value:,.0f}" for name, value in highest.items()}, noise=REPEATS)


def _rate(label: str, found: Mapping[str, list[float | None]]) -> Quantity:
    known = {name: [rate for rate in rates if rate is not None] for name, rates in found.items()}
    values = {name: median(rates) for name, rates in known.items() if rates}
    return Quantity(label, values, {name: f"{value:,.0f}" for name, value in values.items()}, noise=REPEATS)


def _spread(label: str, found: Mapping[str, list[Measured | None]], unit: float = 1.0) -> Quantity:
    """The median over tasks and seeds, and the medians of the quartiles."""
    values, texts, ranges = {}, {}, {}
    for name, several in found.items():
        known = [measured for measured in several if measured]
        if known:
            middle, low, high = (unit * median(getattr(m, end) for m in known) for end in ("median", "low", "high"))
            digits = ",.0f" if middle >= 100 else ".2f"
            values[name], texts[name] = middle, f"{middle:{digits}} ({low:{digits}} to {high:{digits}})"
            ranges[name] = low, high
    return Quantity(label, values, texts, ranges, REPEATS)
