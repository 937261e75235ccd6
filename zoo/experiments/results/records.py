"""Results on disk: one JSON file a job, which the report reads and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from zoo.auditing.breakdown import Row
from zoo.auditing.cost import AtLength
from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.core.held_out import HeldOutScore
from zoo.core.json_files import Damaged, read_strictly
from zoo.core.specs import Count, Record, Variant
from zoo.experiments.plan.plan import Job, Plan, read_plan
from zoo.experiments.results.checks import misfit
from zoo.experiments.results.gold_labels import Answers, read_gold
from zoo.machine.environment import Environment

T = TypeVar("T")

REMEDY = "delete it to have the job done again"


Whole = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0.0)]
Rate = Annotated[float, Field(gt=0.0)]
Score = Annotated[float, Field(ge=-1.0 - 1e-9, le=1.0 + 1e-9)]
"""A metric's value; what rounding adds to a perfect one is none the worse."""


class Measured(Record):
    """A quantity measured several times: the median and the quartiles beside it."""

    median: Amount
    low: Amount
    high: Amount
    repeats: Whole


class Cost(Record):
    """What a job took here and now; not part of what is reproduced. What was not measured is None.

    `latency_s` is of one item alone, `inference_items_per_s` of whole batches, both of a task's
    development items.
    """

    seconds: Amount
    peak_bytes: Whole
    kernels: tuple[str, ...] = ()
    """The attention kernels taken in training."""
    tokens_per_s: Rate | None = None
    training_examples_per_s: Rate | None = None
    latency_s: Measured | None = None
    inference_items_per_s: Measured | None = None


class Truncation(Record):
    """How many of a split's items were longer than `length` tokens, and so were cut."""

    cut: Whole
    items: Whole
    length: Count


class PretrainResult(Record):
    """A variant trained on a corpus; its checkpoint lies beside.

    `breakdown` and `flops` are the audit's; `flops` is None where a part states no formula. `checkpoint_files` are
    SHA-256s by name.
    """

    kind: Literal["pretrain"] = "pretrain"
    job: Job
    key: str = ""
    variant: Variant
    corpus: str
    corpus_hash: str
    corpus_documents: Whole
    corpus_tokens: Whole
    share_read: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Of the corpus's tokens, in an epoch; None where nothing was read."""
    steps: Whole
    gradient_accumulation_steps: Count = 1
    tokens: Whole
    losses: dict[str, list[float]]
    accuracies: dict[str, list[float]]
    parameters_stored: Whole
    parameters_executed: Whole
    breakdown: tuple[Row, ...] = ()
    flops: AtLength | None = None
    held_out: dict[str, HeldOutScore] = Field(default={})
    """By objective, where the plan holds documents out."""
    weights_hash: str
    checkpoint: str
    checkpoint_bytes: Whole
    checkpoint_files: dict[str, str]
    environment: Environment
    cost: Cost


class FinetuneResult(Record):
    """A system's predictions and scores on a task.

    `truncated` tells by split what was cut to fit, of a system that reads tokens. `test_predictions` are
    predictions for the splits whose labels are withheld, such as a benchmark's test split.
    """

    kind: Literal["finetune"] = "finetune"
    job: Job
    key: str = ""
    task_version: int
    data_hash: str
    synthetic: bool
    steps: Whole
    gradient_accumulation_steps: Count = 1
    truncated: dict[str, Truncation] = Field(default={})
    scores: dict[str, dict[str, Score]]
    main_score: Score
    predictions: Answers
    test_predictions: Answers = Field(default={})
    environment: Environment
    cost: Cost


class FailedResult(Record):
    """A job that could not be finished, and why."""

    kind: Literal["failed"] = "failed"
    job: Job
    reason: str


Made = TypeVar("Made", bound=Record)

Result = Annotated[PretrainResult | FinetuneResult | FailedResult, Field(discriminator="kind")]
_RESULT: TypeAdapter[PretrainResult | FinetuneResult | FailedResult] = TypeAdapter(Result)


NOT_REPEATED = ("key", "cost", "environment", "checkpoint", "checkpoint_bytes")
"""What says where a result was made and lies, and at what cost."""


def fingerprint(result: PretrainResult | FinetuneResult) -> str:
    """A SHA-256 of all that a repetition on the same machine must reproduce: all but where and at what cost."""
    return hashlib.sha256(result.model_dump_json(exclude=set(NOT_REPEATED)).encode()).hexdigest()


def renamed(result: Made, plan: Plan, job: Job) -> Made:
    """The result of an equal job as that of a plan's job."""
    return result.model_copy(update={"job": job} | _variant(result, plan, job))


def _variant(result: Record, plan: Plan, job: Job) -> dict[str, object]:
    """A pre-training's variant, with the vocabulary that its tokenizer has learnt."""
    if not isinstance(result, PretrainResult):
        return {}
    return {"variant": plan.variant(job.system).model_copy(update={"dims": result.variant.dims})}


class Run(Record):
    """A run folder's plan, results and gold labels by task, where they are kept.

    `across_hardware` tells whether costs may be compared that different machines have measured.
    """

    plan: Plan
    results: tuple[Result, ...]
    gold: dict[str, Answers] = Field(default={})
    across_hardware: bool = False

    def pretrainings(self, system: str) -> list[PretrainResult]:
        """The finished pre-trainings that a variant starts from: one for all seeds, or one a seed."""
        origin = self.plan.origins.get(system)
        return [r for r in self.results if isinstance(r, PretrainResult) and r.job.system == origin]

    def pretrained(self, system: str) -> PretrainResult | None:
        """A pre-training of a variant, for what all of them share; None if none was finished."""
        return next(iter(self.pretrainings(system)), None)

    def finetuned(self, system: str, task: str | None = None) -> list[FinetuneResult]:
        """A system's finished results, on one task or all; of several settings tried on a task, the best."""
        tasks = [planned.name for planned in self.plan.tasks] if task is None else [task]
        tried = [self.tried(system, name) for name in tasks]
        return [result for by_setting in tried if by_setting for result in by_setting[best_setting(by_setting)]]

    def tried(self, system: str, task: str) -> dict[str, list[FinetuneResult]]:
        """A system's finished results on a task by their setting, which has no name where none was tried."""
        found: dict[str, list[FinetuneResult]] = {}
        for result in self.results:
            if isinstance(result, FinetuneResult) and (result.job.system, result.job.task) == (system, task):
                found.setdefault(result.job.setting.label if result.job.setting else "", []).append(result)
        return found

    @property
    def failures(self) -> list[FailedResult]:
        """What could not be finished."""
        return [result for result in self.results if isinstance(result, FailedResult)]


def best_setting(by_setting: Mapping[str, Sequence[FinetuneResult]]) -> str:
    """The setting that most seeds finished, of those the best in the mean, of those the first."""

    def rank(label: str) -> tuple[int, float]:
        results = by_setting[label]
        return len(results), fmean(result.main_score for result in results)

    return max(by_setting, key=rank)


def result_path(folder: Path, job: Job) -> Path:
    """Where a job's result lies in a run folder."""
    return folder / "jobs" / f"{job.name}.json"


def write_result(folder: Path, result: PretrainResult | FinetuneResult | FailedResult) -> None:
    """Write a job's file, whole or not at all."""
    write_text(result_path(folder, result.job), result.model_dump_json(indent=1))


def read_result(folder: Path, plan: Plan, job: Job) -> PretrainResult | FinetuneResult | FailedResult | None:
    """A job's result, or None where there is none yet. Raises Damaged where the file is not one of this plan."""
    path = result_path(folder, job)
    if not os.path.lexists(path):
        return None
    result = read_strictly(_RESULT, path, "a result", REMEDY)
    if wrong := misfit(plan, job, result):
        raise Damaged(path, wrong, REMEDY)
    return result


def results_by_key(folders: Iterable[Path]) -> dict[str, tuple[Path, PretrainResult | FinetuneResult]]:
    """All finished results in these run folders or folders of run folders, each with the run folder it is of.

    Raises ZooError where a folder holds no run, and Damaged where a file of a run is damaged.
    """
    found = {}
    for folder in folders:
        runs = [place for place in (folder, *sorted(folder.glob("*"))) if os.path.lexists(place / "plan.json")]
        if not runs:
            raise ZooError(f"{folder} holds no run whose results could be used again")
        for run in runs:
            for result in read_run(run).results:
                if not isinstance(result, FailedResult) and result.key:
                    found[result.key] = (run, result)
    return found


def read_run(folder: Path) -> Run:
    """A run folder as it stands. Raises ZooError where it holds no plan, and Damaged where a file is damaged."""
    run, damaged = read_what_is_sound(folder)
    if damaged:
        raise damaged[0]
    return run


def read_what_is_sound(folder: Path) -> tuple[Run, list[Damaged]]:
    """A run folder without the files that are damaged, and why each is. Raises as `read_run`, for its plan."""
    if not os.path.lexists(folder / "plan.json"):
        raise ZooError(f"{folder} holds no run: there is no plan.json in it")
    plan = read_plan(folder / "plan.json")
    damaged: list[Damaged] = []

    def sound(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Damaged as error:
            damaged.append(error)
            return None

    found = [sound(partial(read_result, folder, plan, job)) for job in plan.jobs]
    gold = {task.name: sound(partial(read_gold, folder, task)) for task in plan.tasks}
    return Run(
        plan=plan,
        results=tuple(result for result in found if result is not None),
        gold={task: answers for task, answers in gold.items() if answers is not None},
    ), damaged
