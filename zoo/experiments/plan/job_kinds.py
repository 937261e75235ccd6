"""The kinds of job: what each needs, what its result depends on, what it writes. The runner does the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from zoo.core.specs import Variant
from zoo.experiments.plan.baseline_kind import Baseline
from zoo.experiments.plan.inputs import (
    Inputs,
    distillation_inputs,
    finetuning_inputs,
    head_inputs,
    pruning_inputs,
    reading_inputs,
)
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kind import JobKind, text_of, tokens_of
from zoo.experiments.plan.model_jobs import Adapt, Checkpoint, Inherit, Pretrain, TakeOver, adapted_start, start_job
from zoo.experiments.plan.spec import PlanSpec
from zoo.tasks.kinds import is_learnt, task_kind


class Finetune(JobKind):
    """Put a task head on a model, train both, and score every development split; also of models in training."""

    name = "finetune"
    has_steps = True

    def settled(self, plan: PlanSpec, job: Job, made: Variant) -> Variant:
        """As JobKind says; a length may follow from the data."""
        recipe = plan.finetuning_of(job).model_copy(update={"max_length": made.finetuning.max_length})
        return super().settled(plan, job, made).model_copy(update={"finetuning": recipe})

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per variant, task, seed and setting, and as many for each point of the pre-training."""
        return (
            Job(kind=self.name, system=name, task=task.name, seed=seed, setting=setting, selection=rule, at=tokens)
            for tokens in (None, *plan.evaluate_at)
            for task in plan.tasks
            if is_learnt(task)
            for rule, settings in (plan.tried(task.name),)
            for seed in plan.seeds
            for name in _tuned(plan, plan.learners if tokens is None else plan.finetuned)
            for setting in settings
        )

    def title(self, job: Job) -> str:
        """As JobKind says."""
        setting = f", {job.setting.label}" if job.setting else ""
        return f"fine-tuning {job.system} on {job.task}, seed {job.seed}{setting}{_point(job)}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """The start, and the teacher that is fine-tuned with the same task, seed and setting, or has a head."""
        start, teacher = start_job(plan, job.system, job.seed, job.at), plan.teacher_of(job.system)
        if job.system in plan.adapted:
            start = adapted_start(plan, job.system, str(job.task), job.seed)
        if teacher is None:
            return (start,)
        if plan.has_own_head(teacher):
            return start, start_job(plan, teacher, job.seed)
        return start, job.model_copy(update={"system": teacher, "at": None})

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        task, variant, recipe = plan.task(str(job.task)), plan.variant(job.system), plan.finetuning_of(job)
        words = {"synonyms": plan.synonyms[str(recipe.synonym_file)]} if recipe.synonyms else {}
        taught = {"distillation": distillation_inputs(variant.distillation)} if plan.teacher_of(job.system) else {}
        return {
            "task": task.content,
            "recipe": finetuning_inputs(recipe, task_kind(task).reads) | words,
            "head": head_inputs(variant.head, task.pair),
            **(pruning_inputs(variant.pruning) if variant.pruning.in_training else {}),
            **taught,
            **({"held_out_for_tuning": share} if (share := plan.held_out_for_tuning(job)) else {}),
            **_kept(plan),
        }

    def answers(self, plan: PlanSpec, job: Job) -> bool:
        """Not where its system is compressed afterwards."""
        return job.system not in plan.compressed

    def model_folder(self, plan: PlanSpec, job: Job) -> str:
        """As JobKind says."""
        return f"finetuned/{job.name}"

    def keeps_model(self, plan: PlanSpec, job: Job) -> bool:
        """Also where it answers another task, others learn from it, or it is compressed afterwards."""
        answers = job.task in {task.trained_on for task in plan.tasks}
        needed = {plan.teacher_of(name) for name in plan.learners} | {*_tuned(plan, plan.compressed)}
        return plan.keep_finetuned or answers or job.system in needed

    def size(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        recipe, task = plan.finetuning_of(job), plan.task(str(job.task))
        tokens = tokens_of(plan, task, plan.variant(job.system).dims.vocab_size)
        if task_kind(task).cuts == "items":
            tokens = min(tokens, recipe.max_length)
        return recipe.steps_over(task.n_training) * recipe.batch_size * tokens

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return text_of(plan.task(str(job.task)))

    def representative(self, plan: PlanSpec, job: Job) -> Job:
        """The same system on the task with the least text, with its own recipe; of the last seed, as only the first
        one's latency is measured.
        """
        smallest = min(filter(is_learnt, plan.tasks), key=text_of)
        return Job(kind=self.name, system=job.system, task=smallest.name, seed=plan.seeds[-1])


class Transfer(JobKind):
    """Score a model that was fine-tuned on another task, without further training."""

    name = "transfer"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per fine-tuning on the other task."""
        finetunings = list(Finetune().jobs(plan))
        return (
            job.model_copy(update={"kind": self.name, "task": task.name})
            for task in plan.tasks
            if task.trained_on
            for job in finetunings
            if job.task == task.trained_on and job.at is None and job.system in {*plan.finetuned} - {*plan.compressed}
        )

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"{job.system} on {job.task}, seed {job.seed}, as trained on another task"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """As JobKind says."""
        return (job.model_copy(update={"kind": Finetune.name, "task": plan.task(str(job.task)).trained_on}),)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        task, recipe = plan.task(str(job.task)), plan.finetuning_of(job)
        return {"task": task.content, **reading_inputs(recipe, task_kind(task).reads), **_kept(plan)}

    def model_folder(self, plan: PlanSpec, job: Job) -> str | None:
        """As JobKind says."""
        return model_folder(plan, self.needs(plan, job)[0])

    def size(self, plan: PlanSpec, job: Job) -> float:
        """Nothing, as it has no steps."""
        return 0.0

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return Finetune().text(plan, job)

    def representative(self, plan: PlanSpec, job: Job) -> Job:
        """A fine-tuning, of which it is what is left without its steps."""
        return Finetune().representative(plan, job)


class Evaluate(JobKind):
    """Score a model with its own task head."""

    name = "evaluate"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per task, for each variant that is not trained."""
        return (
            Job(kind=self.name, system=name, task=task.name, seed=0)
            for task in plan.tasks
            if not task_kind(task).by_likelihood
            for name in plan.evaluated
            if name not in plan.compressed
        )

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"evaluating {job.system} on {job.task}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """As JobKind says."""
        return (start_job(plan, job.system, job.seed),)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        task, recipe = plan.task(str(job.task)), plan.variant(job.system).finetuning
        return {"task": task.content, **reading_inputs(recipe, task_kind(task).reads), **_kept(plan)}

    def model_folder(self, plan: PlanSpec, job: Job) -> str | None:
        """As JobKind says."""
        return model_folder(plan, start_job(plan, job.system, job.seed))


class Compress(JobKind):
    """Prune or quantize a model with a task head, and score what is left."""

    name = "compress"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per fine-tuning of each variant that is compressed, and per task that it answers."""
        return (
            Job(kind=self.name, system=name, task=task.name, seed=seed, setting=setting, selection=rule, at=tokens)
            for tokens in (None, *plan.evaluate_at)
            for task in plan.tasks
            if not task_kind(task).by_likelihood and (tokens is None or is_learnt(task))
            for name in plan.compressed
            if tokens is None or name not in plan.evaluated
            for rule, settings in (("last", [None]) if name in plan.evaluated else plan.tried(task.name),)
            for seed in ((0,) if name in plan.evaluated else plan.seeds)
            for setting in settings
        )

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"compressing {job.system} on {job.task}, seed {job.seed}{_point(job)}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """As JobKind says."""
        if job.system in plan.evaluated:
            return (start_job(plan, job.system, job.seed),)
        task = plan.task(str(job.task))
        origin = {"system": plan.finetuning_origins[job.system], "task": task.trained_on or task.name}
        return (job.model_copy(update={"kind": Finetune.name, **origin}),)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        task, variant = plan.task(str(job.task)), plan.variant(job.system)
        reads = reading_inputs(plan.finetuning_of(job), task_kind(task).reads)
        how = {"pruning": pruning_inputs(variant.pruning), "quantization": variant.quantization}
        return {"task": task.content, **reads, **how, **_kept(plan)}

    def model_folder(self, plan: PlanSpec, job: Job) -> str | None:
        """As JobKind says; a quantized model is a program, and no folder of ours."""
        return None if plan.variant(job.system).quantization else f"compressed/{job.name}"

    def keeps_model(self, plan: PlanSpec, job: Job) -> bool:
        """As JobKind says."""
        return plan.keep_finetuned and plan.variant(job.system).quantization is None

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return text_of(plan.task(str(job.task)))

    def representative(self, plan: PlanSpec, job: Job) -> Job:
        """The same system after its shortest fine-tuning, or itself if that is not trained."""
        if job.system in plan.evaluated:
            return job
        return Finetune().representative(plan, job).model_copy(update={"kind": self.name})


class Score(JobKind):
    """Have a model answer as it was pre-trained, by how probable it finds texts."""

    name = "score"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per task that is answered so, and pre-trained model of each variant, finished or in training."""
        return (
            Job(kind=self.name, system=variant.name, task=task.name, seed=seed, at=tokens)
            for tokens in (None, *plan.evaluate_at)
            for task in plan.tasks
            if task_kind(task).by_likelihood
            for variant in plan.variants
            for seed in ((0,) if variant.name in plan.unseeded_on(task.name) else plan.seeds)
        )

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"scoring {job.system} on {job.task}, as pre-trained{_point(job)}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """As JobKind says."""
        return (start_job(plan, job.system, job.seed, job.at),)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        return {"task": plan.task(str(job.task)).content}

    def model_folder(self, plan: PlanSpec, job: Job) -> str | None:
        """As JobKind says."""
        return model_folder(plan, start_job(plan, job.system, job.seed, job.at))

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return text_of(plan.task(str(job.task)))


JOB_KINDS: Mapping[str, JobKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Pretrain(),
            Checkpoint(),
            TakeOver(),
            Inherit(),
            Adapt(),
            Finetune(),
            Compress(),
            Transfer(),
            Evaluate(),
            Score(),
            Baseline(),
        )
    }
)
"""All kinds, in the order of a plan's jobs."""


def _tuned(plan: PlanSpec, names: Iterable[str]) -> list[str]:
    """The variants under whose names these are fine-tuned; those with a head of their own are not."""
    origins = plan.finetuning_origins
    return list(dict.fromkeys(origins[name] for name in names if name in origins))


def _kept(plan: PlanSpec) -> Inputs:
    """What is kept of a model's answers besides predictions."""
    return {"probabilities": True} if plan.keep_probabilities else {}


def kind_of(job: Job) -> JobKind:
    """The kind of a job."""
    return JOB_KINDS[job.kind]


def model_folder(plan: PlanSpec, job: Job) -> str | None:
    """The folder of the model of a job's result below a run folder, if it has one."""
    return kind_of(job).model_folder(plan, job)


def _point(job: Job) -> str:
    return f", after {job.at:,} tokens" if job.at else ""
