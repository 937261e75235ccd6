"""The contents of a plan: variants, tasks, seeds, corpus and budget. Its jobs follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from zoo.core.specs import Count, Finetuning, Record, Variant
from zoo.experiments.plan.ablation import Ablation
from zoo.experiments.plan.claims import PLAIN, Claims
from zoo.experiments.plan.corpus import CorpusSource
from zoo.experiments.plan.equal import Equal
from zoo.experiments.plan.inputs import Inputs, adaptation_inputs, after_teachers, shared_finetunings, start_of
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.planned import PlannedCheckpoint, PlannedTask, hash_json
from zoo.machine.compute import Compute
from zoo.registry.search_grids import Selection, Setting, Tuning
from zoo.tasks.kinds import is_learnt, task_kind
from zoo.tasks.record import RecordTask

FORMAT: Final = 2
"""The version of plans and run folders; others are refused."""

Seed = Annotated[int, Field(ge=0)]


_PLACES: Any = {
    "tasks": {"__all__": {"record"}},
    "corpus": {"paths", "folder"},
    "data_folder": True,
    "checkpoints": {"__all__": {"folder"}},
    "keep_finetuned": True,
    "equal": True,
    "ablation": True,
    "claims": True,
}


class PlanSettings(Record):
    """What is asked of a plan beside its variants, tasks and text, and kept as it was asked for."""

    compute: Compute
    pretrain_each_seed: bool = False
    held_out: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """The share of documents held out from pre-training, to evaluate models on."""
    evaluate_at: tuple[Count, ...] = ()
    """Tokens of pre-training, besides all, after which models are evaluated too; scores count those after all."""
    task_steps: dict[str, Count] = Field(default={})
    """The fine-tuning steps of tasks that have a number of their own."""
    equal: Equal | None = None
    """What the variants were made equal in, by their widths or their numbers of tokens."""
    keep_finetuned: bool = False
    keep_probabilities: bool = False
    tuning: Tuning | None = None
    ablation: Ablation | None = None
    """The edges between the variants whose effects are reported; no result depends on it."""
    claims: Claims = PLAIN
    """Which differences are tested, and how; no result depends on it."""


class PlanSpec(PlanSettings):
    """Variants, tasks, seeds, corpus and budget, which is the same for all variants unless their records differ. All
    seeds of a variant share one pre-training, or each has its own.
    """

    format: Literal[2] = FORMAT
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    teachers: tuple[Variant, ...] = ()
    """Variants that others learn from and that are not compared."""
    tasks: Annotated[tuple[PlannedTask, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    pretraining_seed: Seed = 0
    corpus: CorpusSource
    corpus_hash: str
    data_folder: str | None
    checkpoints: dict[str, PlannedCheckpoint] = Field(default={})
    synonyms: dict[str, str] = Field(default={})
    """SHA-256s of the files of synonyms that recipes name."""

    @field_validator("format", mode="before")
    @classmethod
    def _is_of_this_version(cls, value: object) -> object:
        if value != FORMAT:
            raise ValueError("another version of the zoo wrote this; make the run again with this version")
        return value

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        names = [variant.name for variant in self.trained]
        tasks = [task.name for task in self.tasks]
        refuse_twice("variant", [*names, *self.baselines])
        refuse_twice("task", tasks)
        refuse_twice("seed", list(map(str, self.seeds)))
        if self.compute.precision == "fp16":
            raise ValueError("fp16 is for models that are not trained; a plan takes bf16 or fp32")
        trained = [task.name for task in self.tasks if is_learnt(task)]
        for what, given, known in (
            ("checkpoints", self.checkpoints, names),
            ("tuning", self.tuning.settings if self.tuning else {}, tasks),
            ("fine-tuning steps", self.task_steps, trained),
            ("models of another task", [t.trained_on for t in self.tasks if t.trained_on and self.finetuned], trained),
            ("an ablation's edges", self.ablation.ends if self.ablation else (), names),
            ("distillation", [v.distillation.teacher for v in self.trained if v.distillation.teacher], names),
            ("claims", (self.claims.against,) if self.claims.against else (), names),
        ):
            if unknown := sorted({*given} - {*known}):
                raise ValueError(f"{what} are given for {unknown[0]!r:.60}, which is not in the plan")
        if self.evaluate_at:
            self._refuse_points()
        if self.claims.looks and self.seeds != tuple(range(self.claims.looks[-1])):
            raise ValueError(f"with a last look at {self.claims.looks[-1]} seeds, these are 0 to its number less 1")
        if self.tuning and (lacking := [task for task in trained if not self.tuning.settings.get(task)]):
            raise ValueError(f"tuning has no settings for task {lacking[0]!r:.60}")
        return self

    def _refuse_points(self) -> None:
        """Raises ValueError unless each point has a step of its own, before the last, in every pre-training."""
        if self.checkpoints or self.tuning:
            raise ValueError("points of the pre-training cannot be combined with trained weights or several settings")
        if adapted := [variant.name for variant in self.trained if variant.adaptation.tokens]:
            raise ValueError(
                f"{adapted[0]} is adapted to each task's text after its pre-training, so it cannot be evaluated in it; "
                "leave --evaluate-at or adaptation.tokens out"
            )
        for variant in self.variants:
            steps = [*map(variant.pretraining.steps_after, self.evaluate_at), variant.pretraining.steps]
            if any(after <= before for before, after in pairwise(steps)):
                raise ValueError(
                    f"{variant.name} pre-trains for {steps[-1]:,} steps; give points in order that are further apart"
                )

    @property
    def content_hash(self) -> str:
        """A SHA-256 of everything that the results depend on: contents, not paths."""
        return hash_json(self.model_dump(mode="json", exclude=_PLACES))

    @property
    def own_tasks(self) -> list[RecordTask]:
        """The tasks of one's own."""
        return [task.record for task in self.tasks if task.record]

    @property
    def trained(self) -> tuple[Variant, ...]:
        """The variants and their teachers."""
        return (*self.variants, *self.teachers)

    @property
    def names(self) -> tuple[str, ...]:
        """The variants by name."""
        return tuple(variant.name for variant in self.variants)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines of all tasks."""
        return tuple(dict.fromkeys(name for task in self.tasks for name in task.baselines))

    def __copy__(self) -> Self:
        """A copy without what was worked out from fields that may be changed in it."""
        copied = super().__copy__()
        for name in {*vars(copied)} - {*type(self).model_fields}:
            del vars(copied)[name]
        return copied

    @cached_property
    def origins(self) -> dict[str, str]:
        """By variant, the first one with the same pre-training, which is done once under that name."""
        first: dict[str, str] = {}
        return {v.name: first.setdefault(hash_json(self.start_of(v.name)), v.name) for v in self.trained}

    @cached_property
    def adapted(self) -> dict[str, str]:
        """By variant whose pre-training goes on with each task's text, the first one with the same start and recipe."""
        first: dict[str, str] = {}
        records = {v.name: v for v in map(self.variant, self.learners) if v.adaptation.tokens}
        keys = {name: hash_json([self.start_of(name), adaptation_inputs(v)]) for name, v in records.items()}
        return {name: first.setdefault(key, name) for name, key in keys.items()}

    def start_of(self, name: str) -> Inputs:
        """Everything that a variant's weights before fine-tuning depend on, besides a seed."""
        variant, text = self.variant(name), {"text": self.corpus_hash, "held_out": self.held_out}
        weights = self.checkpoints[name].content_hash if name in self.checkpoints else None
        return start_of(variant, weights, text, lambda: self.start_of(str(variant.distillation.teacher)))

    def is_pretrained(self, name: str) -> bool:
        """Whether a variant is pre-trained here: it starts neither from a folder nor from a teacher's layers."""
        return name not in self.checkpoints and not self.variant(name).distillation.inherits

    @property
    def compressed(self) -> tuple[str, ...]:
        """The variants that are pruned or quantized."""
        return tuple(variant.name for variant in self.variants if variant.is_compressed)

    @cached_property
    def finetuning_origins(self) -> dict[str, str]:
        """By variant that is fine-tuned, the one under whose name this is done."""
        return shared_finetunings([self.variant(name) for name in self.learners], self.origins)

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The variants that are scored with their own task head, without training."""
        return tuple(variant.name for variant in self.variants if self.has_own_head(variant.name))

    def has_own_head(self, name: str) -> bool:
        """Whether a variant, or a teacher, answers with a task head of its own, without training."""
        return name in self.checkpoints and self.checkpoints[name].evaluate_only

    @property
    def averaged(self) -> tuple[str, ...]:
        """The tasks in the mean over tasks: those that models learn, or all if they learn none."""
        return tuple(task.name for task in self.tasks if is_learnt(task)) or tuple(self._tasks)

    @property
    def unseeded(self) -> tuple[str, ...]:
        """The systems that are scored once, whatever the seeds: variants that are not trained, and baselines."""
        return (*self.evaluated, *self.baselines)

    def unseeded_on(self, task: str) -> tuple[str, ...]:
        """The systems that a task scores once: also models that answer as pre-trained, if that was done once."""
        if not task_kind(self.task(task)).by_likelihood:
            return self.unseeded
        once = self.checkpoints if self.pretrain_each_seed else self._variants
        return (*once, *self.baselines)

    def n_seeds(self, system: str, task: str) -> int:
        """How many seeds of a system a task should have, at least."""
        return 1 if system in self.unseeded_on(task) else (*self.claims.looks, len(self.seeds))[0]

    @property
    def finetuned(self) -> tuple[str, ...]:
        """The variants that are fine-tuned on each task."""
        return tuple(variant.name for variant in self.variants if variant.name not in self.evaluated)

    @cached_property
    def learners(self) -> tuple[str, ...]:
        """All that is fine-tuned on each task, teachers among it, each after its own teacher."""
        return tuple(n for n in after_teachers(self.finetuned, self.teacher_of) if not self.has_own_head(n))

    def teacher_of(self, name: str) -> str | None:
        """Whom a variant learns from in fine-tuning."""
        record = self.variant(name).distillation
        return record.teacher if record.in_finetuning else None

    @cached_property
    def _variants(self) -> dict[str, Variant]:
        return {variant.name: variant for variant in self.trained}

    @cached_property
    def _tasks(self) -> dict[str, PlannedTask]:
        return {task.name: task for task in self.tasks}

    def variant(self, name: str) -> Variant:
        """The variant of this name."""
        return self._variants[name]

    def task(self, name: str) -> PlannedTask:
        """The task of this name."""
        return self._tasks[name]

    def finetuning_of(self, job: Job) -> Finetuning:
        """The recipe of a fine-tuning: its variant's, with the task's number of steps and the job's setting, as far as
        the task's kind knows it.
        """
        recipe = self.variant(job.system).finetuning
        if steps := self.task_steps.get(str(job.task)):
            recipe = recipe.model_copy(update={"steps": steps})
        recipe = job.setting.applied(recipe) if job.setting else recipe
        return recipe.in_loss(task_kind(self.task(str(job.task))).loss_reads)

    def held_out_for_tuning(self, job: Job) -> float | None:
        """The share of the training items that a fine-tuning keeps apart for the choice of a setting."""
        return self.tuning.held_out if self.tuning and job.selection == "best on held-out items" else None

    def tried(self, task: str) -> tuple[Selection, Sequence[Setting | None]]:
        """The settings of fine-tuning on a task, None for the recipe's own, and the rule that chooses among them.

        For a task that models of another answer, they are the other's.
        """
        task = self.task(task).trained_on or task
        return (self.tuning.rule(task), self.tuning.settings[task]) if self.tuning else ("last", [None])


def refuse_twice(what: str, names: Sequence[str]) -> None:
    """Raises ValueError if a name is given twice."""
    if len({*names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{what} {twice!r:.80} is given twice")
