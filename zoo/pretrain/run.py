"""Do a pre-training run, from its beginning or from where it was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.batch import Batch
from zoo.catalog import Catalog
from zoo.errors import ZooError
from zoo.files import write_folder, write_text
from zoo.interfaces import Tokenizer
from zoo.model import Model
from zoo.pretrain.checkpoints import Checkpoints
from zoo.pretrain.journal import Journal
from zoo.pretrain.settings import Execution, Run, claim
from zoo.pretrain.stopping import Stopping
from zoo.specs import Record, Variant
from zoo.study.environment import Environment, environment, peak_memory
from zoo.study.pretraining import make_feed, new_model, pretraining_data, train_tokenizer, with_vocabulary
from zoo.text.cache import CorpusFacts, cached_corpus, hash_files, hash_tokenizer
from zoo.text.corpus import TokenCorpus
from zoo.text.documents import read_documents, text_files
from zoo.text.pretraining_data import Place
from zoo.train.evaluation import Score, evaluate
from zoo.train.feed import TOKENS_AHEAD, ahead
from zoo.train.loop import Execution as StepExecution
from zoo.train.loop import Precision, Step, train
from zoo.train.optimizers import make_optimizer
from zoo.train.seeds import seed_of
from zoo.train.speed import matmul_peak, training_flops
from zoo.train.state import Progressed
from zoo.train.team import Team
from zoo.weights.checkpoint import save_checkpoint, weights_hash

HELD_OUT_TOKENS = 100_000
"""At most about so many tokens are evaluated on each time."""


class Summary(Record):
    """What came of a run."""

    variant: Variant
    corpus: CorpusFacts
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


@dataclass
class Prepared:
    """A run's text and model."""

    tokenizer: Tokenizer
    corpus: TokenCorpus
    facts: CorpusFacts
    variant: Variant
    kept: NDArray[np.int64]
    held: list[int] = field(default_factory=list)


def prepare(catalog: Catalog, run: Run, how: Execution) -> Prepared:
    """The tokenizer and the tokenized corpus, from the run's folder and the cache if they are there already."""
    paths = [Path(path) for path in how.corpus]
    place = Path(how.out) / "tokenizer"
    tokenizer_class, options = catalog.tokenizer(run.variant)
    if not place.is_dir():
        if how.tokenizer:
            given = tokenizer_class.load(Path(how.tokenizer), **options)
        else:
            given = train_tokenizer(catalog, run.variant, read_documents(paths))
        write_folder(place, given.save)
    tokenizer = tokenizer_class.load(place, **options)
    corpus, facts = cached_corpus(Path(how.cache), run.corpus_hash, read_documents(paths), tokenizer)
    kept, held = split_documents(corpus.n_documents, run.held_out, run.seed)
    return Prepared(tokenizer, corpus, facts, with_vocabulary(run.variant, tokenizer), kept, held)


def identify(catalog: Catalog, variant: Variant, how: Execution, *, seed: int, held_out: float, precision: str) -> Run:
    """The run that is asked for. Raises ZooError where text or tokenizer are missing."""
    tokenizer = "trained"
    if how.tokenizer:
        tokenizer_class, options = catalog.tokenizer(variant)
        tokenizer = hash_tokenizer(tokenizer_class.load(Path(how.tokenizer), **options))
    return Run.model_validate(
        {
            "variant": variant,
            "corpus_hash": hash_files(text_files([Path(path) for path in how.corpus])),
            "tokenizer": tokenizer,
            "seed": seed,
            "held_out": held_out,
            "precision": precision,
        }
    )


def pretrain(catalog: Catalog, run: Run, how: Execution, team: Team, watcher: Watcher) -> Summary | int:
    """Do the run, or what is left of it; gives the number of the signal that stopped it, if one did.

    Raises ZooError or RunFailed where it cannot be begun, gone on with or finished.
    """
    if how.threads:
        torch.set_num_threads(how.threads)
    folder = Path(how.out)
    if team.leads:
        claim(folder, run, how.resume)
        prepared = prepare(catalog, run, how)
    team.wait()
    if not team.leads:
        prepared = prepare(catalog, run, how)
    return _Training(catalog, run, how, team, watcher, prepared).do()


class _Training:
    """A run under way."""

    def __init__(
        self, catalog: Catalog, run: Run, how: Execution, team: Team, watcher: Watcher, prepared: Prepared
    ) -> None:
        self.run, self.how, self.team, self.watcher, self.prepared = run, how, team, watcher, prepared
        self.catalog = catalog
        self.folder = Path(how.out)
        self.recipe = prepared.variant.pretraining
        held = prepared.corpus.documents(prepared.held) if prepared.held else None
        vocab_size = prepared.variant.dims.vocab_size
        counts = prepared.corpus.counts(vocab_size) - (held.counts(vocab_size) if held else 0)
        self.model = new_model(catalog, prepared.variant, counts, run.seed).to(team.device)
        self.held = self._held_out(held) if held else []
        self.optimizer = make_optimizer(self.model, self.recipe, sharded=how.sharded and team.size > 1)
        self.checkpoints = Checkpoints(self.folder / "checkpoints", how.keep)
        found, complaints = self.checkpoints.restore(self.model, self.optimizer)
        for complaint in complaints:
            watcher.told(f"warning: {complaint}; going on from the checkpoint before it")
        self.progressed = found or Progressed(step=0, place=Place(), labels={})
        self.scores: dict[str, Score] = {}
        self.labels = {name: Counter(found) for name, found in self.progressed.labels.items()}

    def do(self) -> Summary | int:
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
        depth = TOKENS_AHEAD // self.recipe.batch_tokens
        self.reader = _Reader(ahead(feed.starting_at(done, Place(*self.progressed.place)), depth), self.progressed)
        self.journal = Journal(self.folder, done, self.how.tensorboard) if self.team.leads else None
        self._tell_beginning()
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
        speed = _Speed(self.model, self.team, self.run.precision)
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

    def _show(self, step: Step, speed: _Speed) -> None:
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
        self.checkpoints.save(self.model, self.optimizer, self.prepared.tokenizer, self.progressed, self.team.leads)
        if self.journal:
            self.journal.write("checkpoint", self.progressed.step)

    def _finish(self) -> Summary:
        summary = Summary(
            variant=self.prepared.variant,
            corpus=self.prepared.facts,
            steps=self.progressed.step,
            tokens=self.progressed.tokens,
            seconds=self.progressed.seconds,
            labels=self.progressed.labels,
            held_out=self.scores,
            weights_hash=weights_hash(self.model.state_dict()),
            processes=self.team.size,
            accumulate=self.how.accumulate,
            environment=environment(self.catalog),
            peak_bytes=peak_memory(),
        )
        if self.journal:
            save_checkpoint(self.folder / "model", self.prepared.variant, self.model, self.prepared.tokenizer)
            write_text(self.folder / "result.json", summary.model_dump_json(indent=1))
            self.journal.write("end", summary.steps, weights_hash=summary.weights_hash)
        return summary

    def _held_out(self, held: TokenCorpus) -> list[Batch]:
        """Batches of the documents held out, the same at every evaluation."""
        data = pretraining_data(
            self.catalog,
            self.model,
            held,
            self.prepared.tokenizer,
            self.recipe.sequence_length,
            min(self.recipe.batch_tokens, max(self.recipe.sequence_length, 16_384)),
            seed=seed_of("held out", self.run.seed),
        )
        batches: list[Batch] = []
        for batch in data.epoch(0):
            batches.append(batch)
            if sum(len(each.ids) for each in batches) >= HELD_OUT_TOKENS:
                break
        return batches

    def _tell_beginning(self) -> None:
        facts, found = self.prepared.facts, self.progressed
        self.watcher.told(
            f"{facts.documents:,} documents, {len(self.prepared.held):,} of them held out; "
            f"{facts.tokens:,} tokens; {self.recipe.steps:,} steps"
        )
        if found.step:
            self.watcher.told(f"going on after step {found.step}")
            if (found.processes, found.accumulate) != (self.team.size, self.how.accumulate):
                self.watcher.told(
                    f"until now {found.processes} processes x {found.accumulate} turns made a step, now "
                    f"{self.team.size} x {self.how.accumulate}: the outcome is the same but for rounding and dropout"
                )


class _Reader:
    """Batches as the loop takes them, with the last one and the place that follows it."""

    def __init__(self, placed: Iterator[tuple[Batch, Place]], progressed: Progressed) -> None:
        self._placed = placed
        self.place: tuple[int, int, int] = progressed.place
        self.batch: Batch | None = None

    def __iter__(self) -> Iterator[Batch]:
        for batch, place in self._placed:
            self.batch, self.place = batch, place
            yield batch

    def close(self) -> None:
        """Stop making batches."""
        close = getattr(self._placed, "close", None)
        if close:
            close()


class _Speed:
    """The share of the machine's measured peak of matrix products that steps make use of."""

    def __init__(self, model: Model, team: Team, precision: Precision) -> None:
        self._model, self._team, self._precision = model, team, precision
        self._peak = self._flops_per_token = 0.0
        self.measure()

    def measure(self) -> None:
        """Look at the peak again, as other programs may have been in the way; the best counts."""
        peak = matmul_peak(self._team.device, self._precision) * self._team.size
        self._peak = max(self._peak, peak)

    def share(self, step: Step, batch: Batch | None) -> float:
        """Of one step."""
        if not self._flops_per_token and batch is not None:
            part = batch.part(0, min(4, batch.layout.n_sequences))
            self._flops_per_token = training_flops(self._model, part) / len(part.ids)
        return self._flops_per_token * step.n_tokens / step.seconds / self._peak


def split_documents(n_documents: int, share: float, seed: int) -> tuple[NDArray[np.int64], list[int]]:
    """The documents to train on and those held out: at least two, as a pair of different ones is asked for."""
    if share == 0.0:
        return np.arange(n_documents), []
    n_held = max(2, round(share * n_documents))
    if n_documents - n_held < 2:
        raise ZooError(
            f"the corpus has {n_documents} documents, too few to hold {n_held} out and train on the rest; "
            "separate documents by blank lines, or give --held-out 0"
        )
    order = np.random.default_rng(seed_of("held-out documents", seed)).permutation(n_documents)
    return np.sort(order[n_held:]), sorted(order[:n_held].tolist())
