"""The work of a job that makes a model of a teacher's layers in place of pre-training."""

from __future__ import annotations

import time

import torch

from zoo.checkpoints import load, save
from zoo.experiments.plan.planned import hash_json
from zoo.experiments.results.records import Cost, ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.model_statistics import model_statistics
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.pretraining.setup import with_vocabulary_of
from zoo.train.distillation import take_layers


def inherit(work: JobContext) -> ModelResult:
    """Build the variant, and give it layers, embedding and output layers of its teacher."""
    catalog, plan, job, device = work.catalog, work.plan, work.job, work.how.compute.torch_device
    reset_peak_memory(device)
    began = time.perf_counter()
    teacher = load(work.teacher(), dtype=torch.float32, catalog=catalog)
    variant = with_vocabulary_of(plan.variant(job.system), teacher.variant)
    model = catalog.build(variant, job.seed)
    take_layers(model, teacher, variant.distillation.layer_numbers)
    model.tokenizer = teacher.text_tokenizer
    place = work.model_folder()
    save(model, place, to="zoo", replace=True, catalog=catalog)
    layers = ", ".join(map(str, variant.distillation.layer_numbers))
    return ModelResult(
        job=job,
        variant=variant,
        corpus=f"none here: layers {layers} of a teacher",
        corpus_hash=hash_json(plan.start_of(job.system)),
        corpus_documents=0,
        corpus_tokens=0,
        steps=0,
        tokens=0,
        losses={},
        accuracies={},
        **model_statistics(catalog, variant, model, work.folder, place, work.how.compute),
        cost=Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(device)),
    )
