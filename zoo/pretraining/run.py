"""Do a pre-training run, from its beginning or from where it was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import torch
from pydantic import JsonValue

from zoo.core.files import write_text
from zoo.core.seeds import seed_of
from zoo.core.specs import Record, Variant
from zoo.machine.environment import Environment, environment, peak_memory
from zoo.pretraining.checkpoints import Checkpoints
from zoo.pretraining.initial_weights import take_over
from zoo.pretraining.log import Journal
from zoo.pretraining.preparation import Prepared, held_out_batches, prepare
from zoo.pretraining.settings import CHECKPOINTS, Execution, Run, Start, claimed
from zoo.pretraining.setup import make_feed, new_model
from zoo.pretraining.stopping import Stopping
from zoo.registry.catalog import Catalog
from zoo.text.cache import CorpusFacts
from zoo.text.pretraining_data import Place
from zoo.train.distributed import Team
from zoo.train.evaluation import Score, evaluate
from zoo.train.loop import Execution as StepExecution
from zoo.train.loop import Step, train
from zoo.train.optimizers import make_optimizer
from zoo.train.prefetch import TOKENS_AHEAD, Reader, ahead
from zoo.train.speed import Speed
from zoo.train.state import Progressed
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
    accumulate: int
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
    catalog: Catalog, run: Run, how: Execution, team: Team, watcher: Watcher, changes: Sequence[str] = ()
) -> Summary | int:
    """Do the run, or what is left of it; gives the number of the signal that stopped it, if one did.

    The watcher is told of `changes` to the recipe once the text has been read. Raises ZooError or RunFailed where the
    run cannot be begun, gone on with or finished.
    """
    if how.threads:
        torch.set_num_threads(how.threads)
    folder = Path(how.out)
    with ExitStack() as stack:
        if team.leads:
            stack.enter_context(claimed(folder, run, how.resume))
            prepared = prepare(catalog, run, how)
        team.wait()
        if not team.leads:
            prepared = prepare(catalog, run, how)
        return _Training(catalog, run, how, team, watcher, prepared).do(changes)


class _Training:
    """A run under way."""

    def __init__(
        self, catalog: Catalog, run: Run, how: Execution, team: Team, watcher: Watcher, prepared: Prepared
    ) -> None:
        self.run, self.how, self.team, self.watcher, self.prepared = run, how, team, watcher, prepared
        self.catalog = catalog
        self.folder = Path(how.out)
        self.recipe = prepared.variant.pretraining
        self.model = new_model(catalog, prepared.variant, prepared.counts(), run.seed).to(team.device)
        self.fresh = take_over(self.model, Path(how.start), catalog) if how.start else []
        self.held = held_out_batches(catalog, self.model, prepared, run.seed)
        self.optimizer = make_optimizer(self.model, self.recipe, sharded=how.sharded and team.size > 1)
        self.checkpoints = Checkpoints(self.folder / CHECKPOINTS, how.keep)
        found, complaints = self.checkpoints.restore(self.model, self.optimizer)
        for complaint in complaints:
            watcher.told(f"warning: {complaint}; going on from the checkpoint before it")
        self.progressed = found or Progressed(step=0, place=Place(), labels={})
        self.scores: dict[str, Score] = {}
        self.labels = {name: Counter(found) for name, found in self.progressed.labels.items()}

    def do(self, changes: Sequence[str]) -> Summary | int:
        """Train to the end, or until a signal."""
        done = self.progressed.step
        feed = make_feed(
            self.catalog,
            self.model,
            self.prepared.corpus,
            self.prepared.tokenizer,
            seed=self.run.seed,
            documents=self.prepared.kept,
        )
        self.share_read = feed.share_read()
        depth = TOKENS_AHEAD // self.recipe.batch_tokens
        self.reader = Reader(ahead(feed.starting_at(done, Place(*self.progressed.place)), depth))
        self.reader.begin()
        self.journal = Journal(self.folder, done, self.how.tensorboard) if self.team.leads else None
        self._tell_beginning(changes)
        try:
            with Stopping() as stopping:
                return self._steps(stopping)
        finally:
            self.reader.close()
            if self.journal:
                self.journal.close()

    def _steps(self, stopping: Stopping) -> Summary | int:
        n_steps = self.recipe.steps
        how = StepExecution(
            team=self.team,
            accumulate=self.how.accumulate,
            precision=self.run.precision,
            seed=seed_of("steps", self.run.seed),
            stop=stopping,
        )
        speed = Speed(self.model, self.team, self.run.precision)
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
        self.progressed = Progressed(
            step=step.number,
            place=self.reader.place,
            tokens=self.progressed.tokens + step.n_tokens,
            seconds=self.progressed.seconds + step.seconds,
            labels={name: dict(sorted(counts.items())) for name, counts in sorted(self.labels.items())},
            processes=self.team.size,
            accumulate=self.how.accumulate,
        )

    def _show(self, step: Step, speed: Speed) -> None:
        if not self.journal:
            return
        peak_share = speed.share(step, self.reader.batch)
        if step.number % self.how.log_every == 0:
            self.journal.step(step, self.progressed.tokens, peak_share)
        self.watcher.stepped(step, self.recipe.steps, self.progressed.tokens, peak_share)

    def _evaluate(self, number: int) -> None:
        if self.journal and self.held:
            self.scores = evaluate(self.model, self.held, self.run.precision)
            self.journal.evaluation(number, self.scores)
            self.watcher.evaluated(number, self.scores)

    def _save(self) -> None:
        provenance = self._provenance({}) if self.journal else {}
        tokenizer = self.prepared.tokenizer
        self.checkpoints.save(self.model, self.optimizer, tokenizer, self.progressed, provenance, self.team.leads)
        if self.journal:
            self.journal.write("checkpoint", self.progressed.step)

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
            processes=self.team.size,
            accumulate=self.how.accumulate,
            environment=environment(self.catalog, device=self.team.device),
            peak_bytes=peak_memory(self.team.device),
        )
        if self.journal:
            provenance = self._provenance(self.scores)
            save_checkpoint(
                self.folder / "model",
                self.prepared.variant,
                self.model,
                self.prepared.tokenizer,
                lambda place: write_provenance(place, provenance),
            )
            write_text(self.folder / "result.json", summary.model_dump_json(indent=1))
            self.journal.write("end", summary.steps, weights_hash=summary.weights_hash)
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
            "environment": environment(self.catalog, device=self.team.device).model_dump(mode="json"),
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
            if self.journal:
                self.journal.write("start", 0, **start.model_dump(), fresh=list(self.fresh))
        if found.step:
            self.watcher.told(f"going on after step {found.step}")
            if (found.processes, found.accumulate) != (self.team.size, self.how.accumulate):
                self.watcher.told(
                    f"until now {found.processes} processes x {found.accumulate} turns made a step, now "
                    f"{self.team.size} x {self.how.accumulate}: the outcome is the same but for rounding and dropout"
                )
