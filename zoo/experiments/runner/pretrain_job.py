"""The work of a pre-training job: the pipeline of `zoo pretrain`, on the text of the plan."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zoo.core.held_out import HeldOutScore
from zoo.core.specs import Variant
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.model_jobs import points_of, step_of
from zoo.experiments.results.folder import UNFINISHED, write_waiting
from zoo.experiments.results.records import Cost, ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.model_statistics import model_statistics
from zoo.machine.environment import environment
from zoo.machine.memory import reset_peak_memory
from zoo.pretraining.log import read_log
from zoo.pretraining.outcome import PretrainOutcome
from zoo.pretraining.preparation import identify, shared_tokenizer
from zoo.pretraining.run import pretrain as run
from zoo.pretraining.settings import PretrainOptions
from zoo.pretraining.source import TextSource
from zoo.train.step import Step

CURVE_POINTS = 100

CHECKPOINT_SECONDS = 60.0
"""Seconds between the checkpoints from which a job resumes."""


class _Progress:
    """Passes the steps of a run on to the job's watcher."""

    def __init__(self, work: JobContext, folder: Path, points: Mapping[int, Job]) -> None:
        self._work, self._folder, self._points = work, folder, points

    def message(self, text: str) -> None:
        """Nothing: jobs print nothing."""

    def stepped(self, step: Step, n_steps: int, tokens: int, peak_share: float | None) -> None:
        """A step is done."""
        self._work.progress(step.number, n_steps)

    def evaluated(self, step: int, scores: dict[str, HeldOutScore]) -> None:
        """Nothing: scores are in the result."""

    def kept(self, outcome: PretrainOutcome) -> None:
        """A model in training is there; its result waits until its job is due."""
        job = self._points[outcome.summary.steps]
        write_waiting(
            self._work.folder, _result(replace(self._work, job=job), outcome, self._folder), _key(self._work, job)
        )


def pretrain(work: JobContext) -> ModelResult:
    """Pre-train a variant on the plan's text, or continue, and keep its model at the plan's points.

    Raises KeyboardInterrupt if stopped.
    """
    points = {step_of(work.plan, job): job for job in points_of(work.plan, work.job)}
    places = {step: str(work.folder / str(model_folder(work.plan, job))) for step, job in points.items()}
    return trained(work, points, models=places)


def trained(work: JobContext, points: Mapping[int, Job] = MappingProxyType({}), **more: object) -> ModelResult:
    """Pre-train on the plan's text, with `more` options. Raises as `pretrain` does."""
    plan, variant = work.plan, work.plan.variant(work.job.system)
    text = TextSource(plan.corpus.description, plan.corpus_hash, partial(plan.corpus.documents, work.catalog))
    if variant.distillation.in_pretraining:
        more["teacher"] = str(work.teacher())
    else:
        more["tokenizer"] = str(shared_tokenizer(work.catalog, variant, text, work.shared))
    return trained_on(work, variant, text, plan.held_out, points, **more)


def trained_on(
    work: JobContext,
    variant: Variant,
    text: TextSource,
    held_out: float,
    points: Mapping[int, Job] = MappingProxyType({}),
    **more: object,
) -> ModelResult:
    """Pre-train a variant on a text, of which a share is held out. Raises as `pretrain` does."""
    job, how, folder = work.job, work.how, _unfinished(work)
    reset_peak_memory(how.compute.torch_device)
    options = _options(work, variant, folder).model_copy(update=more)
    spec = identify(
        work.catalog, variant, text, options, seed=job.seed, held_out=held_out, precision=how.compute.precision
    )
    folder.parent.mkdir(exist_ok=True)
    done = run(work.catalog, spec, text, options, how, _Progress(work, folder, points))
    if isinstance(done, int):
        raise KeyboardInterrupt(f"{job.name} has a checkpoint; continue with --resume")
    result = _result(work, done, folder).model_copy(update={"corpus": text.description})
    shutil.rmtree(folder)
    return result


def _unfinished(work: JobContext) -> Path:
    """The folder of the job's checkpoints; different code, machine or micro-batches have a different one."""
    key = _key(work, work.job)
    return work.folder / UNFINISHED / f"{work.job.name}-{key[:12]}-{work.how.gradient_accumulation_steps}"


def _key(work: JobContext, job: Job) -> str:
    return cache_key(work.plan, job, environment(work.catalog, work.how.compute))


def _options(work: JobContext, variant: Variant, folder: Path) -> PretrainOptions:
    return PretrainOptions(
        out=str(folder),
        cache=str(work.shared),
        model=str(work.model_folder()),
        checkpoint_seconds=CHECKPOINT_SECONDS,
        evaluate_every=variant.pretraining.steps,
        measures_peak=False,
        made_by="zoo compare",
    )


def _result(work: JobContext, done: PretrainOutcome, folder: Path) -> ModelResult:
    summary, facts = done.summary, done.summary.corpus
    steps = [line for line in read_log(folder) if line["event"] == "step"]
    place = work.model_folder()
    return ModelResult(
        job=work.job,
        variant=summary.variant,
        corpus=work.plan.corpus.description,
        corpus_hash=facts.corpus_hash,
        corpus_documents=facts.documents,
        corpus_tokens=facts.tokens,
        share_read=summary.share_read,
        steps=summary.steps,
        gradient_accumulation_steps=summary.gradient_accumulation_steps,
        tokens=summary.tokens,
        losses=_curves(steps, "loss"),
        accuracies=_curves(steps, "accuracy"),
        held_out=summary.held_out,
        **model_statistics(work.catalog, summary.variant, done.model, work.folder, place, work.how.compute),
        cost=Cost(
            seconds=summary.seconds,
            peak_bytes=summary.peak_bytes,
            tokens_per_s=summary.tokens / summary.seconds,
        ),
    )


def _curves(steps: Sequence[dict[str, Any]], field: str) -> dict[str, list[float]]:
    """By objective, the values of all steps, as a curve of at most a hundred points."""
    names = dict.fromkeys(name for step in steps for name in step[field])
    return {name: downsample([step[field][name] for step in steps if name in step[field]]) for name in names}


def downsample(values: Sequence[float]) -> list[float]:
    """At most a hundred means of adjacent values, for a curve."""
    n = min(CURVE_POINTS, len(values))
    edges = [len(values) * point // n for point in range(n + 1)] if n else [0]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
