"""Do a pre-training run, from its beginning or from where it was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from zoo.core.files import write_text
from zoo.core.seeds import seed_of
from zoo.core.specs import Record, Variant
from zoo.machine.environment import Environment, environment
from zoo.machine.memory import peak_memory
from zoo.pretraining.checkpoints import Checkpoints
from zoo.pretraining.initial_weights import take_over
from zoo.pretraining.log import RunLog
from zoo.pretraining.preparation import Prepared, held_out_batches, prepare
from zoo.pretraining.settings import CHECKPOINTS, PretrainOptions, PretrainSpec, Start, claimed
from zoo.pretraining.setup import batch_stream, new_model
from zoo.pretraining.stopping import Stopping
from zoo.registry.catalog import Catalog
from zoo.text.cache import CorpusFacts
from zoo.text.pretraining_data import DataPosition
from zoo.train.distributed import Distributed
from zoo.train.evaluation import Score, evaluate
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer
from zoo.train.prefetch import PREFETCH_TOKENS, ResumableLoader, prefetch
from zoo.train.speed import Speed
from zoo.train.state import TrainingState
from zoo.train.step import Step, StepConfig
from zoo.weights.checkpoint import save_checkpoint, weights_hash
from zoo.weights.provenance import write_provenance


class Summary(Record):
    """What came of a run."""

    variant: Variant
    start: Start | None
    corpus: CorpusFacts
    share_read: float
    steps: int
    tokens: int
    seconds: float
    labels: dict[str, dict[str, int]]
    held_out: dict[str, Score]
    weights_hash: str
    processes: int
    gradient_accumulation_steps: int
    environment: Environment
    peak_bytes: int


class Watcher(Protocol):
    """Whoever wants to know how a run is getting on."""

    def told(self, text: str) -> None:
        """Something worth a line."""

    def stepped(self, step: Step, n_steps: int, tokens: int, peak_share: float | None) -> None:
        """A step is done."""

    def evaluated(self, step: int, scores: dict[str, Score]) -> None:
        """The held-out documents have been read."""


def pretrain(
    catalog: Catalog,
    run: PretrainSpec,
    how: PretrainOptions,
    distributed: Distributed,
    watcher: Watcher,
    changes: Sequence[str] = (),
) -> Summary | int:
    """Do the run, or what is left of it; gives the number of the signal that stopped it, if one did.

    The watcher is told of `changes` to the recipe once the text has been read. Raises ZooError or RunFailed where the
    run cannot be begun, gone on with or finished.
    """
    how.compute.begin()
    folder = Path(how.out)
    with ExitStack() as stack:
        if distributed.is_main_process:
            stack.enter_context(claimed(folder, run, how.resume))
            prepared = prepare(catalog, run, how)
        distributed.barrier()
        if not distributed.is_main_process:
            prepared = prepare(catalog, run, how)
        return _Training(catalog, run, how, distributed, watcher, prepared).do(changes)


class _Training:
    """A run under way."""

    def __init__(
        self,
        catalog: Catalog,
        run: PretrainSpec,
        how: PretrainOptions,
        distributed: Distributed,
        watcher: Watcher,
        prepared: Prepared,
    ) -> None:
        self.run, self.how, self.distributed, self.watcher, self.prepared = run, how, distributed, watcher, prepared
        self.catalog = catalog
        self.folder = Path(how.out)
        self.recipe = prepared.variant.pretraining
        self.model = new_model(catalog, prepared.variant, prepared.counts(), run.seed).to(how.compute.torch_device)
        self.fresh = take_over(self.model, Path(how.start), catalog) if how.start else []
        self.held = held_out_batches(catalog, self.model, prepared, run.seed)
        self.optimizer = make_optimizer(self.model, self.recipe, sharded=how.sharded and distributed.size > 1)
        self.checkpoints = Checkpoints(self.folder / CHECKPOINTS, how.keep)
        found, complaints = self.checkpoints.restore(self.model, self.optimizer)
        for complaint in complaints:
            watcher.told(f"warning: {complaint}; going on from the checkpoint before it")
        self.progressed = found or TrainingState(step=0, position=DataPosition(), labels={})
        self.scores: dict[str, Score] = {}
        self.labels = {name: Counter(found) for name, found in self.progressed.labels.items()}

    def do(self, changes: Sequence[str]) -> Summary | int:
        """Train to the end, or until a signal."""
        done = self.progressed.step
        feed = batch_stream(
            self.catalog,
            self.model,
            self.prepared.corpus,
            self.prepared.tokenizer,
            seed=self.run.seed,
            documents=self.prepared.kept,
        )
        self.share_read = feed.share_read()
        depth = PREFETCH_TOKENS // self.recipe.batch_tokens
        self.reader = ResumableLoader(prefetch(feed.starting_at(done, DataPosition(*self.progressed.position)), depth))
        self.reader.begin()
        self.log = RunLog(self.folder, done, self.how.tensorboard) if self.distributed.is_main_process else None
        self._tell_beginning(changes)
        try:
            with Stopping() as stopping:
                return self._steps(stopping)
        finally:
            self.reader.close()
            if self.log:
                self.log.close()

    def _steps(self, stopping: Stopping) -> Summary | int:
        n_steps = self.recipe.steps
        how = StepConfig(
            compute=self.how.compute,
            distributed=self.distributed,
            gradient_accumulation_steps=self.how.gradient_accumulation_steps,
            seed=seed_of("steps", self.run.seed),
            stop=stopping,
        )
        speed = Speed(self.model, self.how.compute, self.distributed.size)
        for step in train(
            self.model, self.optimizer, self.reader, self.recipe, n_steps, done=self.progressed.step, how=how
        ):
            self._count(step)
            self._show(step, speed)
            last = step.number == n_steps
            if last or step.number % self.how.evaluate_every == 0:
                self._evaluate(step.number)
                speed.measure()
            if last or step.stop or step.number % self.how.checkpoint_every == 0:
                self._save()
            if step.stop and not last:
                self.watcher.told(f"stopped after step {step.number} of {n_steps}; go on with --resume")
                return stopping.signal or 1
        if not self.scores:
            self._evaluate(n_steps)
        return self._finish()

    def _count(self, step: Step) -> None:
        for name, counts in step.labels.items():
            self.labels.setdefault(name, Counter()).update({str(value): n for value, n in counts.items()})
        self.progressed = TrainingState(
            step=step.number,
            position=self.reader.position,
            tokens=self.progressed.tokens + step.n_tokens,
            seconds=self.progressed.seconds + step.seconds,
            labels={name: dict(sorted(counts.items())) for name, counts in sorted(self.labels.items())},
            processes=self.distributed.size,
            gradient_accumulation_steps=self.how.gradient_accumulation_steps,
        )

    def _show(self, step: Step, speed: Speed) -> None:
        if not self.log:
            return
        peak_share = speed.share(step, self.reader.batch)
        if step.number % self.how.log_every == 0:
            self.log.step(step, self.progressed.tokens, peak_share)
        self.watcher.stepped(step, self.recipe.steps, self.progressed.tokens, peak_share)

    def _evaluate(self, number: int) -> None:
        if self.log and self.held:
            self.scores = evaluate(self.model, self.held, self.how.compute)
            self.log.evaluation(number, self.scores)
            self.watcher.evaluated(number, self.scores)

    def _save(self) -> None:
        provenance = self._provenance({}) if self.log else {}
        tokenizer = self.prepared.tokenizer
        self.checkpoints.save(
            self.model, self.optimizer, tokenizer, self.progressed, provenance, self.distributed.is_main_process
        )
        if self.log:
            self.log.write("checkpoint", self.progressed.step)

    def _finish(self) -> Summary:
        summary = Summary(
            variant=self.prepared.variant,
            start=self.run.start,
            corpus=self.prepared.facts,
            share_read=self.share_read,
            steps=self.progressed.step,
            tokens=self.progressed.tokens,
            seconds=self.progressed.seconds,
            labels=self.progressed.labels,
            held_out=self.scores,
            weights_hash=weights_hash(self.model.state_dict()),
            processes=self.distributed.size,
            gradient_accumulation_steps=self.how.gradient_accumulation_steps,
            environment=environment(self.catalog, self.how.compute),
            peak_bytes=peak_memory(self.how.compute.torch_device),
        )
        if self.log:
            provenance = self._provenance(self.scores)
            save_checkpoint(
                self.folder / "model",
                self.prepared.variant,
                self.model,
                self.prepared.tokenizer,
                lambda place: write_provenance(place, provenance),
            )
            write_text(self.folder / "result.json", summary.model_dump_json(indent=1))
            self.log.write("end", summary.steps, weights_hash=summary.weights_hash)
        return summary

    def _provenance(self, scores: dict[str, Score]) -> dict[str, JsonValue]:
        """What a model card is to tell of the weights as they are now."""
        told = self.run.model_dump(mode="json", include={"seed", "held_out", "precision", "tokenizer", "start"})
        return {
            "made_by": "zoo pretrain",
            "command": self.how.command,
            "corpus": ", ".join(self.how.corpus),
            **self.prepared.facts.model_dump(mode="json", exclude={"tokenizer_hash", "separator"}),
            "share_held_out": told.pop("held_out"),
            **told,
            "recipe": self.recipe.model_dump(mode="json"),
            "steps": self.progressed.step,
            "tokens_read": self.progressed.tokens,
            "scores_on_held_out_documents": {name: score.model_dump(mode="json") for name, score in scores.items()},
            "weights_hash": weights_hash(self.model.state_dict()),
            "environment": environment(self.catalog, self.how.compute).model_dump(mode="json"),
        }

    def _tell_beginning(self, changes: Sequence[str]) -> None:
        for change in changes:
            self.watcher.told(change)
        facts, found, held = self.prepared.facts, self.progressed, self.prepared.held
        n_held = held.n_documents if held else 0
        self.watcher.told(
            f"{facts.documents:,} documents, {n_held:,} of them held out; "
            f"{facts.tokens:,} tokens, of which an epoch reads {self.share_read:.1%}; {self.recipe.steps:,} steps"
        )
        if self.run.start and not found.step:
            start = self.run.start
            self.watcher.told(f"starting from the weights of {start.source} (SHA-256 {start.content_hash})")
            for fresh in self.fresh:
                self.watcher.told(fresh)
            if self.log:
                self.log.write("start", 0, **start.model_dump(), fresh=list(self.fresh))
        if found.step:
            self.watcher.told(f"going on after step {found.step}")
            before = f"{found.processes} x {found.gradient_accumulation_steps}"
            now = f"{self.distributed.size} x {self.how.gradient_accumulation_steps}"
            if before != now:
                self.watcher.told(
                    f"processes x gradient accumulation steps were {before}, now {now}: the outcome is equal but for "
                    "rounding and dropout"
                )
