"""Statistics of a model and its checkpoint for reports."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from zoo.auditing import executed, stored
from zoo.auditing.audit import Settings, audit_variant
from zoo.checkpoints import save
from zoo.core.specs import Variant
from zoo.experiments.results.beside_models import model_bytes
from zoo.experiments.results.records import Cost, ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.machine.memory import peak_memory
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.weights.checkpoint import weights_hash
from zoo.weights.folder import CheckpointFolder

FLOPS_LENGTH = 128
"""The sequence length at which operations per token are counted."""


def counts(catalog: Catalog, variant: Variant, model: Model) -> dict[str, Any]:
    """The counts of a variant's parameters and operations before it is compressed; the model may be without memory."""
    audit = audit_variant(
        catalog, variant.uncompressed, Settings(lengths=(min(FLOPS_LENGTH, variant.dims.max_length),))
    )
    return {
        "parameters_stored": stored(model),
        "parameters_executed": executed(model),
        "breakdown": audit.breakdown,
        "flops": audit.cost.lengths[0] if audit.cost else None,
    }


def model_statistics(
    catalog: Catalog, variant: Variant, model: Model, folder: Path, place: Path, compute: Compute
) -> dict[str, Any]:
    """The fields of a result that describe its model, stored so that reports need no plugin."""
    return {
        **counts(catalog, variant, model),
        "weights_hash": weights_hash(model.state_dict()),
        "checkpoint": str(place.relative_to(folder)),
        "checkpoint_bytes": model_bytes(place),
        "checkpoint_files": CheckpointFolder(place).trained_file_hashes,
        "environment": environment(catalog, compute),
    }


def untrained_result(work: JobContext, model: Model, source: str, source_hash: str, began: float) -> ModelResult:
    """Save a model whose weights come from elsewhere as a job's, and the result that says from where."""
    place, compute = work.model_folder(), work.how.compute
    save(model, place, to="zoo", replace=True, catalog=work.catalog)
    return ModelResult(
        job=work.job,
        variant=model.variant,
        corpus=f"none here: {source}",
        corpus_hash=source_hash,
        corpus_documents=0,
        corpus_tokens=0,
        steps=0,
        tokens=0,
        losses={},
        accuracies={},
        **model_statistics(work.catalog, model.variant, model, work.folder, place, compute),
        cost=Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(compute.torch_device)),
    )
