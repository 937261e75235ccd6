"""Run a pre-training, from the start or from where it stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from zoo.blocks.kernels import kernels_taken
from zoo.core.files import write_text
from zoo.core.held_out import HeldOutScore
from zoo.core.prefetch import prefetch
from zoo.machine.environment import environment
from zoo.machine.memory import peak_memory
from zoo.model import Model
from zoo.pretraining.checkpoints import Checkpoints
from zoo.pretraining.initial_weights import load_pretrained_weights
from zoo.pretraining.log import RunLog
from zoo.pretraining.outcome import PretrainOutcome, Summary, provenance
from zoo.pretraining.preparation import Prepared, held_out_batches, prepare
from zoo.pretraining.settings import CHECKPOINTS, PretrainOptions, PretrainSpec, claimed
from zoo.pretraining.setup import batch_stream, new_model
from zoo.pretraining.source import TextSource
from zoo.pretraining.stopping import Stopping
from zoo.pretraining.teacher import load_teacher, taught
from zoo.registry.catalog import Catalog
from zoo.text.pretraining_data import DataPosition
from zoo.train.evaluation import evaluate
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer
from zoo.train.prefetch import PREFETCH_TOKENS, ResumableLoader
from zoo.train.speed import Speed
from zoo.train.state import TrainingState
from zoo.train.step import Step, StepConfig
from zoo.weights.checkpoint import save_checkpoint, weights_hash
from zoo.weights.provenance import write_provenance


class Watcher(Protocol):
    """What follows a run."""

    def message(self, text: str) -> None:
        """A message of one line."""

    def stepped(self, step: Step, n_steps: int, tokens: int, peak_share: float | None) -> None:
        """A step is done."""

    def evaluated(self, step: int, scores: dict[str, HeldOutScore]) -> None:
        """The model was evaluated on held-out documents."""

    def kept(self, outcome: PretrainOutcome) -> None:
        """The model was written as it is after some of the steps."""


def pretrain(
    catalog: Catalog,
    spec: PretrainSpec,
    text: TextSource,
    options: PretrainOptions,
    how: StepConfig,
    watcher: Watcher,
    changes: Sequence[str] = (),
) -> PretrainOutcome | int:
    """Run it, or what is left of it; returns the number of the signal that stopped it, if any.

    The watcher gets `changes` to the recipe once the text has been read. Raises ZooError or RunFailed if the run
    can't be begun, resumed or finished.
    """
    how.compute.begin()
    with ExitStack() as stack:
        if how.distributed.is_main_process:
            stack.enter_context(claimed(Path(options.out), spec, options.resume))
            prepared = prepare(catalog, spec, text, options)
        how.distributed.barrier()
        if not how.distributed.is_main_process:
            prepared = prepare(catalog, spec, text, options)
        return _Training(catalog, spec, options, how, watcher, prepared).do(changes)


class _Training:
    """A run under way."""

    def __init__(
        self,
        catalog: Catalog,
        spec: PretrainSpec,
        options: PretrainOptions,
        how: StepConfig,
        watcher: Watcher,
        prepared: Prepared,
    ) -> None:
        self.catalog, self.spec, self.options, self.watcher, self.prepared = catalog, spec, options, watcher, prepared
        self.how, self.compute, self.is_main_process = how, how.compute, how.distributed.is_main_process
        self.folder = Path(options.out)
        self.recipe = prepared.variant.pretraining
        self.model = self._new_model()
        start = options.initial_weights
        self.notes = load_pretrained_weights(self.model, Path(start), catalog) if start else []
        self.held = held_out_batches(catalog, self.model, prepared, spec.seed)
        teacher = load_teacher(self.model, Path(options.teacher), catalog) if options.teacher else None
        self._place(self.model)
        self.learner = taught(self.model, teacher, spec.seed) if teacher else self.model
        sharded = options.sharded and how.distributed.size > 1
        self.optimizer = make_optimizer(self.learner, self.recipe, sharded=sharded)
        self.checkpoints = Checkpoints(self.folder / CHECKPOINTS, options.keep)
        saved, complaints = self.checkpoints.restore(self.learner, self.optimizer)
        for complaint in complaints:
            watcher.message(f"warning: {complaint}; continuing from the checkpoint before it")
        self.state = saved or TrainingState(step=0, position=DataPosition(), labels={})
        self.saved_at = time.monotonic()
        self.scores: dict[str, HeldOutScore] = {}
        self.labels = {name: Counter(counts) for name, counts in self.state.labels.items()}

    def _new_model(self) -> Model:
        prepared = self.prepared
        return new_model(self.catalog, prepared.variant, prepared.tokenizer, prepared.counts(), self.spec.seed)

    def _place(self, model: Model) -> None:
        """Bring a model to the device, divided among all processes if it is to be."""
        device = self.compute.torch_device
        if self.how.distributed.shards_model:
            from zoo.train.sharding import shard_model

            shard_model(model, model.encoder, device)
        else:
            model.to(device)

    def do(self, changes: Sequence[str]) -> PretrainOutcome | int:
        """Train to the end, or until a signal."""
        prepared, done = self.prepared, self.state.step
        stream = batch_stream(
            self.catalog,
            self.model,
            prepared.corpus,
            prepared.tokenizer,
            seed=self.spec.seed,
            documents=prepared.kept,
        )
        self.share_read = stream.share_read()
        depth = PREFETCH_TOKENS // self.recipe.batch_tokens
        placed = stream.starting_at(done, DataPosition(*self.state.position))
        left = (self.options.stop_after or self.recipe.steps) - done  # none is made that no step takes
        self.loader = ResumableLoader(prefetch(islice(placed, max(0, left)), depth))
        self.loader.begin()
        self.log = RunLog(self.folder, done, self.options.tensorboard) if self.is_main_process else None
        self._announce(changes)
        try:
            with Stopping() as stopping, kernels_taken() as self.kernels:
                return self._steps(stopping)
        finally:
            self.loader.close()
            if self.log:
                self.log.close()

    def _steps(self, stopping: Stopping) -> PretrainOutcome | int:
        n_steps, options = self.recipe.steps, self.options
        how = replace(self.how, stop=stopping, read_every=options.log_every)
        measures = options.measures_peak and not how.distributed.shards_model
        speed = Speed(self.model, self.compute, how.distributed.size) if measures else None
        last_step = options.stop_after or n_steps
        for step in train(
            self.learner, self.optimizer, self.loader, self.recipe, n_steps, done=self.state.step, how=how
        ):
            self._count(step)
            self._show(step, speed)
            last, place = step.number == last_step, options.models.get(step.number)
            if last or place or step.number % options.evaluate_every == 0:
                self._evaluate(step.number)
                if speed:
                    speed.measure()
            if place:
                step.reading.read()  # what is kept must be finite
                self.watcher.kept(self._keep(Path(place)))
            if step.stop or self._is_due(step.number, last):
                step.reading.read()  # what is saved must be finite
                self._save()
            if step.stop and not last:
                self.watcher.message(f"stopped after step {step.number} of {n_steps}; the same command continues")
                return stopping.signal or 1
            if last:
                break
        if not self.scores:
            self._evaluate(n_steps)
        return self._finish()

    def _is_due(self, number: int, last: bool) -> bool:
        """Whether a checkpoint is to be written after a step."""
        every, seconds = self.options.checkpoint_every, self.options.checkpoint_seconds
        by_steps = every is not None and (last or number % every == 0)
        return by_steps or (seconds is not None and not last and time.monotonic() - self.saved_at >= seconds)

    def _count(self, step: Step) -> None:
        for name, counts in step.labels.items():
            self.labels.setdefault(name, Counter()).update({str(value): n for value, n in counts.items()})
        self.state = TrainingState(
            step=step.number,
            position=self.loader.position,
            tokens=self.state.tokens + step.n_tokens,
            seconds=self.state.seconds + step.seconds,
            labels={name: dict(sorted(counts.items())) for name, counts in sorted(self.labels.items())},
            processes=self.how.distributed.size,
            gradient_accumulation_steps=self.how.gradient_accumulation_steps,
        )

    def _show(self, step: Step, speed: Speed | None) -> None:
        if not self.log or not step.is_read:
            return
        peak_share = speed.share(step, self.loader.batch) if speed else None
        if step.number % self.options.log_every == 0:
            self.log.step(step, self.state.tokens, peak_share)
        self.watcher.stepped(step, self.recipe.steps, self.state.tokens, peak_share)

    def _evaluate(self, number: int) -> None:
        if not self.held or not (self.log or self.how.distributed.shards_model):
            return
        self.scores = evaluate(self.model, self.held, self.compute)
        self.how.distributed.reshard(self.model)
        if self.log:
            self.log.evaluation(number, self.scores)
            self.watcher.evaluated(number, self.scores)

    def _save(self) -> None:
        model, optimizer, state = self.learner, self.optimizer, self.state
        if self.how.distributed.shards_model:
            made = self._provenance({}, None)
            self.checkpoints.save_sharded(model, optimizer, state, made, self.how.distributed)
        else:
            made = self._provenance({}, weights_hash(model.state_dict())) if self.log else {}
            self.checkpoints.save(model, optimizer, self.prepared.tokenizer, state, made, self.is_main_process)
        self.saved_at = time.monotonic()
        if self.log:
            self.log.write("checkpoint", self.state.step)

    def _whole_model(self) -> Model:
        """The model as one process holds it; of one that is divided, on the leading process, a copy on the CPU."""
        if not self.how.distributed.shards_model:
            return self.model
        from zoo.train.sharding import whole_weights

        weights = whole_weights(self.model)
        if not self.is_main_process:
            return self.model
        model = self._new_model()
        model.load_state_dict(weights)
        return model

    def _finish(self) -> PretrainOutcome:
        done = self._keep(Path(self.options.model or self.folder / "model"))
        if self.log:
            write_text(self.folder / "result.json", done.summary.model_dump_json(indent=1))
            self.log.write("end", done.summary.steps, weights_hash=done.summary.weights_hash)
        return done

    def _keep(self, place: Path) -> PretrainOutcome:
        """Write the model as it is now."""
        model = self._whole_model()
        own = weights_hash(model.state_dict()) if self.is_main_process or not self.how.distributed.shards_model else ""
        made_hash = self.how.distributed.same_everywhere(own)
        summary = Summary(
            variant=self.prepared.variant,
            initial_weights=self.spec.initial_weights,
            corpus=self.prepared.facts,
            share_read=self.share_read,
            steps=self.state.step,
            tokens=self.state.tokens,
            seconds=self.state.seconds,
            labels=self.state.labels,
            held_out=self.scores,
            weights_hash=made_hash,
            processes=self.how.distributed.size,
            gradient_accumulation_steps=self.how.gradient_accumulation_steps,
            environment=environment(self.catalog, self.compute),
            peak_bytes=peak_memory(self.compute.torch_device),
            kernels=tuple(sorted(self.kernels)),
        )
        if self.log:
            made = self._provenance(self.scores, made_hash)
            save_checkpoint(
                place,
                self.prepared.variant,
                model,
                self.prepared.tokenizer,
                lambda new: write_provenance(new, made),
            )
        return PretrainOutcome(summary, model)

    def _provenance(self, scores: dict[str, HeldOutScore], weights: str | None) -> dict[str, JsonValue]:
        made_in = environment(self.catalog, self.compute)
        return provenance(self.spec, self.options, self.prepared, self.state, weights, scores, made_in)

    def _announce(self, changes: Sequence[str]) -> None:
        """Say what the run works on, and where it begins."""
        facts, held, state = self.prepared.facts, self.prepared.held, self.state
        lines = [
            *changes,
            f"{facts.documents:,} documents, {held.n_documents if held else 0:,} of them held out; "
            f"{facts.tokens:,} tokens, of which an epoch reads {self.share_read:.1%}; {self.recipe.steps:,} steps",
        ]
        start = self.spec.initial_weights
        if start and not state.step:
            lines += [f"starting from the weights of {start.source} (SHA-256 {start.content_hash})", *self.notes]
            if self.log:
                self.log.write("start", 0, **start.model_dump(), fresh=list(self.notes))
        if state.step:
            lines += [f"continuing after step {state.step}", *self._other_division()]
        for line in lines:
            self.watcher.message(line)

    def _other_division(self) -> list[str]:
        before = f"{self.state.processes} x {self.state.gradient_accumulation_steps}"
        now = f"{self.how.distributed.size} x {self.how.gradient_accumulation_steps}"
        note = f"processes x gradient accumulation steps were {before}, now {now}: the outcome is equal but for "
        return [] if before == now else [note + "rounding and dropout"]
