"""Statistics of a model and its checkpoint for reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.auditing import executed, stored
from zoo.auditing.audit import Settings, audit_variant
from zoo.core.specs import Variant
from zoo.experiments.results.beside_models import model_bytes
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.weights.checkpoint import weights_hash
from zoo.weights.folder import CheckpointFolder

FLOPS_LENGTH = 128
"""The sequence length at which operations per token are counted."""


def counts(catalog: Catalog, variant: Variant, model: Model) -> dict[str, Any]:
    """The counts of a variant's parameters and operations; the model may be without memory."""
    audit = audit_variant(catalog, variant, Settings(lengths=(min(FLOPS_LENGTH, variant.dims.max_length),)))
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
