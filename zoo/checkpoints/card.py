"""The beginnings of a model card: what the zoo knows of a model, and what only its author does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.audit.audit import Settings, audit_variant
from zoo.audit.counts import DEFINITIONS, LABELS
from zoo.catalog import Catalog
from zoo.checkpoints.reading import head_of
from zoo.errors import ZooError
from zoo.model import Model
from zoo.weights.hub import hub_name
from zoo.weights.json_files import read_object

TOLD = ("corpus", "corpus_hash", "corpus_documents", "corpus_tokens", "tokens", "steps", "weights_hash", "environment")
"""What a card tells of a pre-training."""


def model_card(model: Model, source: Path, catalog: Catalog) -> str:
    """A README.md in Markdown: architecture, parameters and, for a model that was trained here, where it comes from."""
    variant = model.variant
    head = head_of(model)
    parts = [
        f"# {variant.name}",
        f"An encoder after {variant.paper}. Written by the encoder zoo from `{hub_name(source) or source.name}`.",
        "## Architecture",
        _table(("field", "value"), [(key, str(value)) for key, value in _described(model)]),
        "## Parameters",
        _table(("part", "parameters"), _counts(model, catalog)),
        "## Training",
        _provenance(source) or "Not trained by the zoo, or not known to it: say on what text, how long, and by whom.",
        "## Use",
        "Say what the model is meant for, what it must not be used for, and in which languages.",
        "## Evaluation",
        "Give scores with their seeds and the rule by which they were selected.",
        "## Licence",
        "Say under which licence the weights are given.",
    ]
    if head and head.labels:
        parts.insert(4, f"Labels: {', '.join(head.labels)}.")
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


def _provenance(source: Path) -> str:
    """What the run says that a checkpoint lies in; nothing where it lies in none."""
    run = source.resolve().parent.parent
    for path in sorted((run / "cells").glob("pretrain-*.json")):
        result = read_object(path)
        if result.get("checkpoint") == str(source.resolve().relative_to(run)):
            return _table(("field", "value"), [(key, _shown(result[key])) for key in TOLD if key in result])
    return ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
