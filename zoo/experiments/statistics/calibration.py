"""Whether probabilities are as high as answers are often right.

Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599, section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

import numpy as np

from zoo.core.specs import Record
from zoo.experiments.plan.planned import PlannedTask
from zoo.experiments.results.gold_labels import Answers
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.tasks.kinds import task_kind

N_BINS = 15
"""Bins of equal width, as in Guo et al.; a probability on an edge is in the lower one."""

Judged = Sequence[tuple[float, bool]]
"""The probability of each answer, and whether it is right."""


class Bin(Record):
    """Answers whose probability is above `low` and at most `high`: its mean, and the share of right ones."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class Calibration(Record):
    """The answers of a system on a task: over its development splits, and in bins over all seeds.

    `ece` is the expected calibration error (Guo et al., eq. 3) of each seed: the mean distance of mean probability and
    share of right answers in bins, weighted by their answers.
    """

    system: str
    task: str
    seeds: tuple[int, ...]
    n_answers: int
    confidence: float
    accuracy: float
    ece: tuple[float, ...]
    bins: tuple[Bin, ...]


def calibrations(run: ComparisonRun) -> Iterator[Calibration]:
    """Of every system and task whose results keep probabilities, where gold labels are stored."""
    for task in run.plan.tasks:
        for system in run.systems:
            results = [result for result in run.finetuned(system, task.name) if result.probabilities]
            if results and run.gold.get(task.name):
                yield _calibration(task, system, results, run.gold[task.name])


def _calibration(task: PlannedTask, system: str, results: Sequence[TaskResult], gold: Answers) -> Calibration:
    by_seed = [judged(task, result, gold) for result in results]
    together = [answer for answers in by_seed for answer in answers]
    return Calibration(
        system=system,
        task=task.name,
        seeds=tuple(result.job.seed for result in results),
        n_answers=len(by_seed[0]),
        confidence=fmean(probability for probability, _ in together),
        accuracy=fmean(right for _, right in together),
        ece=tuple(map(expected_calibration_error, by_seed)),
        bins=tuple(bins(together)),
    )


def judged(task: PlannedTask, result: TaskResult, gold: Answers) -> Judged:
    """A result's answers on all development splits, as the kind of the task counts them."""
    kind = task_kind(task)
    return [
        answer
        for split, labels in gold.items()
        for item in zip(labels, result.predictions[split], result.probabilities[split], strict=True)
        for answer in kind.judged(*item)
    ]


def bins(answers: Judged) -> Iterator[Bin]:
    """Those that hold an answer, in order."""
    probabilities, right = (np.array(side, dtype=np.float64) for side in zip(*answers, strict=True))
    which = np.clip(np.ceil(probabilities * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    for index in np.unique(which).tolist():
        inside = which == index
        yield Bin(
            low=index / N_BINS,
            high=(index + 1) / N_BINS,
            n=int(inside.sum()),
            confidence=float(probabilities[inside].mean()),
            accuracy=float(right[inside].mean()),
        )


def expected_calibration_error(answers: Judged) -> float:
    """The mean distance of probability and share of right answers, by bins."""
    return sum(each.n * abs(each.accuracy - each.confidence) for each in bins(answers)) / len(answers)
