"""Results on disk: one JSON file per job; reports read nothing else."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import Field

from zoo.auditing.breakdown import Row
from zoo.auditing.cost import AtLength
from zoo.core.held_out import HeldOutScore
from zoo.core.specs import Count, Record, Variant
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.gold_labels import Answers
from zoo.machine.environment import Environment

T = TypeVar("T")

Whole = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0.0)]
Rate = Annotated[float, Field(gt=0.0)]


class Measured(Record):
    """A quantity measured several times: median and quartiles."""

    median: Amount
    low: Amount
    high: Amount
    repeats: Whole


class CompressionCost(Record):
    """What a compressed model and the one that it was made from cost here.

    Bytes are those of the weights on disk. A quantized model runs in onnxruntime: `float_latency_s` is the original's
    there, in float32, and `original_latency_s` the original's as it was trained.
    """

    bytes: Whole
    original_bytes: Whole
    original_latency_s: Measured | None = None
    float_latency_s: Measured | None = None


class Cost(Record):
    """The cost of a job here; not part of what is reproduced. None if not measured.

    `latency_s` is of one item alone, `inference_items_per_s` of whole batches, both of a task's
    development items.
    """

    seconds: Amount
    peak_bytes: Whole
    kernels: tuple[str, ...] = ()
    """The attention kernels that ran."""
    tokens_per_s: Rate | None = None
    training_examples_per_s: Rate | None = None
    latency_s: Measured | None = None
    inference_items_per_s: Measured | None = None
    compression: CompressionCost | None = None


class Truncation(Record):
    """How many of a split's items were longer than `length` tokens, and so were cut."""

    cut: Whole
    items: Whole
    length: Count


class ModelResult(Record):
    """A model that tasks start from, pre-trained or taken over; its checkpoint is in the run folder.

    `breakdown` and `flops` are the audit's; `flops` is None if a part states no formula. `checkpoint_files` are
    SHA-256s by name.
    """

    kind: Literal["model"] = "model"
    job: Job
    key: str = ""
    variant: Variant
    corpus: str
    corpus_hash: str
    corpus_documents: Whole
    corpus_tokens: Whole
    share_read: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """The share of the corpus's tokens that an epoch reads; None if nothing was read."""
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
    """By objective, if the plan holds documents out."""
    weights_hash: str
    checkpoint: str
    checkpoint_bytes: Whole
    checkpoint_files: dict[str, str]
    environment: Environment
    cost: Cost


class ItemsSeen(Record):
    """How many items and windows training put into batches, and how many of them augmentation changed or mixed."""

    items: Whole
    changed: Whole = 0
    mixed: Whole = 0


class LayerWeights(Record):
    """A learned mix of layers: the share of each, the embeddings first, 1 in all; and the scale of their sum."""

    weights: tuple[float, ...]
    scale: float


class Compression(Record):
    """A compressed model: its counts, as those of a ModelResult; how many of the encoder's weights are zero; and the
    largest change of a logit on the development items.
    """

    parameters_stored: Whole
    parameters_executed: Whole
    breakdown: tuple[Row, ...] = ()
    flops: AtLength | None = None
    zeros: Whole
    weights: Whole
    largest_change: Amount


class TaskResult(Record):
    """A system's predictions and scores on a task.

    `truncated` counts by split the items cut to fit, for a system that reads tokens. `test_predictions` are
    predictions for the splits whose labels are withheld, such as a benchmark's test split. `probabilities` are kept
    where the plan says so, for all these splits, in the form of the task's kind.
    """

    kind: Literal["task"] = "task"
    job: Job
    key: str = ""
    task_version: int
    data_hash: str
    synthetic: bool
    steps: Whole
    gradient_accumulation_steps: Count = 1
    parameters_trained: Whole | None = None
    """By fine-tuning; fewer than the model has if its encoder is frozen."""
    best_step: Count | None = None
    """The step after which early stopping found the weights best; `steps` are those taken."""
    selection_score: float | None = None
    """The score on training items that were held out, where settings are chosen on them."""
    layer_mix: LayerWeights | None = None
    items_seen: ItemsSeen | None = None
    """With augmentation."""
    compression: Compression | None = None
    truncated: dict[str, Truncation] = Field(default={})
    scores: dict[str, dict[str, float]]
    main_score: float
    predictions: Answers
    test_predictions: Answers = Field(default={})
    probabilities: Answers = Field(default={})
    environment: Environment
    cost: Cost


class FailedResult(Record):
    """A job that could not be finished, and why."""

    kind: Literal["failed"] = "failed"
    job: Job
    reason: str


Made = TypeVar("Made", bound=Record)

Finished: TypeAlias = ModelResult | TaskResult
Result: TypeAlias = Annotated[Finished | FailedResult, Field(discriminator="kind")]


NOT_REPEATED = ("key", "cost", "environment", "checkpoint", "checkpoint_bytes")
"""Fields that say where a result was made and stored, and at what cost."""


def fingerprint(result: Finished) -> str:
    """A SHA-256 of everything that a repetition on the same machine must reproduce: all but place and cost."""
    return hashlib.sha256(result.model_dump_json(exclude=set(NOT_REPEATED)).encode()).hexdigest()


def renamed(result: Made, plan: Plan, job: Job) -> Made:
    """The result of an equal job as that of a plan's job."""
    return result.model_copy(update={"job": job} | _variant(result, plan, job))


def _variant(result: Record, plan: Plan, job: Job) -> dict[str, object]:
    """The variant of a model that tasks start from, with what its training settled, as the size of a vocabulary."""
    if not isinstance(result, ModelResult):
        return {}
    return {"variant": kind_of(job).settled(plan, job, result.variant)}
