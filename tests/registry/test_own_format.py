"""A stranger's plugin brings an encoder and the Hugging Face format that its variants are written in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

import zoo_bert
from tests.experiments.synthetic_runs import toy
from zoo import Catalog, Dims, Encoder, Layout, Model, Offers, Variant, ZooError, load, part, save
from zoo.blocks import FeedForward, SelfAttention
from zoo.checkpoints import convert
from zoo.core.specs import HeadConfig
from zoo.registry.presets import cpu_size
from zoo.tasks.kinds import make_head
from zoo.testing import conformance
from zoo.testing.material import ragged_batch, sentences
from zoo.weights.format import UNTIED_DECODER, CheckpointFormat, Setting
from zoo.weights.shared import pooler_and_heads, transformer_settings


class ParallelStack(Encoder):
    """Attention and feed-forward side by side, `gain` times what both add."""

    def __init__(self, dims: Dims, *, gain: float = 1.0) -> None:
        super().__init__()
        layers = range(dims.n_layers)
        self.gain = gain
        self.norms = nn.ModuleList(nn.LayerNorm(dims.hidden_width) for _ in layers)
        self.attentions = nn.ModuleList(SelfAttention(dims) for _ in layers)
        self.feedforwards = nn.ModuleList(FeedForward(dims) for _ in layers)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        for norm, attention, feedforward in zip(self.norms, self.attentions, self.feedforwards, strict=True):
            normed = norm(hidden)
            hidden = hidden + self.gain * (attention(normed, layout) + feedforward(normed))
        return hidden


TINY = Variant(
    name="parallel-tiny",
    paper="none",
    embedding=part("bert.absolute"),
    encoder=part("parallel.stack"),
    tokenizer=part("bert.wordpiece"),
    packing=part("bert.segment_pair"),
    masking=part("bert.static", rate=0.25),
    objectives=(part("bert.mlm"),),
    **cpu_size("tiny"),
)
HEAD = "lm_head"
FORMAT = CheckpointFormat(
    name="parallel",
    base=TINY,
    settings=(
        *transformer_settings(
            vocab_size=2_000, width=128, n_layers=2, n_heads=2, ffn_width=512, activation="gelu", dropout=0.0
        ),
        Setting("hidden_size", "dims.embedding_width", 128),
        Setting("max_position_embeddings", "dims.max_length", 128),
        Setting("residual_gain", "encoder.gain", 1.0, unset=1.0),
    ),
    prefix="model.",
    base_prefixes=("wte", "wpe", "wse", "ln_e", "blocks", "pooler"),
    base_weights=(
        ("wte.weight", "embedding.tokens.weight"),
        ("wpe.weight", "embedding.positions.weight"),
        ("wse.weight", "embedding.segments.weight"),
        ("ln_e.{p}", "embedding.norm.{p}"),
        ("blocks.{i}.ln.{p}", "encoder.norms.{i}.{p}"),
        *((f"blocks.{{i}}.{w}.{{p}}", f"encoder.attentions.{{i}}.{w}.{{p}}") for w in ("query", "key", "value")),
        ("blocks.{i}.out.{p}", "encoder.attentions.{i}.output.{p}"),
        ("blocks.{i}.fc1.{p}", "encoder.feedforwards.{i}.up.{p}"),
        ("blocks.{i}.fc2.{p}", "encoder.feedforwards.{i}.down.{p}"),
    ),
    heads={
        "bert.mlm": (
            (f"{HEAD}.dense.{{p}}", "objectives.bert/mlm.head.transform.{p}"),
            (f"{HEAD}.ln.{{p}}", "objectives.bert/mlm.head.norm.{p}"),
            (f"{HEAD}.bias", "objectives.bert/mlm.head.bias"),
        ),
        UNTIED_DECODER: ((f"{HEAD}.decoder.weight", "objectives.bert/mlm.decoder.weight"),),
        **pooler_and_heads("pooler.{p}"),
    },
    architectures={
        "ParallelModel": (),
        "ParallelForMaskedLM": ("bert.mlm",),
        "ParallelForSequenceClassification": ("classification",),
    },
    copies=((f"{HEAD}.decoder.weight", "wte.weight"),),
    tokenizer_classes=("ParallelTokenizer",),
)
PARALLEL = Offers(
    api_version=1, encoders={"parallel.stack": ParallelStack}, variants=[TINY], checkpoint_formats=[FORMAT]
)
CATALOG = Catalog.of(zoo_bert, toy, parallel=PARALLEL)
EXPRESSIONS = [
    "parallel-tiny",
    "parallel-tiny+encoder.gain=0.5+dims.n_layers=3+dims.vocab_size=900",
    "parallel-tiny+objectives.bert.mlm.tied=false",
]


def built(expression: str) -> Model:
    variant = CATALOG.variant(expression)
    model = CATALOG.build(variant, seed=3).eval()
    part_class, options = CATALOG.tokenizer(variant)
    model.tokenizer = part_class.train(sentences(), 300, **options)
    return model


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_plugins_variant_is_written_in_its_own_format_and_read_back(expression: str, tmp_path: Path) -> None:
    model = built(expression)
    save(model, tmp_path / "out", catalog=CATALOG)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["model_type"], config["architectures"]) == ("parallel", ["ParallelForMaskedLM"])
    assert config["residual_gain"] == model.variant.encoder.options.get("gain", 1.0)
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as stored:
        assert torch.equal(stored.get_tensor("model.blocks.1.fc1.weight"), model.encoder.feedforwards[1].up.weight)
        assert (f"{HEAD}.decoder.weight" in list(stored.keys())) is ("tied=false" in expression)
    again = load(tmp_path / "out", catalog=CATALOG).eval()
    assert (again.variant.dims, again.variant.encoder) == (model.variant.dims, model.variant.encoder)
    assert again.state_dict().keys() == model.state_dict().keys()
    batch = ragged_batch(model.variant.dims.vocab_size, {})
    with torch.no_grad():
        assert torch.equal(again(batch)["bert.mlm"].logits, model(batch)["bert.mlm"].logits)
    assert again.tokenizer is not None and again.tokenizer.encode(["the cook"])[0].tolist()


def test_its_classifier_goes_there_and_back_through_the_zoos_own_format(tmp_path: Path) -> None:
    head = HeadConfig(kind="classification", labels=("no", "yes"))
    model = built("parallel-tiny")
    classifier = model.with_head("task", make_head(model.variant.dims, head))
    save(classifier, tmp_path / "a", catalog=CATALOG)
    assert json.loads((tmp_path / "a" / "config.json").read_text())["model_type"] == "parallel"
    convert(tmp_path / "a", tmp_path / "b", to="zoo", catalog=CATALOG)
    convert(tmp_path / "b", tmp_path / "c", to="hf", catalog=CATALOG)
    first, last = (load(tmp_path / name, catalog=CATALOG).state_dict() for name in "ac")
    assert first.keys() == last.keys() and all(torch.equal(first[name], last[name]) for name in first)


def test_without_the_plugin_its_folder_is_refused_and_with_another_format_its_model(tmp_path: Path) -> None:
    model = built("parallel-tiny")
    save(model, tmp_path / "out", catalog=CATALOG)
    bare = Catalog.of(zoo_bert)
    with pytest.raises(ZooError, match="'parallel' is not a model_type that an installed plugin reads"):
        load(tmp_path / "out", catalog=bare)
    silent = Catalog.of(zoo_bert, parallel=PARALLEL.model_copy(update={"checkpoint_formats": ()}))
    with pytest.raises(ZooError, match=r"'parallel-tiny' with bert.mlm cannot be expressed in the .* format of bert"):
        save(model, tmp_path / "other", catalog=silent)


def test_a_format_that_lacks_a_name_for_a_weight_is_not_taken(tmp_path: Path) -> None:
    lacking = CheckpointFormat(**{**vars(FORMAT), "base_weights": FORMAT.base_weights[1:]})
    catalog = Catalog.of(zoo_bert, parallel=PARALLEL.model_copy(update={"checkpoint_formats": (lacking,)}))
    with pytest.raises(ZooError, match="cannot be expressed"):
        save(built("parallel-tiny"), tmp_path / "out", catalog=catalog)


def test_it_conforms() -> None:
    for check in conformance(CATALOG, "parallel"):
        check()
