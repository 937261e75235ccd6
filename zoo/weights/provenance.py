"""How a model's weights were made: a record that lies beside them and goes where they go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.core.files import write_text

PROVENANCE = "provenance.json"


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Write the record; nothing where nothing is known."""
    if provenance:
        write_text(folder / PROVENANCE, json.dumps(provenance, indent=1) + "\n")
