"""The work of a fine-tuning job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from zoo.blocks import initialise
from zoo.checkpoints import load, save
from zoo.core.seeds import drawing, seed_of
from zoo.core.specs import Init
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.results.records import Cost, LayerWeights, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.latency import latency, throughput
from zoo.experiments.runner.scoring import answered, planned_data, scored, unlabelled
from zoo.heads import TaskHead
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.model import Model
from zoo.tasks.kinds import make_head, task_kind
from zoo.tasks.scoring import gold_labels, main_score, score
from zoo.tasks.task import Example, labels_of
from zoo.train.finetune import divided, head_for, logits_of, predict, training_batches, training_parts
from zoo.train.kept import keeping
from zoo.train.loop import fit
from zoo.train.techniques import freeze_lowest, known_to_loss, reinitialize
from zoo.weights.checkpoint import load_weights
from zoo.weights.folder import CheckpointFolder


def finetune(work: JobContext) -> TaskResult:
    """Put a task head on the pre-trained encoder, train both, and score every dev split."""
    catalog, plan, job, how = work.catalog, work.plan, work.job, work.how
    task, dataset = planned_data(work)
    reset_peak_memory(how.compute.torch_device)
    pretrained = _pretrained(work)
    variant = pretrained.variant
    tokenizer = pretrained.text_tokenizer
    recipe = plan.finetuning_of(job)
    with drawing("head", dataset.content_hash, job.seed):
        head = make_head(variant.dims, head_for(task, variant.head, recipe.feature_config))
    initialise(head, Init(), seed_of("head", dataset.content_hash, job.seed))
    model = pretrained.with_head(task.name, head).to(how.compute.torch_device)
    _prepare(work, model, head)

    items, held_out = divided(task.training_items(dataset), recipe.early_stopping, job.seed)
    kind = task_kind(task, recipe)
    encoded = {task.train_split: kind.encode(items, tokenizer, recipe.max_length)}
    began = time.perf_counter()
    parts, labels = training_parts(encoded[task.train_split][0], labels_of(items))
    known_to_loss(head, recipe, labels)
    batches = training_batches(kind, parts, labels, recipe.batch_size, job.seed)
    held_out_score = partial(_score_of, work, model, head, held_out)
    with keeping(model):
        history = fit(model, batches, recipe, recipe.steps_over(len(parts)), work.progress, how, held_out_score)
    trained = time.perf_counter()
    for split in (*task.dev_splits, *unlabelled(task, dataset)):
        encoded[split] = kind.encode(dataset.splits[split], tokenizer, recipe.max_length)
    held = {split: its for split, (its, _) in encoded.items() if split != task.train_split}
    with how.compute.autocast():
        answers = answered(work, kind, held, lambda its: logits_of(model, head, its))
    gold, dev = gold_labels(task, dataset), task.dev_splits[0]
    chosen = {**head.config.options, **kind.chosen(gold[dev], answers.predictions[dev])}
    head.config = head.config.model_copy(update={"options": chosen})
    seconds, peak = time.perf_counter() - began, peak_memory(how.compute.torch_device)
    if kind_of(job).keeps_model(plan, job):
        save(model, work.model_folder(), to="zoo", replace=True, catalog=catalog)
    is_first = job.seed == plan.seeds[0]  # with other seeds, the model is as fast
    asked = [item for split in task.dev_splits for item in encoded[split][0]]
    return scored(
        work,
        answers,
        steps=history.n_steps,
        best_step=history.best_step,
        parameters_trained=sum(each.numel() for each in model.parameters() if each.requires_grad),
        layer_mix=_mix(model),
        truncated={
            split: Truncation(cut=cut, items=len(its), length=kind.longest(recipe.max_length))
            for split, (its, cut) in encoded.items()
        },
        cost=Cost(
            seconds=seconds,
            peak_bytes=peak,
            training_examples_per_s=history.n_sequences / (trained - began),
            latency_s=latency(model, head, asked, how.compute) if is_first else None,
            inference_items_per_s=throughput(model, head, asked, how.compute) if is_first else None,
        ),
    )


def _prepare(work: JobContext, model: Model, head: TaskHead) -> None:
    """Freeze layers, or start some anew, as the recipe says."""
    plan, job = work.plan, work.job
    recipe = plan.finetuning_of(job)
    if recipe.reinitialized_layers is not None:
        fresh = work.catalog.assemble(model.variant, seed_of("reinitialized layers", job.seed))
        reinitialize(model, fresh, recipe.reinitialized_layers)
        initialise(head, Init(), seed_of("head", plan.task(str(job.task)).content_hash, job.seed))  # its pooler too
    if recipe.frozen_layers is not None:
        freeze_lowest(model, recipe.frozen_layers)


def _score_of(work: JobContext, model: Model, head: TaskHead, items: Sequence[Example]) -> float:
    """The task's score on training items that are held out."""
    task, recipe = work.catalog.task(str(work.job.task)), work.plan.finetuning_of(work.job)
    kind = task_kind(task, recipe)
    encoded, _ = kind.encode(items, model.text_tokenizer, recipe.max_length)
    with work.how.compute.autocast():
        predictions = predict(model, head, encoded)
    gold = [kind.to_json(label) for label in labels_of(items)]
    return main_score(task, {task.train_split: score(task, gold, predictions)})


def _mix(model: Model) -> LayerWeights | None:
    mix = model.features.mix if model.features else None
    return LayerWeights(weights=tuple(mix.weights.tolist()), scale=mix.scale.item()) if mix is not None else None


def _pretrained(work: JobContext) -> Model:
    plan, job = work.plan, work.job
    folder = CheckpointFolder(work.start())
    variant = plan.variant(job.system).model_copy(update={"dims": folder.record.dims})
    if job.system in plan.checkpoints:
        model = load(folder, catalog=work.catalog)
        model.variant = variant
        return model
    model = work.catalog.assemble(variant, plan.start_job(job.system, job.seed).seed)
    load_weights(model, folder.weights)
    tokenizer_class, options = work.catalog.tokenizer(variant)
    model.tokenizer = tokenizer_class.load(folder, **options)
    return model
