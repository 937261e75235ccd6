"""A run's scores as a table for a paper (LaTeX with the package booktabs)."""

from __future__ import annotations

from zoo.experiments.plan.spec import BASELINES
from zoo.experiments.report.build import protocol
from zoo.experiments.report.left_out import left_out_notes
from zoo.experiments.report.score_tables import score_table
from zoo.experiments.report.verdict_tables import tier_of
from zoo.experiments.results.records import Run
from zoo.experiments.statistics.costs import PARAMETERS, quantities
from zoo.experiments.statistics.selection import tuning_notes
from zoo.experiments.statistics.verdicts import Verdicts
from zoo.tables import MISSING, printable

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    **{char: f"\\{char}" for char in "{}$&#%_"},
}


def latex(run: Run, found: Verdicts) -> str:
    """A floating table: a row a system, a column a task, tiers as superscripts, the first in bold."""
    scores = score_table(run, found)
    sizes = next((quantity.texts for quantity in quantities(run) if quantity.label == PARAMETERS), {})
    head = [*scores.columns, *(["parameters"] if sizes else [])]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * len(head)}}}",
        r"\toprule",
        _row([scores.corner, *head]),
        r"\midrule",
    ]
    for name, texts in scores.rows:
        cells = [escaped(name), *(_ranked(text, found, run, name, at) for at, text in enumerate(texts))]
        if name == BASELINES[0]:
            lines.append(r"\midrule")
        lines.append(" & ".join([*cells, *([escaped(sizes.get(name, MISSING))] if sizes else [])]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{_caption(run, found)}}}", r"\end{table}", ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(char, char) for char in printable(text))


def _row(cells: list[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"


def _ranked(text: str, found: Verdicts, run: Run, system: str, column: int) -> str:
    """A score with its tier; means of tasks have none."""
    tier = tier_of(found, run.plan.tasks[column].name, system) if column < len(run.plan.tasks) else None
    if tier is None:
        return escaped(text)
    shown = rf"\textbf{{{escaped(text)}}}" if tier == 1 else escaped(text)
    return rf"{shown}\textsuperscript{{{tier}}}"


def _caption(run: Run, found: Verdicts) -> str:
    synthetic = [task.name for task in run.plan.tasks if task.synthetic]
    said = [
        protocol(run),
        *tuning_notes(run),
        *left_out_notes(run),
        "Superscripts are tiers: within a tier the best is not shown to be better (paired t-test over seeds and items "
        "and Multi-Bootstrap, both at 5%, Holm over tasks)."
        if found.tiers
        else "",
        f"Synthetic: {', '.join(synthetic)}." if synthetic else "",
        f"{len(run.failures)} of {len(run.plan.jobs)} jobs failed." if run.failures else "",
        f"Plan {run.plan.content_hash[:12]}.",
    ]
    return escaped(" ".join(filter(None, said)))
