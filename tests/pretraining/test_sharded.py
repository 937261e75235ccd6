"""A model that is divided among processes trains as one process trains it, and any number of them goes on with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.pretraining.test_team import STEADY, Arguments, Team, Zoo, curve
from zoo import Catalog, ZooError
from zoo.machine.compute import Compute
from zoo.train.distributed import init_distributed
from zoo.train.sharding import _layers

SHARED = (
    "albert-tiny+dims.hidden_width=32+dims.embedding_width=16+dims.ffn_width=48+dims.max_length=24+dims.vocab_size=120"
    "+pretraining.optimizer=lamb+pretraining.bias_correction=false+dims.dropout=0.1+dims.attention_dropout=0.1"
    "+finetuning.max_length=24+pretraining.sequence_length=24+pretraining.batch_tokens=240"
)
"""Layers that run several times a pass, and an optimizer that measures whole matrices."""


@pytest.mark.slow
def test_two_processes_train_a_divided_model_as_one_trains_it_and_one_goes_on_with_their_shards(
    arguments: Arguments, team: Team, zoo: Zoo, tmp_path: Path
) -> None:
    how = (*STEADY, "--checkpoint-every", "2", "--evaluate-every", "3")
    assert zoo(arguments(tmp_path / "alone", *how, variant=SHARED, steps=6)) == 0
    folder = tmp_path / "divided"
    divided = arguments(folder, *how, "--fully-shard", variant=SHARED, steps=6)
    team(divided, 2)
    assert curve(folder) == pytest.approx(curve(tmp_path / "alone"), abs=1e-5)
    expected, found = (load_file(place / "model" / "model.safetensors") for place in (tmp_path / "alone", folder))
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)

    last, before = sorted((folder / "checkpoints").glob("step-*"), reverse=True)
    shards = sorted((before / "shards").iterdir())
    assert len(shards) == 2 and {path.suffix for path in shards} == {".safetensors"}
    for place in (last, folder / "model", folder / "result.json"):
        place.rename(tmp_path / f"first-{place.name}")
    assert zoo([*divided, "--resume"]) == 0
    assert curve(folder) == pytest.approx(curve(tmp_path / "alone"), abs=1e-5)
    found = load_file(folder / "model" / "model.safetensors")
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("variant", "n_layers"), [("bert-mini", 4), ("roberta-tiny", 2), ("albert-tiny", 2)])
def test_an_encoder_is_divided_into_the_members_of_its_lists(variant: str, n_layers: int) -> None:
    catalog = Catalog.installed()
    with torch.device("meta"):
        encoder = catalog.assemble(catalog.variant(variant)).encoder
    layers = list(_layers(encoder))
    assert len(layers) == n_layers
    owned = [id(parameter) for layer in layers for parameter in layer.parameters()]
    assert len(owned) == len(set(owned))


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with (
        pytest.raises(ZooError, match="process 3 here, and there are 2 GPUs"),
        init_distributed(Compute(device="cuda")),
    ):
        pass
