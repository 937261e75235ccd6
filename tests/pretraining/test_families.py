"""The CPU sizes of families learn from text, and what was learned is saved and read again."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest

import zoo as library

FAMILIES = {"electra-tiny": "electra.generator", "gpt2-tiny": "gpt.lm", "elmo-tiny": "elmo.bilm"}
"""Those that are not trained as BERT is, each with an objective of its own."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_text_is_predicted_better_than_by_chance_and_so_by_the_saved_model(
    name: str, text: Path, tmp_path: Path
) -> None:
    done = library.pretrain(name, corpus=[text], steps=8, out=tmp_path / "run")
    scores = done.summary.held_out
    assert scores[FAMILIES[name]].loss < 0.95 * log(done.summary.variant.dims.vocab_size), scores
    if name == "electra-tiny":
        assert scores["electra.rtd"].loss < log(2), scores
    model = done.load()
    assert model.encode(["the dog sees a bird", "a bird"]).shape == (2, model.variant.dims.hidden_width)
    assert model.objective_names == tuple(used.name for used in model.variant.objectives)
