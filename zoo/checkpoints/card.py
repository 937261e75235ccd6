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
from zoo.core.json_files import read_object
from zoo.document import Table
from zoo.document.markdown import table_lines
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.weights.checkpoint import weights_hash
from zoo.weights.hub import is_hub_name

MADE = "These weights were made so:"
BEGAN = "The weights began as those that were made so, and have changed since:"


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
        _training(model) or "Not trained by the zoo, or not known to it: say on what text, how long, and by whom.",
        "## Use",
        "Say what the model is meant for, what it must not be used for, and in which languages.",
        "## Evaluation",
        _evaluation(model) or "Give scores with their seeds and the rule by which they were selected.",
        "## Licence",
        "Say under which licence the weights are given.",
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
    unchanged = provenance.get("weights_hash") == weights_hash(model.state_dict())
    table = _table(("field", "value"), [(field, _shown(value)) for field, value in _flat(provenance)])
    return f"{MADE if unchanged else BEGAN}\n\n{table}"


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}: ")
        elif value is not None:
            yield prefix + key, value


def _evaluation(model: Model) -> str:
    """The scores in results.json of the run that the model was read from; nothing where there are none."""
    if model.origin is None:
        return ""
    place = Path(model.origin.folder).resolve()
    run = place.parent.parent
    if not (run / "results.json").is_file():
        return ""
    results = read_object(run / "results.json")
    try:
        for job in results["jobs"]:
            if "scores" in job and place == run / "finetuned" / job["name"]:
                return _scores_of_one(job)
            if "checkpoint" in job and place == run / job["checkpoint"]:
                return _scores_over_seeds(results["scores"][job["job"]["system"]], bool(results["tuning"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise ZooError(f"{run / 'results.json'} is not what zoo compare writes: {type(error).__name__}") from None
    return ""


def _scores_of_one(job: Mapping[str, Any]) -> str:
    rows = [
        (job["job"]["task"], split, metric, f"{100 * value:.1f}")
        for split, scores in job["scores"].items()
        for metric, value in scores.items()
    ]
    told = f"Fine-tuned with seed {job['job']['seed']}; scored after the last step, x 100."
    return f"{told}\n\n{_table(('task', 'split', 'metric', 'score'), rows)}"


def _scores_over_seeds(scores: Mapping[str, Any], chosen: bool) -> str:
    rows = [
        (task, f"{100 * found['mean']:.1f}", _spread(found["sd"]), str(len(found["values"])))
        for task, found in scores.items()
        if found
    ]
    told = (
        "On development sets, x 100, after fine-tuning: means over seeds, each scored after its last step; two metrics "
        "of a task are averaged. Which variant is better than which is said in the run's report."
    )
    if chosen:
        told += " Settings of fine-tuning were chosen on the same items, which flatters."
    return f"{told}\n\n{_table(('task', 'mean', 'standard deviation', 'seeds'), rows)}" if rows else ""


def _spread(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(table_lines(Table(columns, tuple(rows), words=frozenset(columns) & {"value", "split", "metric"})))
