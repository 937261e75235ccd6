"""The work of a fine-tuning job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from zoo.blocks import initialise
from zoo.checkpoints import load, save
from zoo.compress.pruned import pruned
from zoo.core.errors import RunFailed
from zoo.core.seeds import drawing, seed_of
from zoo.core.specs import Finetuning, Init
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.results.records import Cost, ItemsSeen, LayerWeights, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.latency import latency, throughput
from zoo.experiments.runner.scoring import answered, planned_data, scored, unlabelled
from zoo.experiments.runner.student import has_cached_teacher, taught
from zoo.heads import TaskHead
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, make_head, task_kind
from zoo.tasks.scoring import gold_labels, main_score, score
from zoo.tasks.task import Dataset, Example, Task, labels_of
from zoo.text.synonyms import Synonyms
from zoo.train.augment import Augmenter
from zoo.train.finetune import TUNING, TrainingItems, divided, head_for, logits_of, predict, shortened
from zoo.train.kept import keeping
from zoo.train.loop import History, fit
from zoo.train.pruning import GradualPruning, importances
from zoo.train.techniques import freeze_lowest, known_to_loss, reinitialize
from zoo.weights.checkpoint import load_weights
from zoo.weights.folder import CheckpointFolder


def finetune(work: JobContext) -> TaskResult:
    """Put a task head on the pre-trained encoder, train both, and score every dev split."""
    plan, job, how = work.plan, work.job, work.how
    task, dataset = planned_data(work)
    reset_peak_memory(how.compute.torch_device)
    model, head = _to_train(work, task, dataset)
    tokenizer, recipe = model.text_tokenizer, plan.finetuning_of(job)
    items, to_choose_on = divided(task.training_items(dataset), plan.held_out_for_tuning(job), job.seed, TUNING)
    items, held_out = divided(items, recipe.early_stopping, job.seed)
    recipe = shortened(task_kind(task, recipe), items, tokenizer, recipe)
    model.variant = model.variant.model_copy(update={"finetuning": recipe})
    kind = task_kind(task, recipe)
    encoded = {task.train_split: kind.encode(items, tokenizer, recipe.max_length)}
    began = time.perf_counter()
    learned = _to_learn(work, model, items, encoded[task.train_split][0], has_cached_teacher(work, head, recipe))
    history = _trained(work, model, head, learned, items, held_out)
    trained = time.perf_counter()
    selection_score = _score_of(work, model, head, to_choose_on) if to_choose_on else None
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
        save(model, work.model_folder(), to="zoo", replace=True, catalog=work.catalog)
    is_first = job.seed == plan.seeds[0]  # with other seeds, the model is as fast
    asked = [item for split in task.dev_splits for item in encoded[split][0]]
    return scored(
        work,
        answers,
        steps=history.n_steps,
        best_step=history.best_step,
        selection_score=selection_score,
        items_seen=_seen(learned, recipe),
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


def _to_train(work: JobContext, task: Task, dataset: Dataset) -> tuple[Model, TaskHead]:
    """The pre-trained model with a new head on the device, layers frozen or started anew as the recipe says."""
    recipe, seed = work.plan.finetuning_of(work.job), work.job.seed
    pretrained = _pretrained(work)
    variant, head_seed = pretrained.variant, seed_of("head", dataset.content_hash, seed)
    with drawing("head", dataset.content_hash, seed):
        head = make_head(variant.dims, head_for(task, variant.head, recipe.feature_config))
    initialise(head, Init(), head_seed)
    model = pretrained.with_head(task.name, head).to(work.how.compute.torch_device)
    pruning = work.plan.variant(work.job.system).pruning
    if pruning.when == "before":
        model = pruned(model, pruning, importances(model, pruning), work.catalog)
    if recipe.reinitialized_layers is not None:
        fresh = work.catalog.assemble(variant, seed_of("reinitialized layers", seed))
        reinitialize(model, fresh, recipe.reinitialized_layers)
        initialise(head, Init(), head_seed)  # its pooler too
    if recipe.frozen_layers is not None:
        freeze_lowest(model, recipe.frozen_layers)
    return model, head


def _trained(
    work: JobContext,
    model: Model,
    head: TaskHead,
    learned: TrainingItems,
    items: Sequence[Example],
    held_out: Sequence[Example],
) -> History:
    """Take the steps of the recipe, pruning gradually if the variant says so."""
    recipe, pruning = model.variant.finetuning, work.plan.variant(work.job.system).pruning
    known_to_loss(head, recipe, labels_of(items))
    how = replace(work.how, micro_batch=recipe.micro_batch)
    held_out_score = partial(_score_of, work, model, head, held_out)
    batches, n_steps = learned.batches(recipe.batch_size), recipe.steps_over(len(learned))
    gradual = GradualPruning(model, pruning, n_steps, learned.sample) if pruning.when == "during" else None
    after_step = gradual.after_step if gradual else None
    with taught(work, model, head, work.catalog.task(str(work.job.task)), items) as learner, keeping(learner):
        history = fit(learner, batches, recipe, n_steps, work.progress, how, held_out_score, after_step)
    if gradual:
        gradual.silence()
    return history


def _to_learn(
    work: JobContext, model: Model, items: Sequence[Example], encoded: Sequence[EncodedItem], numbered: bool
) -> TrainingItems:
    """The training items, changed in each epoch as the recipe says. Raises RunFailed if its synonyms are others now."""
    recipe, seed = model.variant.finetuning, work.job.seed
    kind, changed = task_kind(work.catalog.task(str(work.job.task)), recipe), None
    if recipe.ways:
        synonyms = Synonyms(Path(recipe.synonym_file)) if recipe.synonym_file and recipe.synonyms else None
        if synonyms and synonyms.content_hash != work.plan.synonyms[str(recipe.synonym_file)]:
            raise RunFailed(f"{recipe.synonym_file} is no longer the file that was planned; start a new run")
        augmenter = Augmenter(kind, model.text_tokenizer, recipe, seed, recipe.max_length, synonyms)
        changed = partial(augmenter.changed, items, encoded)
    return TrainingItems(kind, encoded, labels_of(items), seed, changed, recipe.mixup, numbered)


def _seen(learned: TrainingItems, recipe: Finetuning) -> ItemsSeen | None:
    if not (recipe.ways or recipe.mixup):
        return None
    return ItemsSeen(items=learned.n_read, changed=learned.n_changed, mixed=learned.n_mixed)


def _score_of(work: JobContext, model: Model, head: TaskHead, items: Sequence[Example]) -> float:
    """The task's score on training items that are held out."""
    task, recipe = work.catalog.task(str(work.job.task)), model.variant.finetuning
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
    variant = plan.variant(job.system).uncompressed.model_copy(update={"dims": folder.record.dims})
    if not plan.is_pretrained(job.system):
        model = load(folder, catalog=work.catalog)
        model.variant = variant
        return model
    model = work.catalog.assemble(variant, plan.start_job(job.system, job.seed).seed)
    load_weights(model, folder.weights)
    tokenizer_class, options = work.catalog.tokenizer(variant)
    model.tokenizer = tokenizer_class.load(folder, **options)
    return model
