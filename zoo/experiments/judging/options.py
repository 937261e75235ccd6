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
        Help("The file of gold labels; with {task} in its name, one per task.", DATA, "gold.tsv", "in the files"),
    ] = None
    scores: Annotated[
        Path | None,
        Help("Instead of predictions, a table with the columns system, task, seed and score.", DATA, "scores.csv"),
    ] = None
    tasks: Annotated[
        TaskNames | None,
        Help(
            "Known tasks, or files that describe a task, whose gold labels count.", DATA, "rte,mrpc", completes="tasks"
        ),
    ] = None
    data: Annotated[Path | None, Help("The folder that holds the data of --tasks.", DATA, "data/glue")] = None
    split: Annotated[
        str | None, Help("The split of --tasks that was predicted.", DATA, "dev_mismatched", "the development set")
    ] = None
    metric: Annotated[
        Names,
        Help(
            "Metrics, averaged if several; a TASK=METRIC is for one task. Or a column with the scores of items.",
            DATA,
            "matthews",
            "the task's own",
        ),
    ] = ()
    kind: Annotated[
        str | None,
        Help("The kind of task, as `zoo list task-kinds` names it.", DATA, "", "as the gold labels are"),
    ] = None
    labels: Annotated[
        Names,
        Help("The labels, in order; F1 of two labels is that of the second.", DATA, "no,yes", "those of the gold"),
    ] = ()
    form: Annotated[Form | None, Help("The form of the files.", FILES, "csv", "as their content is")] = None
    column: Annotated[str | None, Help("The column of predictions.", FILES, "guess", "by usual names")] = None
    gold_column: Annotated[str | None, Help("The column of gold labels.", FILES, "Quality", "by usual names")] = None
    id_column: Annotated[str | None, Help("The column of items' ids.", FILES, "pairID", "by usual names")] = None
    filter: Annotated[
        str | None, Help("Of several filters of the evaluation harness, the one to judge.", FILES, "strict-match")
    ] = None
    scale: Annotated[
        Annotated[float, Field(gt=0.0)], Help("What a perfect score is, if files hold scores.", FILES, "100")
    ] = 1.0
    margin: Margin = None
    family_wise: FamilyWise = False
    against: Annotated[
        str | None, Help("Compare every system with this one only, with one correction over all.", VERDICTS, "bert")
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
