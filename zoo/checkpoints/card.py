"""The beginnings of a model card: what the zoo knows of a model, and what only its author does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.auditing.audit import Settings, audit_variant
from zoo.auditing.counts import DEFINITIONS, LABELS
from zoo.checkpoints.reading import head_of
from zoo.core.errors import ZooError, visible
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.weights.checkpoint import weights_hash
from zoo.weights.hub import is_hub_name
from zoo.weights.provenance import as_written, tells_of

MADE = "How these weights were made:"
BEGAN = "How the initial weights were made; they have changed since:"


def model_card(model: Model, catalog: Catalog) -> str:
    """A README.md in Markdown: architecture, parameters and, for a model that was trained here, how."""
    variant = model.variant
    head = head_of(model)
    parts = [
        f"# {variant.name}",
        f"An encoder after {variant.paper}. Written by the encoder zoo{_source(model)}.",
        "## Architecture",
        _table(("field", "value"), [(key, str(value)) for key, value in _described(model)]),
        "## Parameters",
        _table(("part", "parameters"), _counts(model, catalog)),
        "## Training",
        _training(model)
        or "Not trained by the zoo, or not recorded: describe the text, the duration and who trained it.",
        "## Use",
        "Describe intended uses, uses to avoid, and languages.",
        "## Evaluation",
        _evaluation(model) or "Give scores with their seeds and the rule by which they were selected.",
        "## License",
        "Name the license of the weights.",
    ]
    if head and head.labels:
        parts.insert(4, f"Labels: {', '.join(map(visible, head.labels))}.")
    return "\n\n".join(parts) + "\n"


def _described(model: Model) -> Iterable[tuple[str, object]]:
    variant = model.variant
    yield from variant.dims.model_dump().items()
    yield "embedding", variant.embedding.name
    yield "encoder", variant.encoder.name
    yield "tokenizer", variant.tokenizer.name
    yield "on top", ", ".join(model.objective_names) or "nothing"


def _counts(model: Model, catalog: Catalog) -> list[tuple[str, str]]:
    total = sum(parameter.numel() for parameter in model.parameters())
    try:
        counts = audit_variant(catalog, model.variant, Settings()).counts
        rows = [(LABELS[d], value) for d in DEFINITIONS if (value := counts.get(d)) is not None]
    except ZooError:
        rows = []
    return [(label, f"{value:,}") for label, value in [*rows, ("in this file", total)]]


def _source(model: Model) -> str:
    if model.origin is None:
        return ""
    where = model.origin.folder
    return f" from `{where if is_hub_name(where) else Path(where).name}`"


def _training(model: Model) -> str:
    """What is known of how the weights were made; nothing where nothing is."""
    provenance = model.origin.provenance if model.origin else {}
    if not provenance:
        return ""
    unchanged = tells_of(provenance, weights_hash(model.state_dict()))
    left = as_written(provenance).get("left_out")
    without = f"Left out when they were written, as the format had no place for it: {visible(str(left))}.\n\n"
    table = _table(("field", "value"), [(field, _shown(value)) for field, value in _flat(provenance)])
    return f"{without if left else ''}{MADE if unchanged else BEGAN}\n\n{table}"


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}: ")
        elif value is not None:
            yield prefix + key, value


def _evaluation(model: Model) -> str:
    """The scores that lay beside the model when it was read; nothing where there were none."""
    scores = model.origin.scores if model.origin else None
    return f"{scores.note}\n\n{_table(scores.columns, scores.rows)}" if scores else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return visible(" ".join(text.split())).replace("|", r"\|")
