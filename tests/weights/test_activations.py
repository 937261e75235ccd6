"""Which activation is where, for every family and every activation: as in the transformers library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import zoo
from zoo.core.errors import ZooError
from zoo.text.collate import collate

Save = Callable[..., Path]

HEADS = {"Bert": "ForPreTraining", "Roberta": "ForMaskedLM", "Albert": "ForPreTraining"}
NAMES = ("gelu", "gelu_new", "relu", "silu", "swish", "gelu_pytorch_tanh", "gelu_python", "gelu_fast", "gelu_accurate")


def theirs(folder: Path, name: str, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        out = getattr(transformers, name).from_pretrained(folder).eval()(ids[None])
    return (out.logits if hasattr(out, "logits") else out.prediction_logits)[0]


def ours(model: zoo.Model, ids: torch.Tensor) -> torch.Tensor:
    found = ids.numpy().astype(np.int32)
    encoding = zoo.Encoding(found, np.zeros_like(found), np.zeros(len(found), dtype=bool))
    with torch.no_grad():
        logits: torch.Tensor = model(collate([encoding], targets=[found]))["bert.mlm"].logits
    return logits


def encoder_and_mlm(model: zoo.Model) -> zoo.Model:
    """Without the pair objective, which would want labels."""
    return zoo.Model(model.variant, model.embedding, model.encoder, {"bert.mlm": model.objective("bert.mlm")})


@pytest.mark.parametrize("act", NAMES)
@pytest.mark.parametrize("family", HEADS)
def test_masked_tokens_are_predicted_as_the_reference_does(family: str, act: str, save: Save, tmp_path: Path) -> None:
    name, ids = family + HEADS[family], torch.arange(5, 15)
    eps = 0.013  # so large that a norm which ignored it would show
    folder = save(name, hidden_act=act, layer_norm_eps=eps, initializer_range=0.9, pad_token_id=1)
    model = zoo.load(folder)
    assert torch.allclose(ours(encoder_and_mlm(model), ids), theirs(folder, name, ids), atol=2e-4)
    zoo.save(model, tmp_path / "again")
    assert torch.allclose(theirs(tmp_path / "again", name, ids), theirs(folder, name, ids), atol=2e-4)
    zoo.save(model, tmp_path / "own", to="zoo")
    assert torch.equal(ours(encoder_and_mlm(zoo.load(tmp_path / "own")), ids), ours(encoder_and_mlm(model), ids))


def test_a_records_own_activation_of_the_head_is_said_and_counted(save: Save) -> None:
    catalog = zoo.Catalog.installed()
    loaded = zoo.load(save("RobertaForMaskedLM", hidden_act="relu", pad_token_id=1)).variant
    assert loaded.dims.activation == "relu" and loaded.objectives[0].options == {"activation": "gelu"}
    assert catalog.variant("roberta-base").objectives[0].options == {"activation": "gelu"}
    assert "activation" not in zoo.load(save("BertForMaskedLM", hidden_act="relu")).variant.objectives[0].options


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("roberta-tiny+dims.activation=relu", False),
        ("roberta-tiny+dims.activation=relu+objectives.bert.mlm.activation=gelu", True),
        ("roberta-tiny", True),
        ("bert-tiny+objectives.bert.mlm.activation=relu", False),
        ("bert-tiny+objectives.bert.mlm.activation=gelu", True),
        ("bert-tiny+dims.activation=relu", True),
    ],
)
def test_a_head_that_the_format_cannot_say_is_not_written(expression: str, fits: bool, tmp_path: Path) -> None:
    catalog = zoo.Catalog.installed()
    model = catalog.build(catalog.variant(expression + "+dims.n_layers=1+dims.vocab_size=40"))
    if not fits:
        with pytest.raises(ZooError, match="cannot be expressed in the Hugging Face format of"):
            zoo.save(model, tmp_path / "out")
        return
    zoo.save(model, tmp_path / "out")
    found = encoder_and_mlm(zoo.load(tmp_path / "out"))
    ids = torch.arange(5, 15)
    assert torch.equal(ours(found, ids), ours(encoder_and_mlm(model.eval()), ids))
