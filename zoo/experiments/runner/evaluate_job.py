"""The work of an evaluation job."""

from __future__ import annotations

import time

from zoo.checkpoints import load
from zoo.experiments.plan.job_kinds import Transfer
from zoo.experiments.results.records import Cost, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.latency import latency, throughput
from zoo.experiments.runner.scoring import answered, planned_data, scored, unlabelled
from zoo.inference.predict_task import class_order
from zoo.inference.predict_text import head_for_text
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.tasks.kinds import task_kind
from zoo.train.finetune import logits_of


def evaluate(work: JobContext) -> TaskResult:
    """Predict every dev split with a model's own task head, without training."""
    task, dataset = planned_data(work)
    compute, device = work.how.compute, work.how.compute.torch_device
    reset_peak_memory(device)
    model = load(work.start(), catalog=work.catalog).to(device)
    is_ours = work.job.kind == Transfer.name  # its record says how it reads
    recipe = model.variant.finetuning if is_ours else work.plan.finetuning_of(work.job)
    length = recipe.max_length
    head = head_for_text(model)
    began = time.perf_counter()
    splits = (*task.dev_splits, *unlabelled(task, dataset))
    kind = task_kind(task, recipe)
    encoded = {split: kind.encode(dataset.splits[split], model.text_tokenizer, length) for split in splits}
    order = class_order(head.config, task)
    asked_by_split = {split: items for split, (items, _) in encoded.items()}
    with compute.autocast():
        answers = answered(work, kind, asked_by_split, lambda items: logits_of(model, head, items), order)
    seconds, peak = time.perf_counter() - began, peak_memory(device)
    work.progress(1, 1)
    asked = [item for split in task.dev_splits for item in encoded[split][0]]
    return scored(
        work,
        answers,
        steps=0,
        truncated={
            split: Truncation(cut=cut, items=len(items), length=kind.longest(length))
            for split, (items, cut) in encoded.items()
        },
        cost=Cost(
            seconds=seconds,
            peak_bytes=peak,
            latency_s=latency(model, head, asked, compute),
            inference_items_per_s=throughput(model, head, asked, compute),
        ),
    )
