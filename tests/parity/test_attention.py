"""What attention reads in each layer, against the attention maps of the transformers library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import zoo
from tests.parity.families import FAMILIES, tiny
from tests.parity.oracle import ragged, reference
from zoo.blocks.attention import attentions_kept


@pytest.mark.parametrize("family", FAMILIES)
def test_the_softmax_of_scores_is_the_librarys_attention_map(family: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    sizes = tiny(family, rng)
    theirs = reference(family, "Model", sizes | {"attn_implementation": "eager"}, seed=4)
    theirs.save_pretrained(tmp_path)
    ours, inputs = zoo.load(tmp_path), ragged(family, sizes["vocab_size"], 13, rng)
    with torch.no_grad(), attentions_kept() as kept:
        ours.eval().hidden(inputs.batch)
    by_layer = [[each for run in layer.scores() for each in run.softmax(-1)] for layer in kept]
    for padded, place in inputs.alone():
        with torch.no_grad():
            expected = theirs(**padded, output_attentions=True).attentions
        assert len(by_layer) == len(expected)
        for maps, its in zip(by_layer, expected, strict=True):
            torch.testing.assert_close(maps[place], its[0], atol=5e-6, rtol=0)


def test_nothing_is_kept_outside_and_inner_lists_are_apart() -> None:
    catalog = zoo.Catalog.installed()
    model, inputs = catalog.build(catalog.variant("bert-tiny")), ragged("Bert", 60, 9, np.random.default_rng(0))
    with attentions_kept() as outer:
        with attentions_kept() as inner:
            model.hidden(inputs.batch)
        assert len(inner) == model.variant.dims.n_layers and not outer
    model.hidden(inputs.batch)
    assert len(inner) == model.variant.dims.n_layers and not outer
