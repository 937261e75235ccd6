"""The options of `zoo judge` and of its Python function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from zoo.core.options import Help, Names, Options
from zoo.experiments.plan.claims import Claims
from zoo.experiments.plan.options import DATA, FOLDER, VERDICTS, FamilyWise, Margin, TaskNames

FILES = "How files are read"
Form: TypeAlias = Literal["tsv", "csv", "lines", "jsonl", "json", "conll", "parquet"]


class JudgeOptions(Options):
    """The options of `zoo judge`."""

    gold: Annotated[
        tuple[Any, ...] | str | None,
        Help(
            "The file of gold labels; with several tasks, a pattern that contains {task}.",
            DATA,
            "gold.tsv",
            "in the files of predictions",
        ),
    ] = None
    scores: Annotated[
        Path | None,
        Help(
            "A table of scores instead of predictions, with the columns system, task, seed and score.",
            DATA,
            "scores.csv",
        ),
    ] = None
    tasks: Annotated[
        TaskNames | None,
        Help(
            "Tasks whose gold labels to use, by name or by the file that describes one.",
            DATA,
            "rte,mrpc",
            completes="tasks",
        ),
    ] = None
    data: Annotated[Path | None, Help("The folder that holds the data of --tasks.", DATA, "data/glue")] = None
    split: Annotated[
        str | None,
        Help("The split of --tasks that the predictions are for.", DATA, "dev_mismatched", "the development set"),
    ] = None
    metric: Annotated[
        Names,
        Help(
            "The metric, or several to average; TASK=METRIC sets that of one task. Or the column that "
            "holds a score per item.",
            DATA,
            "matthews",
            "the task's own",
        ),
    ] = ()
    kind: Annotated[
        str | None,
        Help("The kind of task, from `zoo list task-kinds`.", DATA, "", "inferred from the gold labels"),
    ] = None
    labels: Annotated[
        Names,
        Help(
            "The labels, in order; with two labels, F1 is that of the second.",
            DATA,
            "no,yes",
            "those among the gold labels",
        ),
    ] = ()
    form: Annotated[Form | None, Help("The format of the files.", FILES, "csv", "inferred from their content")] = None
    column: Annotated[str | None, Help("The column of predictions.", FILES, "guess", "a column with a usual name")] = (
        None
    )
    gold_column: Annotated[
        str | None, Help("The column of gold labels.", FILES, "Quality", "a column with a usual name")
    ] = None
    id_column: Annotated[
        str | None, Help("The column of items' ids.", FILES, "pairID", "a column with a usual name")
    ] = None
    filter: Annotated[
        str | None, Help("The filter to judge, if files of lm-evaluation-harness hold several.", FILES, "strict-match")
    ] = None
    scale: Annotated[
        Annotated[float, Field(gt=0.0)], Help("The score of a perfect system, if files hold scores.", FILES, "100")
    ] = 1.0
    margin: Margin = None
    family_wise: FamilyWise = False
    against: Annotated[
        str | None,
        Help("Compare every system with this one only, and correct over all these tests together.", VERDICTS, "bert"),
    ] = None
    out: Annotated[Path | None, Help("The folder to write.", FOLDER, "runs/judged", "runs/judge-DATE-TIME")] = None

    @property
    def claims(self) -> Claims:
        """Which differences are tested, and how."""
        return Claims(margin=self.margin, family_wise=self.family_wise, against=self.against)

    @property
    def gold_files(self) -> str | None:
        """The pattern of the files of gold labels, if they are in files."""
        return self.gold if isinstance(self.gold, str) else None

    def metrics_of(self, task: str) -> tuple[str, ...]:
        """Those for a task: its own if any are given, else those for all."""
        parts = [name.rpartition("=") for name in self.metric]
        own = tuple(metric for of, _, metric in parts if of == task)
        return own or tuple(metric for of, _, metric in parts if not of)

    def wanted(self, task: str) -> dict[str, Any]:
        """What is said of the files of a task."""
        names = ("column", "gold_column", "id_column", "filter", "split", "kind", "labels", "scale")
        return {name: getattr(self, name) for name in names} | {"metrics": self.metrics_of(task)}
