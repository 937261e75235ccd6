"""How a model's weights were made: a record stored beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.core.files import write_text

PROVENANCE = "provenance.json"


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Write the record, if there is one."""
    if provenance:
        write_text(folder / PROVENANCE, json.dumps(provenance, indent=1) + "\n")
