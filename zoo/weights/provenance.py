"""How a model's weights were made: a record that lies beside them and goes where they go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.core.json_files import read_object

PROVENANCE = "provenance.json"

OF_A_COMPARISON = (
    "corpus", "corpus_hash", "corpus_documents", "corpus_tokens", "steps", "tokens", "weights_hash", "environment"
)  # fmt: skip
"""What is taken of the result of a comparison's pre-training."""


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Write the record; nothing where nothing is known."""
    if provenance:
        (folder / PROVENANCE).write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def provenance_in(folder: Path) -> dict[str, Any]:
    """What is known of the weights in a folder: from their record, or from the comparison whose run they lie in.

    Raises ZooError where either is malformed.
    """
    if (folder / PROVENANCE).exists():
        return read_object(folder / PROVENANCE)
    place = folder.resolve()
    run = place.parent.parent
    for path in sorted((run / "jobs").glob("pretrain-*.json")):
        result = read_object(path)
        if result.get("checkpoint") == str(place.relative_to(run)):
            kept = {key: result[key] for key in OF_A_COMPARISON if key in result}
            return {"made_by": "zoo compare", **kept}
    return {}
