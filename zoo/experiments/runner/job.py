"""The work of one cell, done in whatever process it is given to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from zoo.audit import executed, stored
from zoo.audit.audit import Settings, audit_variant
from zoo.blocks import initialise
from zoo.checkpoints import load, save
from zoo.core.corpus import TokenCorpus
from zoo.core.errors import RunFailed, ZooError
from zoo.core.seeds import seed_of
from zoo.core.specs import Init, Variant
from zoo.experiments.plan.make import refuse_changed
from zoo.experiments.plan.plan import Cell, Plan, slug
from zoo.experiments.results.gold_labels import gold_labels
from zoo.experiments.results.records import Cost, FailedResult, FinetuneResult, PretrainResult, Truncation
from zoo.experiments.runner.latency import latency, throughput
from zoo.heads import make_head
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.model import Model
from zoo.pretrain.setup import batch_stream, new_model, train_tokenizer, with_vocabulary
from zoo.registry.catalog import Catalog
from zoo.tasks import metrics
from zoo.tasks.task import Dataset, Task, labels_of
from zoo.train.finetune import encode_examples, head_for, n_steps, predict, training_batches
from zoo.train.loop import Progress, fit
from zoo.train.step import StepConfig, TooFewSequences
from zoo.weights.checkpoint import load_weights, save_checkpoint, weights_hash
from zoo.weights.content import trained_files
from zoo.weights.record import read_variant
from zoo.weights.store import open_store

CURVE_POINTS = 100

MOST_MICRO_BATCHES = 64
"""Micro-batches per batch, after which a lack of memory is final."""

OUT_OF_MEMORY = "out of memory, with each batch in {} micro-batch(es); try fewer workers or a smaller model"

FLOPS_LENGTH = 128
"""The tokens of a sequence on which a token's operations are counted."""

_Work = Callable[[Catalog, Plan, Cell, Path, Progress, StepConfig], PretrainResult | FinetuneResult]

_datasets: dict[tuple[str, str | None], Dataset] = {}
"""What this process has read, since many cells in turn ask for the same task."""


def attempt(
    catalog: Catalog, plan: Plan, cell: Cell, folder: Path, progress: Progress
) -> PretrainResult | FinetuneResult | FailedResult:
    """A cell's result, or the reason why there is none."""
    try:
        return run_cell(catalog, plan, cell, folder, progress)
    except ZooError as error:
        return FailedResult(cell=cell, reason=str(error))
    except Exception as error:
        return FailedResult(cell=cell, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")


def run_cell(
    catalog: Catalog, plan: Plan, cell: Cell, folder: Path, progress: Progress
) -> PretrainResult | FinetuneResult:
    """Do a cell; where memory runs out, again with each batch in twice as many micro-batches.

    Raises RunFailed or ZooError where it cannot be finished.
    """
    compute = Compute(precision=plan.precision, threads=plan.threads)
    compute.begin()
    work: dict[str, _Work] = {"pretrain": pretrain, "finetune": finetune, "baseline": baseline}
    n_micro = 1
    while True:
        try:
            how = StepConfig(
                gradient_accumulation_steps=n_micro, compute=compute, seed=seed_of("steps", cell.kind, cell.seed)
            )
            return work[cell.kind](catalog, plan, cell, folder, progress, how)
        except TooFewSequences:
            raise RunFailed(OUT_OF_MEMORY.format(n_micro // 2)) from None
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
        if cell.kind == "baseline" or n_micro == MOST_MICRO_BATCHES:
            raise RunFailed(OUT_OF_MEMORY.format(n_micro))
        n_micro *= 2


def _is_out_of_memory(error: Exception) -> bool:
    """PyTorch has a type of its own for accelerators only (DefaultCPUAllocator raises a plain RuntimeError)."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def checkpoint_folder(folder: Path, plan: Plan, cell: Cell) -> Path:
    """Where the checkpoint that a cell makes or stands on lies in a run folder."""
    origin = plan.pretraining_of(cell)
    first = origin.seed == plan.pretraining_seed
    return folder / "checkpoints" / slug(origin.system if first else f"{origin.system}-s{origin.seed}")


def finetuned_folder(folder: Path, cell: Cell) -> Path:
    """Where a fine-tuned model lies in a run folder, if the plan keeps it."""
    return folder / "finetuned" / cell.name


def pretrain(
    catalog: Catalog, plan: Plan, cell: Cell, folder: Path, progress: Progress, how: StepConfig
) -> PretrainResult:
    """Train the tokenizer on the corpus, then the variant on the tokenized corpus, and save both."""
    asked = plan.variant(cell.system)
    if cell.system in plan.checkpoints:
        return _take_over(catalog, plan, cell, folder, how)
    reset_peak_memory(how.compute.torch_device)
    documents = [list(document) for document in plan.corpus.documents(catalog)]
    tokenizer = train_tokenizer(catalog, asked, documents)
    variant = with_vocabulary(asked, tokenizer)
    corpus = TokenCorpus.build(documents, tokenizer)
    model = new_model(catalog, variant, corpus.counts(variant.dims.vocab_size), cell.seed)
    model.to(how.compute.torch_device)
    feed = batch_stream(catalog, model, corpus, tokenizer, seed=cell.seed)
    recipe = variant.pretraining
    began = time.perf_counter()
    log = fit(model, feed, recipe, recipe.steps, progress, how)
    seconds = time.perf_counter() - began
    place = checkpoint_folder(folder, plan, cell)
    save_checkpoint(place, variant, model, tokenizer)
    return PretrainResult(
        cell=cell,
        variant=variant,
        corpus=plan.corpus.description,
        corpus_hash=corpus.content_hash,
        corpus_documents=corpus.n_documents,
        corpus_tokens=corpus.n_tokens,
        share_read=feed.share_read(),
        steps=recipe.steps,
        gradient_accumulation_steps=how.gradient_accumulation_steps,
        tokens=log.n_tokens,
        losses={name: thinned(values) for name, values in log.losses.items()},
        accuracies={name: thinned(values) for name, values in log.accuracies.items()},
        **_facts(catalog, variant, model, folder, place, how.compute),
        cost=Cost(
            seconds=seconds, peak_bytes=peak_memory(how.compute.torch_device), tokens_per_s=log.n_tokens / seconds
        ),
    )


def _take_over(catalog: Catalog, plan: Plan, cell: Cell, folder: Path, how: StepConfig) -> PretrainResult:
    """Copy trained weights into the run, in float32, in place of training them."""
    asked, planned = plan.variant(cell.system), plan.checkpoints[cell.system]
    reset_peak_memory(how.compute.torch_device)
    began = time.perf_counter()
    refuse_changed(catalog, plan, cell.system)
    model = load(planned.folder, dtype=torch.float32, catalog=catalog)
    with torch.device("meta"):
        wanted = catalog.assemble(asked)
    if _shapes(wanted) != _shapes(model):
        raise ZooError(f"{asked.name} does not fit the weights in {planned.folder}; exchange nothing they depend on")
    model.variant = asked
    place = checkpoint_folder(folder, plan, cell)
    save(model, place, to="zoo", replace=True, catalog=catalog)
    return PretrainResult(
        cell=cell,
        variant=asked,
        corpus=f"none here: the weights of {planned.folder}",
        corpus_hash=planned.content_hash,
        corpus_documents=0,
        corpus_tokens=0,
        steps=0,
        tokens=0,
        losses={},
        accuracies={},
        **_facts(catalog, asked, model, folder, place, how.compute),
        cost=Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(how.compute.torch_device)),
    )


def _facts(
    catalog: Catalog, variant: Variant, model: Model, folder: Path, place: Path, compute: Compute
) -> dict[str, Any]:
    """What a report tells of a model and its checkpoint, so that it can do so without its plugin."""
    audit = audit_variant(catalog, variant, Settings(lengths=(min(FLOPS_LENGTH, variant.dims.max_length),)))
    return {
        "parameters_stored": stored(model),
        "parameters_executed": executed(model),
        "breakdown": audit.breakdown,
        "flops": audit.cost.lengths[0] if audit.cost else None,
        "weights_hash": weights_hash(model.state_dict()),
        "checkpoint": str(place.relative_to(folder)),
        "checkpoint_bytes": sum(path.stat().st_size for path in place.iterdir()),
        "checkpoint_files": trained_files(open_store(place)),
        "environment": environment(catalog, compute),
    }


def _shapes(model: Model) -> dict[str, torch.Size]:
    """The shapes of what a task head stands on."""
    return {n: tensor.shape for n, tensor in model.state_dict().items() if not n.startswith("objectives.")}


def finetune(
    catalog: Catalog, plan: Plan, cell: Cell, folder: Path, progress: Progress, how: StepConfig
) -> FinetuneResult:
    """Put a task head on the pre-trained encoder, train both, and score every dev split."""
    task, dataset = _task(catalog, plan, cell)
    place = checkpoint_folder(folder, plan, cell)
    variant = plan.variant(cell.system).model_copy(update={"dims": read_variant(place).dims})
    reset_peak_memory(how.compute.torch_device)
    tokenizer_class, options = catalog.tokenizer(variant)
    tokenizer = tokenizer_class.load(place, **options)
    if cell.system in plan.checkpoints:
        pretrained = load(place, catalog=catalog)
        pretrained.variant = variant
    else:
        pretrained = catalog.assemble(variant, plan.pretraining_of(cell).seed)
        load_weights(pretrained, place)
    head = make_head(variant.dims, head_for(task, variant.head))
    initialise(head, Init(), seed_of("head", dataset.content_hash, cell.seed))
    model = pretrained.with_head(task.name, head).to(how.compute.torch_device)

    recipe = plan.finetuning_of(cell)
    items = task.training_items(dataset)
    labels = labels_of(items)
    steps = n_steps(recipe, len(items))
    encoded = {task.train_split: encode_examples(items, tokenizer, recipe.max_length)}
    began = time.perf_counter()
    batches = training_batches(encoded[task.train_split][0], labels, recipe.batch_size, cell.seed)
    log = fit(model, batches, recipe, steps, progress, how)
    trained = time.perf_counter()
    for split in (*task.dev_splits, *unlabelled(task, dataset)):
        encoded[split] = encode_examples(dataset.splits[split], tokenizer, recipe.max_length)
    predictions = {split: predict(model, head, its) for split, (its, _) in encoded.items() if split != task.train_split}
    seconds, peak = time.perf_counter() - began, peak_memory(how.compute.torch_device)
    if plan.keep_finetuned:
        model.tokenizer = tokenizer
        save(model, finetuned_folder(folder, cell), to="zoo", replace=True, catalog=catalog)
    asked = [encoding for split in task.dev_splits for encoding in encoded[split][0]]
    return _scored(
        catalog,
        cell,
        task,
        dataset,
        predictions,
        steps=steps,
        n_micro=how.gradient_accumulation_steps,
        truncated={
            split: Truncation(cut=cut, items=len(its), length=recipe.max_length)
            for split, (its, cut) in encoded.items()
        },
        cost=Cost(
            seconds=seconds,
            peak_bytes=peak,
            training_examples_per_s=log.n_sequences / (trained - began),
            latency_s=latency(model, head, asked),
            inference_items_per_s=throughput(model, head, asked),
        ),
        compute=how.compute,
    )


def unlabelled(task: Task, dataset: Dataset) -> list[str]:
    """The splits that are there to be predicted only: a benchmark's test splits."""
    known = (task.train_split, *task.dev_splits)
    return [
        split
        for split, items in dataset.splits.items()
        if split not in known and all(item.label is None for item in items)
    ]


def baseline(
    catalog: Catalog, plan: Plan, cell: Cell, folder: Path, progress: Progress, how: StepConfig
) -> FinetuneResult:
    """What a system that reads no sentence reaches: the majority class, or bag-of-words regression."""
    from zoo.tasks.baselines import bag_of_words, majority

    task, dataset = _task(catalog, plan, cell)
    reset_peak_memory(how.compute.torch_device)
    began = time.perf_counter()
    predictions = majority(dataset, task) if cell.system == "majority" else bag_of_words(dataset, task, cell.seed)
    cost = Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(how.compute.torch_device))
    progress(1, 1)
    return _scored(
        catalog, cell, task, dataset, predictions, steps=0, n_micro=1, truncated={}, cost=cost, compute=how.compute
    )


def thinned(values: Sequence[float]) -> list[float]:
    """At most a hundred means of neighbours, for a curve."""
    n = min(CURVE_POINTS, len(values))
    edges = [len(values) * point // n for point in range(n + 1)] if n else [0]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def _task(catalog: Catalog, plan: Plan, cell: Cell) -> tuple[Task, Dataset]:
    assert cell.task is not None
    task = catalog.task(cell.task)
    key = (task.model_dump_json(), plan.data_folder)
    if key not in _datasets:
        _datasets[key] = task.load(Path(plan.data_folder) if plan.data_folder else None)
    if _datasets[key].content_hash != plan.task(task.name).content_hash:
        raise RunFailed(f"the data of task {task.name!r} are no longer those that were planned; start a new run")
    return task, _datasets[key]


def _scored(
    catalog: Catalog,
    cell: Cell,
    task: Task,
    dataset: Dataset,
    predictions: dict[str, list[int] | list[float]],
    *,
    steps: int,
    n_micro: int,
    truncated: dict[str, Truncation],
    cost: Cost,
    compute: Compute,
) -> FinetuneResult:
    labels = gold_labels(task, dataset)
    scores = {split: metrics.score(task, labels[split], predictions[split]) for split in labels}
    return FinetuneResult(
        cell=cell,
        task_version=task.version,
        data_hash=dataset.content_hash,
        synthetic=task.synthetic,
        steps=steps,
        gradient_accumulation_steps=n_micro,
        truncated=truncated,
        scores=scores,
        headline=metrics.headline(task, scores),
        predictions={split: predictions[split] for split in labels},
        unscored={split: made for split, made in predictions.items() if split not in labels},
        environment=environment(catalog, compute),
        cost=cost,
    )
