"""Feature-based use of a frozen encoder: which layers are read, and that each sequence is read once."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import zoo
import zoo_bert
from zoo.blocks import Features, initialise
from zoo.core.batch import Batch, Encoding
from zoo.core.specs import Dims, FeatureConfig, Finetuning, HeadConfig, Init, Recipe
from zoo.experiments.plan.inputs import finetuning_inputs
from zoo.model import Model
from zoo.tasks.kinds import make_head
from zoo.text.collate import collate
from zoo.train.kept import KeptStates, keeping
from zoo.train.loop import fit
from zoo.train.optimizers import make_optimizer
from zoo.train.step import StepConfig

SIZES = {"hidden_size": 15, "num_hidden_layers": 5, "num_attention_heads": 3, "intermediate_size": 22}
VOCABULARY = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of five layers, as the transformers library writes it."""
    transformers.logging.disable_progress_bar()
    torch.manual_seed(2)
    config = transformers.BertConfig(**SIZES, vocab_size=VOCABULARY, max_position_embeddings=24)
    made = tmp_path_factory.mktemp("model")
    transformers.BertModel(config).save_pretrained(made)
    return made


def sequences(n: int = 6) -> list[Encoding]:
    rng = np.random.default_rng(0)
    ids = [rng.integers(5, VOCABULARY, 3 + number % 4).astype(np.int32) for number in range(n)]
    return [Encoding(each, np.zeros_like(each), np.zeros(len(each), dtype=bool)) for each in ids]


def batch(n: int = 6) -> Batch:
    return collate(sequences(n), {"task": [number % 2 for number in range(n)]})


def headed(folder: Path, seed: int = 0, **features: Any) -> Model:
    model, config = zoo.load(folder), Finetuning(learning_rate=0.01, **features).feature_config
    head = make_head(model.variant.dims, HeadConfig(kind="classification", labels=("a", "b"), features=config))
    initialise(head, Init(), seed)
    return model.with_head("task", head)


EXPECTED = {
    "embeddings": lambda h: h[0],
    "layer-0": lambda h: h[0],
    "layer-2": lambda h: h[2],
    "last": lambda h: h[5],
    "second-to-last": lambda h: h[4],
    "last-four": lambda h: torch.cat(h[2:], dim=1),
    "sum-last-four": lambda h: h[2] + h[3] + h[4] + h[5],
    "sum": lambda h: h[1] + h[2] + h[3] + h[4] + h[5],
    "mix": lambda h: 0.5 * sum(w * each for w, each in zip((0.1, 0.2, 0.3, 0.2, 0.1, 0.1), h, strict=True)),
}


@pytest.mark.parametrize("layers", EXPECTED)
def test_a_head_reads_the_layers_of_the_transformers_library(folder: Path, layers: str) -> None:
    model = headed(folder, features=layers).eval()
    assert model.features is not None
    if model.features.mix is not None:
        model.features.mix.logits.data = torch.tensor([0.1, 0.2, 0.3, 0.2, 0.1, 0.1]).log()
        model.features.mix.scale.data.fill_(0.5)
    library, asked = transformers.BertModel.from_pretrained(folder).eval(), batch()
    found = torch.split(model.read(asked), list(asked.layout.lengths))
    for ids, ours in zip(torch.split(asked.ids, list(asked.layout.lengths)), found, strict=True):
        with torch.no_grad():
            states = library(input_ids=ids[None], output_hidden_states=True).hidden_states
        torch.testing.assert_close(ours, EXPECTED[layers]([state[0] for state in states]), atol=1e-5, rtol=1e-5)


def test_a_bilstm_reads_each_sequence_alone(folder: Path) -> None:
    model, asked = headed(folder, features="last", lstm_width=7).eval(), batch()
    assert model.features is not None and model.features.lstm is not None
    hidden = torch.split(model.hidden(asked), list(asked.layout.lengths))
    alone = torch.cat([model.features.lstm(each)[0] for each in hidden])
    torch.testing.assert_close(model.read(asked), alone)
    assert alone.shape[1] == 14 and model.features.lstm.num_layers == 2


def trained(model: Model, n_steps: int = 6) -> dict[str, torch.Tensor]:
    def forever():  # type: ignore[no-untyped-def]
        while True:
            yield batch()

    fit(model, forever(), Recipe(learning_rate=0.05), n_steps, lambda done, of: None, StepConfig(seed=1))
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("how", [{}, {"lstm_width": 5}])
def test_a_frozen_encoder_stays_as_it_was_and_the_head_learns(folder: Path, how: dict[str, int]) -> None:
    model = headed(folder, features="mix", **how)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = trained(model)
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"objectives"}
    assert not torch.equal(before["objectives.task.features.mix.logits"], after["objectives.task.features.mix.logits"])
    optimized = {
        id(each) for group in make_optimizer(model, Recipe(learning_rate=1)).param_groups for each in group["params"]
    }
    assert optimized == {id(each) for each in model.objectives.parameters()}


def test_what_is_not_frozen_is_trained_with_the_head(folder: Path) -> None:
    model = headed(folder, features="mix", frozen=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = trained(model, 2)
    assert {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])} == {
        "embedding", "encoder", "objectives"
    }  # fmt: skip


def test_a_frozen_encoder_has_no_dropout_in_training_and_its_head_has(folder: Path) -> None:
    model = headed(folder, features="last").train()
    assert torch.equal(model.read(batch()), model.read(batch()))
    assert not torch.equal(model(batch())["task"].logits, model(batch())["task"].logits)


def test_each_sequence_is_read_once_and_training_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    whole = Model.hidden_states
    monkeypatch.setattr(Model, "hidden_states", lambda self, asked: counts.append(len(asked.ids)) or whole(self, asked))
    plain = trained(headed(folder, features="last-four"))
    assert counts == [len(batch().ids)] * 6
    counts.clear()
    model = headed(folder, features="last-four")
    with keeping(model):
        kept = trained(model)
    assert counts == [len(batch().ids)] and model.kept is None
    for name, tensor in plain.items():
        torch.testing.assert_close(kept[name], tensor, atol=1e-6, rtol=1e-5)


def test_memory_is_bounded_and_pairs_are_told_apart(folder: Path) -> None:
    computed: list[int] = []

    def compute(asked: Batch) -> torch.Tensor:
        computed.append(asked.layout.n_sequences)
        return (asked.ids + 100 * asked.segments)[None, :, None].float()

    kept = KeptStates(compute, most_bytes=4 * 7)
    asked = collate([sequences()[0], sequences()[1]])  # of 3 and 4 tokens
    assert torch.equal(kept(asked), kept(asked)) and computed == [2]
    other = collate([Encoding(sequences()[0].ids, np.ones(3, np.int32), np.zeros(3, bool))])
    assert kept(other).min() >= 100 and kept(other).min() >= 100
    assert computed == [2, 1, 1] and kept.n_bytes == 28


def test_a_stored_head_reads_what_it_read(folder: Path, tmp_path: Path) -> None:
    model = headed(folder, features="mix", lstm_width=5).eval()
    zoo.save(model, tmp_path / "saved", to="zoo")
    again = zoo.load(tmp_path / "saved")
    assert torch.equal(again(batch())["task"].logits, model(batch())["task"].logits)
    with pytest.raises(zoo.ZooError, match="cannot be expressed in the Hugging Face format"):
        zoo.save(model, tmp_path / "theirs")


def test_four_layers_of_a_model_with_fewer_are_all_of_them() -> None:
    dims = Dims(vocab_size=9, embedding_width=3, hidden_width=3, n_layers=2)
    features = Features(dims, FeatureConfig(layers="last-four"))
    states = [torch.full((4, 3), float(number)) for number in range(3)]
    assert features.width == 6 and features.selected(states)[:, 0, 0].tolist() == [1, 2]


def test_fields_that_mean_the_same_have_the_same_results() -> None:
    same = Finetuning(learning_rate=0.1, frozen=True), Finetuning(learning_rate=0.1, features="last", lstm_layers=3)
    assert finetuning_inputs(same[0], set()) == finetuning_inputs(same[1], set())
    assert finetuning_inputs(Finetuning(learning_rate=0.1), set())["features"] is None
    assert Finetuning(learning_rate=0.1, features="last", frozen=False).feature_config is not None


def test_layers_that_are_not_there_are_refused_before_training() -> None:
    catalog = zoo.Catalog.installed()
    with pytest.raises(zoo.ZooError, match=r"features=layer-7 is not there: it has 2 layers, layer-1 to layer-2"):
        catalog.check(catalog.variant("bert-tiny+finetuning.features=layer-7"))
    with pytest.raises(zoo.ZooError, match=r"finetuning.features: "):
        catalog.variant("bert-tiny+finetuning.features=top")
    catalog.check(catalog.variant("bert-tiny+finetuning.features=layer-2"))


class Opaque(zoo.Encoder):
    def __init__(self, dims: Dims) -> None:
        super().__init__()

    def forward(self, hidden: torch.Tensor, layout: zoo.Layout) -> torch.Tensor:
        return hidden * 2


def test_an_encoder_that_gives_its_last_layer_only_is_read_there_only() -> None:
    opaque = ModuleType("opaque")
    opaque.zoo_offers = zoo.hookimpl(lambda: zoo.Offers(api_version=1, encoders={"opaque.stack": Opaque}))  # type: ignore[attr-defined]
    opaque.zoo_offers.__name__ = "zoo_offers"
    catalog = zoo.Catalog.of(zoo_bert, opaque)
    variant = "bert-tiny+encoder=opaque.stack+init.keys_start_as_queries=false+finetuning.features="
    catalog.check(catalog.variant(variant + "embeddings"))
    with pytest.raises(zoo.ZooError, match=r"encoder 'opaque.stack' gives the last one only"):
        catalog.check(catalog.variant(variant + "mix"))
