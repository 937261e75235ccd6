"""The work of a job that makes a model of a teacher's layers in place of pre-training."""

from __future__ import annotations

import time

import torch

from zoo.checkpoints import load
from zoo.experiments.plan.planned import hash_json
from zoo.experiments.results.records import ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.model_statistics import untrained_result
from zoo.machine.memory import reset_peak_memory
from zoo.pretraining.setup import with_vocabulary_of
from zoo.train.distillation import take_layers


def inherit(work: JobContext) -> ModelResult:
    """Build the variant, and give it layers, embedding and output layers of its teacher."""
    catalog, plan, job = work.catalog, work.plan, work.job
    reset_peak_memory(work.how.compute.torch_device)
    began = time.perf_counter()
    teacher = load(work.teacher(), dtype=torch.float32, catalog=catalog)
    variant = with_vocabulary_of(plan.variant(job.system), teacher.variant)
    model = catalog.build(variant, job.seed)
    take_layers(model, teacher, variant.distillation.layer_numbers)
    model.tokenizer = teacher.text_tokenizer
    layers = ", ".join(map(str, variant.distillation.layer_numbers))
    return untrained_result(work, model, f"layers {layers} of a teacher", hash_json(plan.start_of(job.system)), began)
