from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FAMILIES = {
    "bert": "ForPreTraining",
    "roberta": "ForMaskedLM",
    "albert": "ForPreTraining",
    "distilbert": "ForMaskedLM",
    "deberta-v2": "ForMaskedLM",
    "modernbert": "ForMaskedLM",
}
"""The reference library's class with all pre-training heads."""

FACTS = Path(__file__).resolve().parents[3] / "shared" / "facts" / "facts.json"


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """Counts that nobody here made: of the transformers library's classes, and printed by papers."""
    if not FACTS.is_file():
        pytest.skip("needs the fact sheet shared/facts/facts.json beside the checkout; it is not part of the project")
    found: dict[str, Any] = json.loads(FACTS.read_text())
    return found


@pytest.fixture(scope="session")
def ours(facts: dict[str, Any]) -> dict[str, Any]:
    """The fact sheet's models of families that predict masked tokens, alone or with a pair objective.

    The fact sheet leaves out `pretraining` where it is `mlm`.
    """
    found = {name: fact for name, fact in facts["models"].items() if fact["family"] in FAMILIES}
    for fact in found.values():
        fact["counts"].setdefault("pretraining", fact["counts"]["mlm"])
    return found
