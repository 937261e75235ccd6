"""How a model's weights were made: a record stored beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.core.files import write_text

PROVENANCE = "provenance.json"

AS_WRITTEN = "as_written"
"""The field of what a format changed of the weights: the objectives left out, and the hash of what was written."""


def as_written(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a format changed of the weights when they were written; nothing if they were written as made."""
    found = provenance.get(AS_WRITTEN)
    return found if isinstance(found, dict) else {}


def tells_of(provenance: Mapping[str, Any], weights: str) -> bool:
    """Whether a record is of the weights with this hash, as they were made or as a format has them."""
    return weights in (provenance.get("weights_hash"), as_written(provenance).get("weights_hash"))


def rewritten(provenance: Mapping[str, Any], weights: str, left_out: Iterable[str]) -> dict[str, Any]:
    """The record of weights that a format changes, with the hash of what it writes and the objectives left out."""
    before = as_written(provenance).get("left_out")
    left = ", ".join([*([str(before)] if before else []), *left_out])
    return {**provenance, AS_WRITTEN: {"left_out": left or None, "weights_hash": weights}}


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Write the record, if there is one."""
    if provenance:
        write_text(folder / PROVENANCE, json.dumps(provenance, indent=1) + "\n")
