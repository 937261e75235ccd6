"""Averages over suites, against rows that papers and repositories print."""

from __future__ import annotations

import pytest

from zoo.tasks.averages import Average, Term
from zoo.tasks.glue import AVERAGES
from zoo.tasks.suites import averages

GLUE, BERT = AVERAGES

# google-research/bert, README: the rows of BERT-Tiny and BERT-Small (AX is not in the score).
TINY = {
    "cola": 0.0, "sst2": 83.2, "mrpc": (81.1, 71.1), "stsb": (74.3, 73.6), "qqp": (62.2, 83.4),
    "mnli": (70.2, 70.3), "qnli": 81.5, "rte": 57.2, "wnli": 62.3,
}  # fmt: skip
# Devlin et al. 2019, table 1: the rows of BERT base and large.
BASE = dict(mnli=(84.6, 83.4), qqp=71.2, qnli=90.5, sst2=93.5, cola=52.1, stsb=85.8, mrpc=88.9, rte=66.4)
LARGE = dict(mnli=(86.7, 85.9), qqp=72.1, qnli=92.7, sst2=94.9, cola=60.5, stsb=86.5, mrpc=89.3, rte=70.1)


def scores(row: dict[str, float | tuple[float, float]]) -> dict[str, dict[str, dict[str, float]]]:
    """A printed row by task, split and metric; two numbers of a task are its metrics, and MNLI's its splits."""
    metrics = {"mrpc": ("f1", "accuracy"), "qqp": ("f1", "accuracy"), "stsb": ("pearson", "spearman")}
    made = {}
    for task, value in row.items():
        if task == "mnli":
            made[task] = {split: {"accuracy": it} for split, it in zip(("dev", "dev_mismatched"), value, strict=True)}  # type: ignore[arg-type]
        elif isinstance(value, tuple):
            made[task] = {"dev": dict(zip(metrics[task], value, strict=True))}
        else:
            made[task] = {"dev": {"spearman" if task == "stsb" else "f1" if task in metrics else "score": value}}
    return made


@pytest.mark.parametrize(("average", "row", "printed"), [(GLUE, TINY, 64.2), (BERT, BASE, 79.6), (BERT, LARGE, 82.1)])
def test_printed_rows_have_the_printed_average(average: Average, row: dict[str, float], printed: float) -> None:
    assert average.value(scores(row)) == pytest.approx(printed, abs=0.1)


def test_a_task_without_scores_is_left_out_of_the_mean() -> None:
    average = Average(name="two", source="hand", terms=(Term(task="a"), Term(task="b")))
    assert average.value({"a": {"dev": {"m": 0.5, "n": 0.7}}}) == pytest.approx(0.6)
    assert average.value({"c": {"dev": {"m": 0.5}}}) is None


def test_glue_is_averaged_over_its_nine_tasks_and_without_the_diagnostic() -> None:
    assert len(GLUE.tasks) == 9 and "ax" not in GLUE.tasks
    assert {*BERT.tasks} == {*GLUE.tasks} - {"wnli"} and len(BERT.terms) == 9
    assert [average.name for average in averages()][:2] == ["glue-score", "bert-average"]
