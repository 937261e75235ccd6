"""`zoo probe`: the score of every layer, in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import zoo
import zoo_bert
from tests.experiments import toy_task
from tests.inference.conftest import Run, zoo_command
from zoo.api.probing import Probed, untrained
from zoo.inference.probe import ProbeTask, probe
from zoo.model import Model

__all__ = ["zoo_command"]

CATALOG = zoo.Catalog.of(zoo_bert, toy_task)
SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.ffn_width=48+dims.embedding_width=32+dims.max_length=24"
    "+finetuning.max_length=24+dims.vocab_size=120"
)


@pytest.fixture(scope="module")
def model() -> Model:
    variant = CATALOG.variant(SMALL)
    part, options = CATALOG.tokenizer(variant)
    texts = [item.first for item in toy_task.LAMPS.load(None).splits["train"]]
    tokenizer = part.train(texts, 120, **options)
    made = CATALOG.build(
        variant.model_copy(update={"dims": variant.dims.model_copy(update={"vocab_size": tokenizer.vocab_size})}),
        seed=7,
    )
    made.tokenizer = tokenizer
    return made.eval()


@pytest.fixture(scope="module")
def probed(model: Model) -> Probed:
    return zoo.probe(model, "lamps", seeds=3, steps=40, catalog=CATALOG)


def test_every_layer_has_a_score_with_an_interval_beside_a_control_and_baselines(probed: Probed, model: Model) -> None:
    report = probed.report
    ours, control = report.layers.values()
    assert [each.layer for each in ours] == [each.layer for each in control] == [0, 1, 2]
    assert all(0 <= each.low <= each.mean <= each.high <= 1 for each in (*ours, *control))
    assert {len(each.values) for each in (*ours, *control)} == {3}
    assert ours[0].mean == pytest.approx(np.mean(ours[0].values)) and max(each.mean for each in ours) > 0.8
    assert set(report.baselines) == {"majority", "bag-of-words"} and report.baselines["majority"] == 0.5
    assert [each.task for each in report.differences] == ["layer 0", "layer 1", "layer 2"]
    rows = json.loads(probed.render("json"))["sections"][0]["tables"][-1]["rows"]
    assert [row[0] for row in rows] == ["0, the embeddings", "1", "2", "majority", "bag-of-words"]
    assert "<svg" in probed.render("html")


def test_heads_do_not_influence_each_other_and_the_encoder_stays(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    task = toy_task.LAMPS
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    recipe = model.variant.finetuning.model_copy(update={"learning_rate": 0.01, "clip_norm": 0.0, "steps": 8})
    asked = ProbeTask(task, task.load(None), recipe, [0])
    together = probe(model, asked, lambda done, of: None)
    assert all((tensor == before[name]).all() for name, tensor in model.state_dict().items())
    monkeypatch.setattr("zoo.inference.probe._n_states", lambda model: 1)
    monkeypatch.setattr("zoo.inference.probe._states", lambda model, batch: model.hidden_states(batch)[0][None])
    assert probe(model, asked, lambda done, of: None)[0] == together[0]


def test_the_control_differs_in_weights_alone(model: Model) -> None:
    control = untrained(model, CATALOG)
    assert control.variant == model.variant and control.tokenizer is model.tokenizer
    assert not (control.embedding.tokens.weight == model.embedding.tokens.weight).all()


def test_the_command_prints_the_layers(model: Model, tmp_path: Path, zoo_command: Run) -> None:
    zoo.save(model, tmp_path / "model", to="zoo")
    status, out, _ = zoo_command(
        "probe", tmp_path / "model", "--task", "micro-sentiment", "--steps", 2, "--seeds", 1, "--no-control",
        "--out", tmp_path / "probe.md",
    )  # fmt: skip
    assert status == 0 and "0, the" in out and "verdict" not in out  # a long path leaves the words no room
    assert "bag-of-words" in (tmp_path / "probe.md").read_text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("bert-tiny", "--task", "micro-role"), "did you mean 'micro-roles'?"),
        (("bert-tin", "--task", "micro-roles"), "did you mean 'bert-tiny'?"),
        (("bert-tiny", "--task", "rte"), "rte"),
        (("bert-tiny", "--task", "micro-roles", "--pretrain-tokens", "x"), "'x' is not a number"),
    ],
)
def test_bad_input_is_one_line_and_status_2(zoo_command: Run, given: tuple[str, ...], said: str) -> None:
    status, out, err = zoo_command("probe", *given)
    assert (status, out) == (2, "") and said in err and err.count("\n") == 1
