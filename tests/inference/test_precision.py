"""`--precision auto`: what it takes, what it says of it, and what it keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import zoo
from tests.inference.conftest import Make, Run
from zoo.inference import precision
from zoo.inference.precision import FP32, Choice, chosen_precision
from zoo.machine.compute import Compute
from zoo.registry.catalog import Catalog

CATALOG = Catalog.installed()
TEXTS = ["the capital of france is paris .", "paris", "a b a b"] * 5


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(precision, "LEAST_GAIN", 0.0)  # what is fast depends on the machine


def chosen(model: zoo.Model, allowed: float, monkeypatch: pytest.MonkeyPatch) -> Choice:
    """The choice where this error is allowed, found anew."""
    monkeypatch.setattr(precision, "ALLOWED", allowed)
    return precision._found(model, Compute())


def rough(folder: Path) -> zoo.Model:
    """A model whose attention makes most of the error."""
    model = zoo.load(folder)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.mul_(20 if "attention.output.weight" in name else 1)
    return model


def test_the_first_format_whose_error_is_allowed_is_taken(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = rough(make("BertModel"))
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)  # no fp16
    fast = chosen(model, 1.0, monkeypatch)
    assert str(fast) == "bf16" and 1e-5 < fast.error < 0.01
    nearer = chosen(model, 0.99 * fast.error, monkeypatch)
    assert str(nearer) == "bf16, outputs of attention in fp32" and 0 < nearer.error < 0.99 * fast.error
    assert chosen(model, 1e-7, monkeypatch) == FP32
    monkeypatch.setattr(precision, "LEAST_GAIN", 1e9)
    assert chosen(model, 1.0, monkeypatch) == FP32


def test_the_choice_holds_for_few_texts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = rough(make("BertModel"))
    exact = model.encode(TEXTS)
    found = [exact, zoo.encode(model, TEXTS, precision="bf16")]
    for outputs_in_fp32 in (False, True):
        choice = Choice(precision="bf16", outputs_in_fp32=outputs_in_fp32)
        monkeypatch.setattr("zoo.api.models.chosen_precision", lambda *_, choice=choice: choice)
        found.append(zoo.encode(model, TEXTS, precision="auto"))
    assert torch.equal(found[2], found[1])
    assert not any(torch.equal(found[3], other) for other in found[:3])
    assert torch.equal(model.encode(TEXTS), exact)


def test_weights_that_were_tried_once_are_not_tried_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.load(make("BertModel"))
    first = chosen_precision(model, Compute(), CATALOG)
    monkeypatch.setattr(precision, "_found", lambda *_: pytest.fail("it was tried"))
    assert chosen_precision(zoo.load(make("BertModel")), Compute(), CATALOG) == first
    with torch.no_grad():
        next(model.parameters()).mul_(2)
    with pytest.raises(pytest.fail.Exception):
        chosen_precision(model, Compute(), CATALOG)


def test_commands_say_and_record_what_was_taken(make: Make, zoo_command: Run, tmp_path: Path) -> None:
    folder, text, out = make("BertModel"), tmp_path / "texts.txt", tmp_path / "vectors.safetensors"
    text.write_text("\n".join(TEXTS))
    status, _, told = zoo_command("encode", folder, "--text", text, "--out", out, "--precision", "auto")
    assert status == 0 and "--precision auto: " in told
    with safe_open(out, "pt") as file:
        assert f"--precision auto: {file.metadata()['precision']}" in told
    masked = make("BertForMaskedLM")
    assert zoo_command("fill", masked, "paris is [MASK] .", "--precision", "auto")[0] == 0
