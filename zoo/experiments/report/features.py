"""What heads read of the encoders, how many parameters were trained, and learned mixes of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from zoo.core.specs import FeatureConfig
from zoo.document import MISSING, Axis, Chart, Figure, Panel, Point, Section, Series, Table
from zoo.experiments.report.teachers import teachers_table
from zoo.experiments.results.records import LayerWeights, TaskResult
from zoo.experiments.results.run import ComparisonRun

Mixes: TypeAlias = dict[tuple[str, str], list[LayerWeights]]
"""By task and variant, the mix of each seed."""


def features_section(run: ComparisonRun) -> Section | None:
    """What heads read, techniques and teachers; None if all variants are fine-tuned as a whole and plainly."""
    recipes = [variant.finetuning for variant in run.plan.variants]
    tables = [trained_table(run)] if any(recipe.feature_config for recipe in recipes) else []
    tables += [techniques_table(run)] if any(recipe.changed for recipe in recipes) else []
    tables += [teachers] if (teachers := teachers_table(run)).rows else []
    tables += [adaptation_table(run)] if run.adapted_results else []
    if not tables:
        return None
    mixes = mixes_of(run)
    title = "Learned mix of layers: the share of each, a point per seed; layer 0 is the embeddings"
    figures = (Figure(title, _chart(run, mixes), mix_table(mixes)),) if mixes else ()
    return Section("features", "What is trained", (*tables, *figures))


def trained_table(run: ComparisonRun) -> Table:
    """What each variant's heads read, and how many parameters fine-tuning trains; heads differ from task to task."""
    columns = ("variant", "encoder", "layers", "head", "parameters trained")
    rows = tuple(
        (variant.name, *_described(variant.finetuning.feature_config), _trained(run, variant.name))
        for variant in run.plan.variants
    )
    return Table(columns, rows, words=frozenset({"encoder", "layers", "head"}))


def techniques_table(run: ComparisonRun) -> Table:
    """A row per variant: its techniques, which weights it keeps, and after how many steps over all runs."""
    rows = []
    for variant in run.plan.variants:
        recipe, results = variant.finetuning, run.finetuned(variant.name)
        used = ", ".join(f"{name}={value}" for name, value in recipe.changed.items()) or MISSING
        steps, best = [result.steps for result in results], [result.best_step or result.steps for result in results]
        rows.append((variant.name, used, recipe.kept_weights, _range(steps), _range(best), _augmented(results)))
    columns = ("variant", "techniques", "weights kept", "steps taken", "steps of the weights kept", "items augmented")
    return Table(columns, tuple(rows), words=frozenset({"techniques", "weights kept"}))


def _augmented(results: Sequence[TaskResult]) -> str:
    """How many of the items that all runs read were changed or mixed."""
    seen = [result.items_seen for result in results if result.items_seen]
    counts = {"changed": sum(its.changed for its in seen), "mixed": sum(its.mixed for its in seen)}
    told = ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)
    return f"{told} of {sum(its.items for its in seen):,}" if seen else MISSING


def adaptation_table(run: ComparisonRun) -> Table:
    """A row per task and variant whose pre-training went on with the task's training text."""
    adapted = run.plan.adapted
    rows = []
    for result in run.adapted_results:
        names = ", ".join(name for name, first in adapted.items() if first == result.job.system)
        losses = [f"{name} {its[0]:.3f} to {its[-1]:.3f}" for name, its in result.losses.items() if its]
        counts = (f"{n:,}" for n in (result.job.seed, result.tokens, result.steps))
        rows.append((f"{result.job.task}: {names}", *counts, "; ".join(losses), f"{result.cost.seconds:.1f}"))
    columns = ("pre-training on task text", "seed", "tokens", "steps", "losses", "seconds")
    return Table(columns, tuple(rows), words=frozenset({"losses"}))


def mixes_of(run: ComparisonRun) -> Mixes:
    """The mixes that were learned."""
    return {
        (task.name, variant.name): found
        for task in run.plan.tasks
        for variant in run.plan.variants
        if (found := [result.layer_mix for result in run.finetuned(variant.name, task.name) if result.layer_mix])
    }


def mix_table(mixes: Mixes) -> Table:
    """A row per task and variant, means over seeds: the scale, and the share of each layer x 100."""
    n_layers = max(len(mix.weights) for found in mixes.values() for mix in found)
    rows = []
    for (task, variant), found in mixes.items():
        shares = [f"{100 * share:.1f}" for share in np.mean([mix.weights for mix in found], axis=0)]
        scale = f"{np.mean([mix.scale for mix in found]):.3f}"
        rows.append((f"{task}: {variant}", scale, *shares, *[MISSING] * (n_layers - len(shares))))
    return Table(("mix", "scale", *(f"layer {number} x 100" for number in range(n_layers))), tuple(rows))


def _described(config: FeatureConfig | None) -> tuple[str, str, str]:
    if config is None:
        return "trained", "last", "linear"
    head = "linear"
    if config.lstm_width:
        head = f"BiLSTM, {config.lstm_layers} layers of {config.lstm_width} per direction"
    return "frozen" if config.frozen else "trained", config.layers, head


def _trained(run: ComparisonRun, system: str) -> str:
    return _range([n for result in run.finetuned(system) if (n := result.parameters_trained) is not None])


def _range(counts: Sequence[int]) -> str:
    return " to ".join(f"{n:,}" for n in dict.fromkeys((min(counts), max(counts)))) if counts else MISSING


def _chart(run: ComparisonRun, mixes: Mixes) -> Chart:
    """A panel per task."""
    names = run.plan.names
    panels = (
        Panel(
            task,
            tuple(Series(name, tuple(_points(mixes.get((task, name), [])))) for name in names),
            Axis("layer"),
            Axis("share x 100", from_zero=True),
        )
        for task in dict.fromkeys(task for task, _ in mixes)
    )
    return Chart(tuple(panels), names)


def _points(found: list[LayerWeights]) -> Iterator[Point]:
    return (Point(layer, 100 * share) for mix in found for layer, share in enumerate(mix.weights))
