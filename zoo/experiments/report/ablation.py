"""Sections of an ablation: the effect of each edge, by task, and next to a paper's table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TypeGuard

from pydantic import JsonValue

from zoo.document import MISSING, Figure, Notes, Section, Table
from zoo.experiments.plan.ablation import Ablation, Changes, Edge
from zoo.experiments.report.differences import INTERVAL, MDE, detectable, interval, interval_and_p, seeds_to_show
from zoo.experiments.report.plots import intervals_chart
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import Effects, Ratio
from zoo.experiments.statistics.draft import MEAN
from zoo.experiments.statistics.tests import SAME, Difference

MEAN_OF_TASKS = "mean over tasks"


def sections(run: ComparisonRun, effects: Effects, caveats: Sequence[str] = ()) -> Iterator[Section]:
    """The most important first: the answer with its caveats, then the effects."""
    lead, notes = Notes((answer(effects), *caveats), lead=True), Notes(tuple(ablation_notes(run, effects)))
    blocks = lead, effect_table(effects), notes
    yield Section("effects", "Effect of each choice", blocks, brief=True)
    if panels := _panels(effects):
        title = f"Effects with {INTERVAL}"
        figure = Figure(title, intervals_chart(panels, list(labelled(effects.ablation))))
        yield Section("effects-by-task", "Effects by task", (figure, task_table(effects)), brief=len(panels) > 1)
    paper = effects.ablation.paper
    if paper and paper.columns:
        yield Section("paper", f"{paper.title}: the paper's table", (paper_table(run, effects),), brief=True)
    if effects.contrasts:
        yield Section("paper-effects", "The paper's effects and ours", (contrast_table(effects),), brief=True)


def answer(effects: Effects) -> str:
    """Which choices make a significant difference, in a sentence."""
    of = {label: effect.overall for label, effect in zip(labelled(effects.ablation), effects.effects, strict=True)}
    shown = [
        f"{label}: {100 * d.difference:+z.1f} ({interval(d.low, d.high)})" for label, d in of.items() if _decided(d)
    ]
    where = "in the mean over tasks" if _quality(effects) == MEAN_OF_TASKS else f"on {_quality(effects)}"
    verb = "makes" if len(shown) == 1 else "make"
    if len(of) == 1 and not shown:
        return f"The choice makes no significant difference {where}{_undecided(*of.values())}."
    if not shown:
        return f"None of {len(of)} choices makes a significant difference {where}."
    if len(of) == 1:
        return f"The choice makes a significant difference {where}: {shown[0]}."
    return f"{len(shown)} of {len(of)} choices {verb} a significant difference {where}: {'; '.join(shown)}."


def path_table(ablation: Ablation) -> Table:
    """The edges alone, before a run."""
    rows = tuple((label, edge.choice, changed(edge.changes), edge.second) for label, edge in labelled(ablation).items())
    return Table(("edge", "choice", "what changes", "to"), rows, words=frozenset({"choice", "what changes", "to"}))


def effect_table(effects: Effects) -> Table:
    """A row per edge: its effect on quality, sizes and costs."""
    columns = (
        "edge",
        "what changes",
        _quality(effects),
        "interval",
        "verdict",
        "parameters stored",
        "pre-training speed",
        "fine-tuning speed",
        "inference speed",
        "peak memory",
    )
    rows = tuple(
        (
            label,
            changed(effect.edge.changes),
            *_difference(effect.overall),
            _sizes(effect.parameters_stored),
            *map(_ratio, (effect.pretraining_speed, effect.finetuning_speed, effect.inference_speed)),
            _ratio(effect.peak_memory),
        )
        for label, effect in zip(labelled(effects.ablation), effects.effects, strict=True)
    )
    return Table(columns, rows, words=frozenset({"what changes", "verdict"}))


def task_table(effects: Effects) -> Table:
    """A row per edge and task: the difference that it makes there."""
    rows = tuple(
        (f"{label}: {d.task}", *_difference(d), interval_and_p(d)[1], detectable(d))
        for label, effect in zip(labelled(effects.ablation), effects.effects, strict=True)
        for d in effect.tasks
    )
    columns = ("edge and task", "difference", "interval", "verdict", "p", MDE)
    return Table(columns, rows, words=frozenset({"verdict"}))


def paper_table(run: ComparisonRun, effects: Effects) -> Table:
    """The paper's table, with the mean over our tasks of the variant that repeats each row, and its perplexity."""
    rows, paper, variants = [], effects.ablation.paper, effects.ablation.rows
    assert paper is not None
    for row in paper.rows:
        printed = [str(score) for score in row.scores] or [MISSING] * len(paper.columns)
        results = run.finetuned(variants[row.label]) if row.label in variants else []
        ours = f"{100 * fmean(result.main_score for result in results):.1f}" if results else MISSING
        perplexities = [_perplexity(run, variants.get(row.label), name) for name in paper.perplexities.values()]
        rows.append((row.label, *printed, *perplexities, ours, variants.get(row.label, "not built here")))
    own = [f"our {column}" for column in paper.perplexities]
    columns = ("row", *paper.columns, *own, "our mean", "our variant")
    return Table(columns, tuple(rows), words=frozenset({"our variant"}))


def contrast_table(effects: Effects) -> Table:
    """The paper's effects and ours, and whether they agree in direction."""
    paper = effects.ablation.paper
    assert paper is not None
    mean = f"mean of {', '.join(paper.counted)}" if len(paper.counted) > 1 else paper.counted[0]
    stand_ins = {*paper.stand_ins.values()}
    rows = tuple(
        (
            f"{contrast.first} → {contrast.second}",
            ", ".join(contrast.choices),
            contrast.column or mean,
            f"{contrast.paper:+z.1f}",
            contrast.ours.task + (" (stand-in)" if contrast.ours.task in stand_ins else ""),
            *_difference(contrast.ours),
            contrast.direction or "the paper shows none",
        )
        for contrast in effects.contrasts
    )
    columns = ("from and to", "choice", "the paper's", "its effect", "ours", "our effect", "interval", "verdict")
    words = frozenset({"choice", "the paper's", "ours", "verdict", "direction"})
    return Table((*columns, "direction"), rows, words=words)


def ablation_notes(run: ComparisonRun, effects: Effects) -> list[str]:
    """Notes on how to read the tables."""
    origin = "each with its own pre-training" if run.plan.pretrain_each_seed else "all from one pre-training"
    over_tasks = "Holm" if run.plan.claims.looks else "Hochberg"
    notes = [
        "Effects are scores after an edge minus scores before, x 100; speed and memory are ratios, geometric means "
        f"over tasks, with 95% intervals over seeds in brackets, {origin}. Effects have {INTERVAL}.",
        "Better or worse: significant at 5% over seeds and items; Holm over the effects in the mean, and for one edge "
        f"{over_tasks} over its tasks.",
    ]
    planned = len(run.plan.tasks)
    notes += [
        f"{label}: only {len(effect.tasks)} of {planned} tasks are finished for both variants."
        for label, effect in zip(labelled(effects.ablation), effects.effects, strict=True)
        if len(effect.tasks) < planned
    ]
    if paper := effects.ablation.paper:
        if paper.columns:
            notes.append(f"The paper's figures: {paper.source}. Its sizes, data and tasks differ from ours.")
        notes += paper.limits
        planned_names = {task.name for task in run.plan.tasks}
        notes += [
            f"{task} stands in for {column}, whose data are yours: give --tasks {paper.tasks[column]} --data FOLDER."
            for column, task in paper.stand_ins.items()
            if task in planned_names and column in paper.tasks
        ]
    return notes


def changed(changes: Changes) -> str:
    """Fields with their old and new values, without options that come or go with their part."""
    parts = {path for path in changes if "." not in path}
    return "; ".join(
        f"{path}: {_value(old)} → {_value(new)}"
        for path, (old, new) in changes.items()
        if path in parts or path.split(".")[0] not in parts
    )


def labelled(ablation: Ablation) -> dict[str, Edge]:
    """Edges by the rows of the paper's table, else by their number and choice."""
    rows = {variant: label for label, variant in ablation.rows.items()}
    return {
        f"{rows[edge.first]} → {rows[edge.second]}" if rows else f"{number}. {edge.choice}": edge
        for number, edge in enumerate(ablation.edges, 1)
    }


def _panels(effects: Effects) -> dict[str, dict[str, Difference]]:
    """Differences by task, the mean first, and edge."""
    panels: dict[str, dict[str, Difference]] = {}
    for label, effect in zip(labelled(effects.ablation), effects.effects, strict=True):
        for d in [effect.overall, *effect.tasks] if len(effect.tasks) > 1 else effect.tasks:
            if d:
                panels.setdefault(d.task, {})[label] = d
    return panels


def _perplexity(run: ComparisonRun, variant: str | None, objective: str) -> str:
    """On the documents that the plan holds out."""
    trained = run.pretrained(variant) if variant else None
    score = trained.held_out.get(objective) if trained else None
    return f"{score.perplexity:.2f}" if score else MISSING


def _value(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value)


def _quality(effects: Effects) -> str:
    names = {effect.overall.task for effect in effects.effects if effect.overall}
    return names.pop() if len(names) == 1 and MEAN not in names else MEAN_OF_TASKS


def _decided(d: Difference | None) -> TypeGuard[Difference]:
    return d is not None and d.verdict == "better"


def _undecided(d: Difference | None) -> str:
    """How large a difference that is not significant is, and how many seeds would show it if they could."""
    if d is None or d.verdict == SAME:
        return ""
    ends = f" ({interval(d.low, d.high)})" if d.low is not None else ""
    return f": {100 * d.difference:+z.1f}{ends}{seeds_to_show(d)}"


def _difference(d: Difference | None) -> tuple[str, str, str]:
    if d is None:
        return MISSING, MISSING, MISSING
    shown = d.verdict if d.verdict != "better" or d.difference > 0 else "worse"
    return f"{100 * d.difference:+z.1f}", interval_and_p(d)[0], shown


def _sizes(sizes: tuple[int, int] | None) -> str:
    if sizes is None:
        return MISSING
    before, after = sizes
    return f"{before:,} → {after:,}" if before != after else f"{before:,}"


def _ratio(cost: Ratio | None) -> str:
    if cost is None:
        return MISSING
    return f"x {cost.ratio:.2f}" + (f" ({cost.low:.2f} to {cost.high:.2f})" if cost.low and cost.high else "")
