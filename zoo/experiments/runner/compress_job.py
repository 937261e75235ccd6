"""The work of a compression job: a model with a task head, made smaller and scored."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints import load, save
from zoo.compress.integers import quantized
from zoo.compress.pruned import pruned
from zoo.compress.runtime import Runtime, float_program
from zoo.core.meta import without_memory
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.results.records import Compression, CompressionCost, Cost, Measured, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.kept_logits import KeptLogits, file_of
from zoo.experiments.runner.latency import latency_of, throughput_of
from zoo.experiments.runner.model_statistics import counts
from zoo.experiments.runner.scoring import answered, planned_data, scored, unlabelled
from zoo.heads import TaskHead
from zoo.inference.predict_task import class_order
from zoo.inference.predict_text import head_for_text
from zoo.machine.compute import Compute
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, task_kind
from zoo.tasks.task import labels_of
from zoo.train.finetune import TrainingItems, logits_of, predict
from zoo.train.pruning import importances, matrices_in


@dataclass(frozen=True)
class _Answering:
    """A model, or its program: what gives logits and predictions, and the bytes of its weights."""

    logits_of: Callable[[Sequence[EncodedItem]], list[Tensor]]
    predict: Callable[[Sequence[EncodedItem]], list[Any]]
    bytes: int


def compress(work: JobContext) -> TaskResult:
    """Prune or quantize a fine-tuned model as its variant says, and score every dev split with what is left."""
    task, dataset = planned_data(work)
    compute = work.how.compute
    reset_peak_memory(compute.torch_device)
    began = time.perf_counter()
    whole = load(work.start(), catalog=work.catalog).to(compute.torch_device)
    evaluated = work.job.system in work.plan.evaluated  # else its record says how it reads
    recipe = work.plan.finetuning_of(work.job) if evaluated else whole.variant.finetuning
    head, kind = head_for_text(whole), task_kind(task, recipe)
    splits = (*task.dev_splits, *unlabelled(task, dataset))
    encoded = {split: kind.encode(dataset.splits[split], whole.text_tokenizer, recipe.max_length) for split in splits}
    by_split = {split: items for split, (items, _) in encoded.items()}
    asked = [item for split in task.dev_splits for item in by_split[split]]
    kept = KeptLogits(partial(logits_of, whole, head), file_of(work, whole))  # other jobs compress the same model
    with compute.autocast():
        before = [its for split in task.dev_splits for its in kept.of(by_split[split])]
    kept.keep()
    original = _answering(whole, head)
    times = [_timed(work, original, asked)]
    small = _pruned(work, whole)
    after: list[Tensor] = []

    def noted(items: Sequence[EncodedItem]) -> list[Tensor]:
        after.extend(found := made.logits_of(items))
        return found

    with tempfile.TemporaryDirectory() as place:
        made, floating = _made(work, small, head, Path(place))
        with compute.autocast():
            answers = answered(work, kind, by_split, noted, class_order(head.config, task))
        seconds, peak = time.perf_counter() - began, peak_memory(compute.torch_device)
        times += [_timed(work, each, asked) if each else (None, None) for each in (made, floating)]
    work.progress(1, 1)
    if kind_of(work.job).keeps_model(work.plan, work.job):
        save(small, work.model_folder(), to="zoo", replace=True, catalog=work.catalog)
    return scored(
        work,
        answers,
        steps=0,
        truncated={
            split: Truncation(cut=cut, items=len(items), length=kind.longest(recipe.max_length))
            for split, (items, cut) in encoded.items()
        },
        compression=_compression(work, small, largest_change(before, after[: len(before)])),
        cost=Cost(
            seconds=seconds,
            peak_bytes=peak,
            latency_s=times[1][0],
            inference_items_per_s=times[1][1],
            compression=CompressionCost(
                bytes=made.bytes,
                original_bytes=original.bytes,
                original_latency_s=times[0][0],
                float_latency_s=times[2][0],
            ),
        ),
    )


def _sample(work: JobContext, model: Model) -> list[Any]:
    """Batches of training items, of the task that the model was trained on."""
    planned = work.plan.task(str(work.job.task))
    task, dataset = planned_data(work, planned.trained_on or planned.name)
    recipe = model.variant.finetuning
    kind, items = task_kind(task, recipe), task.training_items(dataset)
    encoded, _ = kind.encode(items, model.text_tokenizer, recipe.max_length)
    return TrainingItems(kind, encoded, labels_of(items), work.job.seed).sample()


def _pruned(work: JobContext, whole: Model) -> Model:
    """What pruning leaves; what was taken out before fine-tuning is not there any more."""
    pruning = work.plan.variant(work.job.system).pruning
    if not pruning.takes or pruning.when == "before":
        return whole
    found = importances(whole, pruning, partial(_sample, work, whole))
    return pruned(whole, pruning, found, work.catalog).eval()


def _made(work: JobContext, small: Model, head: TaskHead, place: Path) -> tuple[_Answering, _Answering | None]:
    """The model as it is now, or its program in 8-bit integers and the one in float32."""
    variant, n_threads = work.plan.variant(work.job.system), work.how.compute.threads or 1
    how = variant.quantization
    if how is None:
        return _answering(small, head), None
    shared = work.shared / "programs" / f"{work.start().name}.onnx"  # several variants quantize the same model
    file = float_program(small, place / "floats.onnx" if variant.pruning.takes else shared)
    batches = _sample(work, small) if how == "int8-static" else ()
    integers = quantized(file, place / "integers.onnx", how, batches)
    made, floating = (Runtime(each, head, n_threads) for each in (integers, file))
    return _Answering(made.logits_of, made.predict, made.bytes), _Answering(
        floating.logits_of, floating.predict, floating.bytes
    )


def _answering(model: Model, head: TaskHead) -> _Answering:
    return _Answering(partial(logits_of, model, head), partial(predict, model, head), weight_bytes(model))


def weight_bytes(model: Model) -> int:
    """The bytes of a model's weights, shared ones once."""
    return sum(each.numel() * each.element_size() for each in model.parameters())


def _timed(
    work: JobContext, answering: _Answering, items: Sequence[EncodedItem]
) -> tuple[Measured | None, Measured | None]:
    """Latency and throughput; with other seeds, a model is as fast."""
    if work.job.seed != work.plan.seeds[0]:
        return None, None
    compute: Compute = work.how.compute
    with compute.autocast():
        device = torch.device(compute.torch_device)
        return latency_of(answering.predict, items, device), throughput_of(answering.predict, items, device)


def largest_change(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """The largest change of a logit; what is impossible before and after has not changed."""
    return max(
        (float((a - b).masked_fill(a == b, 0).abs().max()) for a, b in zip(before, after, strict=True)), default=0.0
    )


def _compression(work: JobContext, small: Model, change: float) -> Compression:
    variant = work.plan.variant(work.job.system)
    variant = variant.uncompressed.model_copy(update={"dims": small.variant.dims})
    with without_memory():
        counted = work.catalog.assemble(variant)
    matrices = matrices_in(small.encoder)
    return Compression(
        **counts(work.catalog, variant, counted),
        zeros=sum(int((matrix == 0).sum()) for matrix in matrices),
        weights=sum(matrix.numel() for matrix in matrices),
        largest_change=change,
    )
