"""An encoder can be had whenever its weights are there and fit; what is left out is named."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

import zoo
from zoo.checkpoints import reading
from zoo.checkpoints.converting import convert
from zoo.core.errors import ZooError
from zoo.text.collate import collate

Save = Callable[..., Path]

FAMILIES = ("Bert", "Roberta", "Albert")
HEAD = {"linear.weight": torch.ones(3, 15), "linear.bias": torch.ones(3)}


@pytest.fixture(autouse=True)
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What loading says, of every folder anew."""
    reading._say.cache_clear()
    caplog.set_level(logging.WARNING, "zoo")
    return caplog


def changed(folder: Path, more: dict[str, Tensor] | None = None, less: str = "-", **config: Any) -> Path:
    """A folder with other tensors and settings; a setting of None is taken away."""
    tensors = {name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if less not in name}
    save_file({**tensors, **(more or {})}, folder / "model.safetensors", {"format": "pt"})
    settings = {**json.loads((folder / "config.json").read_text()), **config}
    kept = {key: value for key, value in settings.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    return folder


def assert_same_encoder(folder: Path, family: str) -> zoo.Model:
    """The model in a folder, whose hidden states are the reference library's."""
    model, ids = zoo.load(folder), np.arange(5, 12, dtype=np.int32)
    reference = getattr(transformers, f"{family}Model").from_pretrained(folder).eval()
    with torch.no_grad():
        batch = collate([zoo.Encoding(ids, np.zeros_like(ids), np.zeros(len(ids), dtype=bool))])
        expected = reference(torch.from_numpy(ids).long()[None]).last_hidden_state[0]
        assert torch.allclose(model.hidden(batch), expected, atol=1e-5)
    return model


CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a class of somebody's own": ("Model", {"architectures": ["Contriever"]}, "names 'Contriever', no one class"),
    "a class with a slip": ("ForMaskedLM", {"architectures": ["BertForMaskedML"]}, "did you mean"),
    "no class, and a head": ("ForSequenceClassification", {"architectures": None}, "left out"),
    "two classes": ("Model", {"architectures": ["A", "B"]}, "names 'A', 'B', no one class"),
    "a bare class, and a head": ("ForQuestionAnswering", {"architectures": ["XModel"]}, "left out"),
    "a head that is not known": ("Model", {"more": HEAD}, "left out, as config.json names no head that has them"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoder_is_had(family: str, case: str, save: Save, said: pytest.LogCaptureFixture) -> None:
    head, changes, told = CASES[case]
    if changes.get("architectures") == ["XModel"]:
        changes = {"architectures": [f"{family}Model"]}
    if "slip" in case:
        changes = {"architectures": [f"{family}ForMaskedML"]}
    before = set(load_file(save(family + head, pad_token_id=1) / "model.safetensors"))
    folder = changed(save(family + head, pad_token_id=1), **changes)
    model = assert_same_encoder(folder, family)
    assert told in said.text and said.text.count("\n") <= 2
    assert (f"as {family}ForSequenceClassification" in said.text) == (head == "ForSequenceClassification")
    assert ("bert.mlm" in model.objective_names) == (head == "ForMaskedLM")
    outside = sorted(name for name in before if name.split(".")[0] in ("classifier", "qa_outputs"))
    assert model.origin and list(model.origin.left_out) == (sorted(HEAD) if "more" in changes else outside)


def test_a_head_that_is_named_and_not_there_is_said_and_what_is_there_is_used(
    save: Save, said: pytest.LogCaptureFixture
) -> None:
    folder = changed(save(), architectures=["BertForTokenClassification"])
    assert assert_same_encoder(folder, "Bert").objective_names == ("bert.mlm",)
    assert "the weights are without token-classification of BertForTokenClassification" in said.text


def test_two_classes_that_are_known_give_what_the_weights_hold(save: Save) -> None:
    model = zoo.load(changed(save(), architectures=["BertModel", "BertForMaskedLM"]))
    assert model.objective_names == ("bert.mlm",) and model.origin and model.origin.left_out == ()


def test_a_classifier_with_an_output_layer_beside_it_keeps_its_head(save: Save) -> None:
    more = {k: v for k, v in load_file(save("BertForMaskedLM") / "model.safetensors").items() if k.startswith("cls.")}
    model = zoo.load(changed(save("BertForSequenceClassification"), more))
    assert model.objective_names == ("task",) and model.origin and list(model.origin.left_out) == sorted(more)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("BertModel", {"less": "layer.1.output.dense"}, "missing: encoder.layer.1.output.dense"),
        ("BertModel", {"more": {"encoder.layer.2.output.dense.bias": torch.ones(15)}}, "not known: encoder.layer.2"),
        ("BertModel", {"more": {"embeddings.project.weight": torch.ones(15, 15)}}, "not known: embeddings.project"),
        ("BertForTokenClassification", {"less": "classifier.bias"}, "missing: classifier.bias"),
        ("BertForTokenClassification", {"more": {"classifier.dense.weight": torch.ones(1)}}, "not known: classifier.d"),
        ("BertForMaskedLM", {"less": "predictions.bias"}, "missing: cls.predictions.bias"),
        ("BertForTokenClassification", {"more": {"classifier.bias": torch.ones(7)}}, "has the shape"),
    ],
)
def test_an_encoder_or_a_known_head_in_pieces_is_refused(
    name: str, changes: dict[str, Any], message: str, save: Save
) -> None:
    with pytest.raises(ZooError, match=message):
        zoo.load(changed(save(name), **changes))


def test_convert_names_what_it_leaves_out(save: Save, tmp_path: Path) -> None:
    folder = changed(save("BertModel"), HEAD)
    moved = convert(folder, tmp_path / "out", to="hf")
    assert sorted(one.before or "" for one in moved if one.after is None) == sorted(HEAD)
    assert assert_same_encoder(tmp_path / "out", "Bert").origin.left_out == ()  # type: ignore[union-attr]


def test_what_is_left_out_is_said_once(save: Save, said: pytest.LogCaptureFixture) -> None:
    folder = changed(save("BertModel"), {f"head.{n}.weight": torch.ones(1) for n in range(40)})
    for _ in range(3):
        zoo.load(folder)
    assert said.text.count("left out") == 1 and "and 30 more" in said.text
