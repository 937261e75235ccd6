"""An ablation as tables, on a terminal and in Markdown."""

from __future__ import annotations

import json
from io import StringIO
from statistics import fmean

from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from zoo.commands.console import PIPED_WIDTH
from zoo.experiments.plan.ablation import Ablation, Changes, Edge
from zoo.experiments.report.verdict_tables import intervals_and_p
from zoo.experiments.results.records import Run
from zoo.experiments.statistics.ablation import MEAN, Effects, Ratio
from zoo.experiments.statistics.tests import Difference
from zoo.registry.paper_tables import PaperTable
from zoo.tables import MISSING, Table, escape, markdown_rows, print_rows


def path_table(ablation: Ablation) -> Table:
    """The edges alone: what is to be done."""
    rows = tuple(
        (label, (edge.choice, changed(edge.changes), edge.second)) for label, edge in _labelled(ablation).items()
    )
    return Table("edge", ("choice", "what changes", "to"), rows)


def effect_table(found: Effects) -> Table:
    """An edge a row: its effect on quality, sizes and costs."""
    columns = (
        "what changes",
        _quality(found),
        "95% over seeds",
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
            (
                changed(effect.edge.changes),
                *_difference(effect.overall),
                _sizes(effect.parameters_stored),
                *map(_ratio, (effect.pretraining_speed, effect.finetuning_speed, effect.inference_speed)),
                _ratio(effect.peak_memory),
            ),
        )
        for label, effect in zip(_labelled(found.ablation), found.effects, strict=True)
    )
    return Table("edge", columns, rows)


def task_table(found: Effects) -> Table:
    """An edge and task a row: the difference that it makes there."""
    rows = tuple(
        (
            f"{label}: {d.task}",
            (
                *_difference(d),
                *intervals_and_p(d)[1:],
                MISSING if d.detectable is None else f"{100 * d.detectable:.1f}",
            ),
        )
        for label, effect in zip(_labelled(found.ablation), found.effects, strict=True)
        for d in effect.tasks
    )
    columns = ("difference", "95% over seeds", "verdict", "95% over seeds and items", "p", "smallest that would show")
    return Table("edge and task", columns, rows)


def paper_table(run: Run, found: Effects, paper: PaperTable) -> Table:
    """The paper's table, with the mean over our tasks of the variant that repeats each row."""
    rows = []
    for row in paper.rows:
        printed = [str(score) for score in row.scores] or [MISSING] * len(paper.columns)
        results = run.finetuned(found.ablation.rows[row.label]) if row.label in found.ablation.rows else []
        ours = f"{100 * fmean(result.main_score for result in results):.1f}" if results else MISSING
        rows.append((row.label, (*printed, ours, found.ablation.rows.get(row.label, "not built here"))))
    return Table("row", (*paper.columns, "our mean", "our variant"), tuple(rows))


def contrast_table(found: Effects, paper: PaperTable) -> Table:
    """The paper's effects beside ours, and whether they point one way."""
    rows = tuple(
        (
            f"{contrast.first} → {contrast.second}",
            (
                ", ".join(contrast.choices),
                contrast.column or f"mean of {', '.join(paper.counted)}"
                if len(paper.counted) > 1
                else paper.counted[0],
                f"{contrast.paper:+.1f}",
                contrast.ours.task,
                *_difference(contrast.ours),
                contrast.direction or "the paper shows none",
            ),
        )
        for contrast in found.contrasts
    )
    columns = ("choice", "the paper's", "effect", "ours", "effect", "95% over seeds", "verdict", "direction")
    return Table("from and to", columns, rows)


def ablation_notes(run: Run, found: Effects) -> list[str]:
    """What the tables must not be read without."""
    origin = "each with a pre-training of its own" if run.plan.pretrain_each_seed else "all from one pre-training"
    notes = [
        "Effects are what is after an edge minus what was before, x 100; speed and memory are ratios, geometric means "
        f"over tasks. Brackets and intervals are 95% over seeds, {origin}.",
        "Better or worse: as in every comparison, a t-test over seeds and items and the Multi-Bootstrap, both at 5%; "
        "Holm over the effects in the mean, and for one edge over its tasks.",
    ]
    planned = len(run.plan.tasks)
    notes += [
        f"{label}: only {len(effect.tasks)} of {planned} tasks were finished on both sides."
        for label, effect in zip(_labelled(found.ablation), found.effects, strict=True)
        if len(effect.tasks) < planned
    ]
    if found.ablation.paper:
        paper = found.ablation.paper
        notes.append(f"The paper's figures: {paper.source}. They are of other sizes, data and tasks.")
        notes += paper.limits
    return notes


def tables(run: Run, found: Effects) -> list[tuple[str, Table]]:
    """Titles and tables, the most important first."""
    paper = found.ablation.paper
    several = len(run.plan.tasks) > 1
    return [
        ("What each choice does", effect_table(found)),
        *([("Task by task", task_table(found))] if several else []),
        *([(f"{paper.title}: the paper's table", paper_table(run, found, paper))] if paper else []),
        *([("The paper's effects and ours", contrast_table(found, paper))] if paper and found.contrasts else []),
    ]


def print_effects(run: Run, found: Effects, console: Console) -> None:
    """All tables and notes on a terminal."""
    for title, table in tables(run, found):
        console.print(Text(title, style="bold"))
        print_rows(table, console)
    for note in ablation_notes(run, found):
        console.print(Text(note))


def plain_effects(run: Run, found: Effects) -> str:
    """What `print_effects` prints, as text."""
    text = StringIO()
    print_effects(run, found, Console(file=text, width=PIPED_WIDTH))
    return text.getvalue()


def effects_markdown(run: Run, found: Effects) -> str:
    """The same as a page."""
    paper = found.ablation.paper
    ends = f"{run.plan.variants[0].name} to {run.plan.variants[-1].name}"
    lines = [f"# Ablation: {escape(paper.name if paper else ends)}", ""]
    for title, table in tables(run, found):
        lines += [f"## {escape(title)}", "", *markdown_rows(table), ""]
    return "\n".join([*lines, *(f"- {escape(note)}" for note in ablation_notes(run, found)), ""])


def changed(changes: Changes) -> str:
    """Fields and what they were and are; options that come or go with their part are left out."""
    parts = {path for path in changes if "." not in path}
    return "; ".join(
        f"{path}: {_value(old)} → {_value(new)}"
        for path, (old, new) in changes.items()
        if path in parts or path.split(".")[0] not in parts
    )


def _value(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _quality(found: Effects) -> str:
    names = {effect.overall.task for effect in found.effects if effect.overall}
    return names.pop() if len(names) == 1 and MEAN not in names else "mean over tasks"


def _labelled(ablation: Ablation) -> dict[str, Edge]:
    """Edges by the rows of the paper's table, else by their number and choice."""
    rows = {variant: label for label, variant in ablation.rows.items()}
    return {
        f"{rows[edge.first]} → {rows[edge.second]}" if rows else f"{number}. {edge.choice}": edge
        for number, edge in enumerate(ablation.edges, 1)
    }


def _difference(d: Difference | None) -> tuple[str, str, str]:
    if d is None:
        return MISSING, MISSING, MISSING
    shown = d.verdict if d.verdict != "better" or d.difference > 0 else "worse"
    return f"{100 * d.difference:+.1f}", intervals_and_p(d)[0], shown


def _sizes(sizes: tuple[int, int] | None) -> str:
    if sizes is None:
        return MISSING
    before, after = sizes
    return f"{before:,} → {after:,}" if before != after else f"{before:,}"


def _ratio(cost: Ratio | None) -> str:
    if cost is None:
        return MISSING
    return f"x {cost.ratio:.2f}" + (f" ({cost.low:.2f} to {cost.high:.2f})" if cost.low and cost.high else "")
