"""What a kind of job says of its jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import log2
from typing import ClassVar

from zoo.core.specs import Variant
from zoo.experiments.plan.corpus import MicroworldCorpus
from zoo.experiments.plan.inputs import Inputs
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.planned import PlannedTask
from zoo.experiments.plan.spec import PlanSpec

SPECIAL_TOKENS = 3
"""Tokens that mark the beginning and the ends of an item, about."""

CHARACTERS_PER_WORD = 4.8
"""Of the microworld, with the space or stop beside it; measured over its tasks: 4.5 to 5.4."""

SMALL = 10_000.0
"""The size of a job without training steps, in tokens."""


def text_of(task: PlannedTask) -> float:
    """The text of a task, in characters."""
    return max(1.0, task.n_items * task.mean_length)


def tokens_of(plan: PlanSpec, task: PlannedTask, vocab_size: int) -> float:
    """The tokens of an item, about: 2.6 characters each with 2,000 pieces, 3.5 with 8,000, 4.3 with 30,000; on the
    microworld, each of whose words becomes a piece, a word and the space before it.
    """
    plain = task.synthetic and isinstance(plan.corpus, MicroworldCorpus)
    characters = CHARACTERS_PER_WORD if plain else max(1.0, 0.415 * log2(vocab_size) - 1.9)
    return SPECIAL_TOKENS + task.mean_length / characters


class JobKind(ABC):
    """A kind of job. Its work is the function `name` in the runner's `name`_job.py."""

    name: ClassVar[str]
    makes: ClassVar[str] = "task"
    """The kind of result: `model` or `task`."""
    has_steps: ClassVar[bool] = False
    """Whether it trains on batches, which are divided if memory runs out."""

    @abstractmethod
    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """The jobs of this kind in a plan."""

    @abstractmethod
    def title(self, job: Job) -> str:
        """A description, for progress and messages."""

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """The jobs whose results it needs."""
        return ()

    def settled(self, plan: PlanSpec, job: Job, made: Variant) -> Variant:
        """The variant of a job's model, with what only its work settles, as in `made`, that of an equal job's model."""
        return plan.variant(job.system).model_copy(update={"dims": made.dims})

    @abstractmethod
    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """What its result depends on, besides kind, seed, precision and the jobs that it needs; without names."""

    def model_folder(self, plan: PlanSpec, job: Job) -> str | None:
        """The folder of its result's model below a run folder; None if there is no model, or it is not kept."""
        return None

    def keeps_model(self, plan: PlanSpec, job: Job) -> bool:
        """Whether it writes that folder."""
        return False

    def answers(self, plan: PlanSpec, job: Job) -> bool:
        """Whether its result is its system's own on its task, and not an earlier stage of it."""
        return True

    def size(self, plan: PlanSpec, job: Job) -> float:
        """Its work in steps, in tokens."""
        return SMALL

    def text(self, plan: PlanSpec, job: Job) -> float:
        """The text that it also reads, in any unit."""
        return 1.0

    def untried_seconds(self, plan: PlanSpec, job: Job) -> float | None:
        """About how long a job takes of a kind that is too short to be tried; None of others."""
        return None

    def representative(self, plan: PlanSpec, job: Job) -> Job:
        """A job to measure in its place: itself, or a smaller one that differs only in size and text."""
        return job
