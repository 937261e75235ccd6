"""Folders of ModernBERT, DeBERTa, XLM-R and CamemBERT: what a config may say, and what is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import zoo
from tests.parity.families import tiny
from tests.parity.oracle import compare, ragged, reference
from zoo import Catalog, ZooError, part
from zoo.core.specs import HeadConfig
from zoo.tasks.kinds import make_head
from zoo.testing.material import ragged_batch

CATALOG = Catalog.installed()
TEXTS = ["the old sailor", "a young bridge and the sea", "when did who built it"] * 5


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    yield
    transformers.logging.set_verbosity_warning()


def small(name: str, **changes: Any) -> zoo.Model:
    """A variant with a small vocabulary, and a tokenizer of its own."""
    variant = CATALOG.variant(name)
    variant = variant.swap(name, dims=variant.dims.model_copy(update={"vocab_size": 300}), **changes)
    tokenizer, options = CATALOG.tokenizer(variant)
    model = CATALOG.build(variant)
    model.tokenizer = tokenizer.train(TEXTS, 300, **options)
    return model


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("DebertaV2", {"relative_attention": False}, "relative_attention is False; the zoo supports only true"),
        (
            "DebertaV2",
            {"position_biased_input": None},
            "position_biased_input is left out; the zoo supports only false",
        ),
        ("DebertaV2", {"norm_rel_ebd": "none"}, "norm_rel_ebd is 'none'; the zoo supports only \"layer_norm\""),
        ("DebertaV2", {"pos_att_type": "p2p"}, "pos_att_type cannot be 'p2p'"),
        ("DebertaV2", {"pos_att_type": 3}, "pos_att_type cannot be 3"),
        ("DebertaV2", {"attention_head_size": 999}, "attention_head_size is 999; the zoo supports only hidden_size"),
        ("DebertaV2", {"conv_kernel_size": 4}, "conv_kernel=4 should be odd"),
        ("DebertaV2", {"conv_groups": 2}, "conv_groups is 2; the zoo supports only 1"),
        ("DebertaV2", {"position_buckets": 3}, "buckets=3 should be between 4 and"),
        ("DebertaV2", {"position_buckets": 32}, r"rel_embeddings.weight has the shape \["),
        ("DebertaV2", {"type_vocab_size": 2}, "type_vocab_size is 2; the zoo supports only 0"),
        ("ModernBert", {"norm_bias": True}, "norm_bias is True; the zoo supports only false"),
        (
            "ModernBert",
            {"layer_types": ["sliding_attention"] * 9},
            "layer_types should have full_attention in the first",
        ),
        ("ModernBert", {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "rope_type is 'yarn'"),
        ("ModernBert", {"classifier_pooling": "max"}, "classifier_pooling is 'max'; the zoo supports cls and mean"),
        ("ModernBert", {"num_attention_heads": 7}, "n_heads=7 does not divide"),
        ("ModernBert", {"local_attention": 1}, "window=0 should be between 1 and"),
        ("ModernBert", {"intermediate_size": 19}, r"mlp.Wi.weight has the shape \["),
        ("XLMRoberta", {"pad_token_id": None}, "pad_token_id cannot be None"),
        ("Camembert", {"is_decoder": True}, "is_decoder is True; the zoo supports only false"),
    ],
)
def test_a_config_that_the_zoo_cannot_follow_is_refused_in_one_line(
    family: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    sizes = tiny(family, np.random.default_rng(3)) | ({"position_buckets": 8} if family == "DebertaV2" else {})
    reference(family, "ForSequenceClassification", sizes, 0).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(
        json.dumps({key: value for key, value in config.items() if "left out" not in message or value is not None})
    )
    with pytest.raises(ZooError, match=message) as caught:
        zoo.load(tmp_path)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_debertas_other_masked_language_head_is_read_as_the_same_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = tiny("DebertaV2", rng) | {"legacy": False}
    theirs = reference("DebertaV2", "ForMaskedLM", sizes, 0)
    found = compare(theirs, "ForMaskedLM", ragged("DebertaV2", sizes["vocab_size"], 13, rng))
    assert found.values <= 5e-6 and found.loss <= 1e-5 and found.gradients <= 1e-5
    theirs.save_pretrained(tmp_path / "theirs")
    zoo.save(zoo.load(tmp_path / "theirs"), tmp_path / "ours")
    again = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "ours").eval()
    ids = torch.arange(5, 12)[None]
    torch.testing.assert_close(again(ids).logits, theirs(ids).logits)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("modernbert-tiny", "modernbert"),
        ("deberta-tiny", "deberta-v2"),
        ("xlm-roberta-tiny", "xlm-roberta"),
        ("xlm-roberta-tiny+tokenizer=roberta.camembert_unigram", "camembert"),
        ("roberta-tiny", "roberta"),
    ],
)
def test_a_tiny_model_is_written_as_its_own_family_which_the_library_reads_with_the_tokenizer(
    name: str, kind: str, tmp_path: Path
) -> None:
    model = small(name).eval()
    zoo.save(model, tmp_path / "ours")
    config = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert config["model_type"] == kind
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "ours").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    given = tokenizer("the sailor built a bridge", return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        mean = theirs(**given, output_hidden_states=True).hidden_states[-1].mean(1)
    torch.testing.assert_close(model.encode(["the sailor built a bridge"]), mean, atol=5e-6, rtol=0)
    again = zoo.load(tmp_path / "ours")
    assert all(torch.equal(again.state_dict()[key], weight) for key, weight in model.state_dict().items())


def test_a_modernbert_states_the_special_tokens_of_its_tokenizer(tmp_path: Path) -> None:
    model = small("modernbert-tiny")
    zoo.save(model, tmp_path / "ours")
    config = json.loads((tmp_path / "ours" / "config.json").read_text())
    tokenizer = model.tokenizer
    assert tokenizer is not None
    assert (config["pad_token_id"], config["cls_token_id"]) == (tokenizer.pad_id, tokenizer.cls_id)
    assert config["global_attn_every_n_layers"] == 2 and config["local_attention"] == 16


@pytest.mark.parametrize(("name", "released"), [("modernbert-base", True), ("modernbert-tiny", False)])
def test_only_a_head_like_the_released_ones_is_written_in_the_format(name: str, released: bool, tmp_path: Path) -> None:
    tiny_one = CATALOG.variant("modernbert-tiny")
    variant = CATALOG.variant(name).swap(name, dims=tiny_one.dims, encoder=tiny_one.encoder)
    model = CATALOG.build(variant)
    head = make_head(variant.dims, HeadConfig(kind="token-classification", labels=("a", "b"), pooling=variant.head))
    headed = model.with_head("task", head)
    if released:
        zoo.save(headed, tmp_path / "ours")
        assert type(transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "ours")).__name__ == (
            "ModernBertForTokenClassification"
        )
    else:
        with pytest.raises(ZooError, match="cannot be expressed in the Hugging Face format"):
            zoo.save(headed, tmp_path / "ours")


def test_a_deberta_of_parts_that_never_met_has_no_config() -> None:
    variant = CATALOG.variant("deberta-tiny").swap("x", embedding=part("bert.absolute"))
    assert all(format.config(variant) is None for format in CATALOG.checkpoint_formats.values())


def test_a_deberta_of_replaced_tokens_is_written_with_the_sum_of_its_two_tables(tmp_path: Path) -> None:
    model = small("deberta-tiny-rtd").eval()
    torch.nn.init.normal_(model.embedding.difference.weight)  # type: ignore[arg-type,union-attr]
    zoo.save(model, tmp_path / "ours")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "ours").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    with torch.no_grad():
        mean = theirs(**tokenizer("the old bridge", return_tensors="pt")).last_hidden_state.mean(1)
    torch.testing.assert_close(model.encode(["the old bridge"]), mean, atol=5e-6, rtol=0)
    assert torch.equal(zoo.load(tmp_path / "ours").encode("the old bridge"), model.encode("the old bridge"))
    assert set(zoo.load(tmp_path / "ours").objective_names) == set()


def test_the_generator_trains_its_tokens_alone_and_the_encoder_the_difference_alone() -> None:
    model = CATALOG.build(CATALOG.variant("deberta-tiny-rtd"))
    batch = ragged_batch(500, {})
    tables = model.embedding.tokens.weight, model.embedding.difference.weight  # type: ignore[union-attr]
    for name, expected in (("deberta.generator", [True, False]), ("deberta.rtd", [False, True])):
        model.zero_grad()
        model(batch)[name].loss.backward()
        assert [table.grad is not None and bool(table.grad.any()) for table in tables] == expected  # type: ignore[union-attr]


def test_a_replaced_token_is_found_by_what_it_is_beside_its_first_token() -> None:
    """microsoft/DeBERTa: classify(gelu(dense(norm(first + hidden)))), over all tokens."""
    model = CATALOG.build(CATALOG.variant("deberta-tiny-rtd"))
    head, batch = model.objective("deberta.rtd"), ragged_batch(500, {})
    hidden = torch.randn(len(batch.ids), 128)
    out = head(hidden, batch, model.embedding.tokens.weight)
    (n, *_), w = batch.layout.lengths, head.state_dict()
    rows = torch.nn.functional.layer_norm(hidden[0] + hidden[:n], (128,), w["norm.weight"], w["norm.bias"], 1e-7)
    inner = torch.nn.functional.gelu(rows @ w["dense.weight"].T + w["dense.bias"])
    torch.testing.assert_close(out.logits[:n], (inner @ w["output.weight"].T + w["output.bias"])[:, 0])
