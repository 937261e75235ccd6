"""The kinds of job that make the models from which tasks start: pre-trained, in training, or taken over."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.core.specs import Variant
from zoo.experiments.plan.corpus import MicroworldCorpus
from zoo.experiments.plan.inputs import Inputs, adaptation_inputs
from zoo.experiments.plan.job import Job, slug
from zoo.experiments.plan.job_kind import SMALL, JobKind, text_of
from zoo.experiments.plan.planned import hash_json
from zoo.experiments.plan.spec import PlanSpec
from zoo.tasks.kinds import is_learnt


class Pretrain(JobKind):
    """Train a tokenizer and a model on the corpus."""

    name = "pretrain"
    makes = "model"
    has_steps = True

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per variant, or per variant and seed; variants with the same pre-training share one."""
        seeds = plan.seeds if plan.pretrain_each_seed else (plan.pretraining_seed,)
        names = [name for name in dict.fromkeys(plan.origins.values()) if plan.is_pretrained(name)]
        return (Job(kind=self.name, system=name, seed=seed) for seed in seeds for name in names)

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"pre-training {job.system}, seed {job.seed}" if job.seed else f"pre-training {job.system}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """The start of its teacher, if it learns from one."""
        record = plan.variant(job.system).distillation
        return (start_job(plan, str(record.teacher), job.seed),) if record.in_pretraining else ()

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        return {"start": plan.start_of(job.system)}

    def model_folder(self, plan: PlanSpec, job: Job) -> str:
        """As JobKind says."""
        first = job.seed == plan.pretraining_seed
        return f"checkpoints/{slug(job.system if first else f'{job.system}-s{job.seed}')}"

    def keeps_model(self, plan: PlanSpec, job: Job) -> bool:
        """As JobKind says."""
        return True

    def size(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return float(plan.variant(job.system).pretraining.tokens)

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says; a corpus that is read is read as a whole in any case."""
        return float(plan.corpus.n_documents) if isinstance(plan.corpus, MicroworldCorpus) else 1.0


class Checkpoint(Pretrain):
    """Keep the model of a pre-training as it is after some of its steps; the pre-training makes it on its way."""

    name = "checkpoint"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per pre-training and point."""
        return (point for job in Pretrain().jobs(plan) for point in points_of(plan, job))

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"{super().title(job)}, the first {job.at:,} tokens"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """Its pre-training, so that no step is done twice, and what that needs."""
        whole = job.model_copy(update={"kind": Pretrain.name, "at": None})
        return whole, *Pretrain().needs(plan, whole)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        return super().inputs(plan, job) | {"step": step_of(plan, job)}

    def model_folder(self, plan: PlanSpec, job: Job) -> str:
        """As JobKind says."""
        return f"{super().model_folder(plan, job)}-at-{job.at}"

    def size(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return SMALL

    def representative(self, plan: PlanSpec, job: Job) -> Job:
        """The first point of the same pre-training."""
        return job.model_copy(update={"at": plan.evaluate_at[0]})


class Adapt(Pretrain):
    """Go on from a pre-training with the training text of a task, without its labels; the seeds of a fine-tuning share
    what they share of the pre-training.
    """

    name = "adapt"

    def settled(self, plan: PlanSpec, job: Job, made: Variant) -> Variant:
        """As JobKind says; it has a budget of its own."""
        return super().settled(plan, job, made).model_copy(update={"pretraining": made.pretraining})

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per task, start and recipe."""
        found = (
            adapted_start(plan, name, task.name, seed)
            for name in plan.adapted
            for task in plan.tasks
            if is_learnt(task)
            for seed in plan.seeds
        )
        return dict.fromkeys(found)

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"adapting {job.system} to the text of {job.task}" + f", seed {job.seed}" * bool(job.seed)

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """The pre-trained model."""
        return (start_job(plan, job.system, job.seed),)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        return {"text": text_hash(plan, job), "variant": adaptation_inputs(plan.variant(job.system))}

    def model_folder(self, plan: PlanSpec, job: Job) -> str:
        """As JobKind says."""
        return f"checkpoints/{job.name}"

    def size(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return float(plan.variant(job.system).adaptation.tokens)

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return text_of(plan.task(str(job.task)))


class TakeOver(Pretrain):
    """Copy a trained checkpoint into the run, in place of pre-training."""

    name = "take_over"
    has_steps = False

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per checkpoint that variants start from."""
        names = [name for name in dict.fromkeys(plan.origins.values()) if name in plan.checkpoints]
        return (Job(kind=self.name, system=name, seed=plan.pretraining_seed) for name in names)

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"taking over {job.system}"

    def size(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return SMALL


class Inherit(Pretrain):
    """Make a model of some layers of a teacher, in place of pre-training."""

    name = "inherit"
    has_steps = False

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per variant that starts so, and start of its teacher."""
        names = [name for name in dict.fromkeys(plan.origins.values()) if plan.variant(name).distillation.inherits]
        return dict.fromkeys(start_job(plan, name, seed) for seed in plan.seeds for name in names)

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"taking layers for {job.system}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        """The start of its teacher."""
        return (start_job(plan, str(plan.variant(job.system).distillation.teacher), job.seed),)

    def size(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return SMALL


def points_of(plan: PlanSpec, job: Job) -> list[Job]:
    """The jobs that keep a pre-training's model at the plan's points: none if only a teacher starts from it."""
    if job.system not in {plan.origins[variant.name] for variant in plan.variants}:
        return []
    return [job.model_copy(update={"kind": Checkpoint.name, "at": tokens}) for tokens in plan.evaluate_at]


def step_of(plan: PlanSpec, job: Job) -> int:
    """The step of its pre-training after which a job's model is taken."""
    recipe = plan.variant(job.system).pretraining
    return recipe.steps_after(job.at or recipe.tokens)


def text_hash(plan: PlanSpec, job: Job) -> str:
    """A hash of the text that an adaptation reads."""
    return hash_json(["training text", plan.task(str(job.task)).content_hash])


def start_job(plan: PlanSpec, system: str, seed: int, at: int | None = None) -> Job:
    """The job that makes a variant's pre-trained model for fine-tunings of this seed, in training or after."""
    origin = plan.origins[system]
    if origin in plan.checkpoints:
        return Job(kind=TakeOver.name, system=origin, seed=plan.pretraining_seed)
    record = plan.variant(origin).distillation
    if record.inherits:
        return Job(kind=Inherit.name, system=origin, seed=start_job(plan, str(record.teacher), seed).seed)
    kind = Checkpoint.name if at else Pretrain.name
    return Job(kind=kind, system=origin, seed=seed if plan.pretrain_each_seed else plan.pretraining_seed, at=at)


def adapted_start(plan: PlanSpec, system: str, task: str, seed: int) -> Job:
    """The job that makes the model from which a variant that is adapted to a task starts."""
    before = start_job(plan, system, seed)
    return Job(kind=Adapt.name, system=plan.adapted[system], task=task, seed=before.seed)
