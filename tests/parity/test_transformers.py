"""Models of the transformers library, loaded by the zoo, give the same numbers and go back unchanged."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import zoo
from tests.parity.families import FAMILIES, tiny
from tests.parity.oracle import CASES, FULL, N_LABELS, Comparison, compare, full_size, ragged, reference
from zoo.heads import LABEL


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    yield
    transformers.logging.set_verbosity_warning()


def compared(family: str, head: str, seed: int, segments: bool = True, **extra: Any) -> Comparison:
    rng = np.random.default_rng(seed)
    sizes = tiny(family, rng) | extra
    theirs = reference(family, head, sizes, seed)
    return compare(theirs, head, ragged(family, sizes["vocab_size"], 13, rng, segments))


def assert_equal(found: Comparison, seed: int) -> None:
    assert found.values <= 5e-6, f"{found}, seed {seed}"
    assert found.loss <= 1e-5, f"{found}, seed {seed}"
    assert found.gradients <= 1e-5, f"{found}, seed {seed}"


@pytest.mark.parametrize(("family", "head"), CASES)
def test_hidden_states_logits_loss_and_gradients_are_the_same(family: str, head: str) -> None:
    assert_equal(compared(family, head, seed=7), 7)


@pytest.mark.parametrize(("family", "head"), CASES)
def test_they_are_the_same_for_sizes_and_weights_that_nobody_chose(family: str, head: str) -> None:
    seed = secrets.randbelow(2**31)
    assert_equal(compared(family, head, seed), seed)


@pytest.mark.parametrize("family", ["Bert", "Albert"])
def test_input_without_segments_gives_the_same(family: str) -> None:
    assert_equal(compared(family, "ForSequenceClassification", seed=3, segments=False), 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_of_one_output_is_a_regression_in_both(family: str) -> None:
    assert_equal(compared(family, "ForSequenceClassification", seed=5, num_labels=1), 5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_of_several_labels_gives_the_same(family: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    sizes = tiny(family, rng) | {"problem_type": "multi_label_classification"}
    theirs = reference(family, "ForSequenceClassification", sizes, 6)
    theirs.save_pretrained(tmp_path / "theirs")
    inputs = ragged(family, sizes["vocab_size"], 13, rng)
    labels = torch.from_numpy(rng.integers(0, 2, (6, N_LABELS)))
    expected = theirs(**inputs.padded, labels=labels.float())
    ours = zoo.load(tmp_path / "theirs")
    found = ours(replace(inputs.batch, labels={LABEL: labels}))["task"]
    torch.testing.assert_close(found.logits, expected.logits, atol=5e-6, rtol=0)
    torch.testing.assert_close(found.loss, expected.loss, atol=0, rtol=1e-5)
    zoo.save(ours, tmp_path / "ours")
    assert type(theirs).from_pretrained(tmp_path / "ours").config.problem_type == "multi_label_classification"


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish"])
def test_every_activation_is_the_same_function(activation: str) -> None:
    assert_equal(compared("Bert", "ForMaskedLM", seed=1, hidden_act=activation), 1)


@pytest.mark.parametrize(("groups", "inner"), [(1, 1), (1, 3), (2, 1), (3, 2)])
def test_albert_with_groups_and_inner_layers_gives_the_same(groups: int, inner: int) -> None:
    extra = {"num_hidden_layers": 5, "num_hidden_groups": groups, "inner_group_num": inner}
    assert_equal(compared("Albert", "ForPreTraining", seed=2, **extra), 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_output_layer_with_a_table_of_its_own_gives_the_same(family: str) -> None:
    assert_equal(compared(family, FAMILIES[family].language_model, seed=4, tie_word_embeddings=False), 4)


@pytest.mark.parametrize("extra", [{"type_vocab_size": 2}, {"pad_token_id": 0, "max_position_embeddings": 14}])
def test_roberta_with_other_tables_gives_the_same(extra: dict[str, int]) -> None:
    rng = np.random.default_rng(0)
    sizes = tiny("Roberta", rng) | extra
    inputs = ragged("Roberta", sizes["vocab_size"], 13, rng)
    mask = inputs.padded["attention_mask"].bool()
    inputs.padded["input_ids"].masked_fill_(~mask, sizes["pad_token_id"])
    assert_equal(compare(reference("Roberta", "ForMaskedLM", sizes, 0), "ForMaskedLM", inputs), 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("family", FAMILIES)
def test_files_of_half_precision_give_the_same(family: str, dtype: torch.dtype) -> None:
    rng = np.random.default_rng(0)
    sizes = tiny(family, rng)
    head = FAMILIES[family].language_model
    theirs = reference(family, head, sizes, 0).to(dtype)
    assert_equal(compare(theirs, head, ragged(family, sizes["vocab_size"], 13, rng)), 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("family", "head"), CASES)
def test_there_and_back_twice_changes_no_bit(family: str, head: str, dtype: torch.dtype, tmp_path: Path) -> None:
    theirs = reference(family, head, tiny(family, np.random.default_rng(0)), 0).to(dtype)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = zoo.load(tmp_path / "theirs")
    zoo.save(ours, tmp_path / "ours")
    again, report = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values()), report
    for name, weight in theirs.state_dict().items():
        assert weight.dtype == dtype and torch.equal(again.state_dict()[name], weight), name
    again.save_pretrained(tmp_path / "again")
    last = zoo.load(tmp_path / "again").state_dict()
    assert all(torch.equal(last[name], weight) for name, weight in ours.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize(("family", "head"), FULL[2:7:2])  # each family and each head once
def test_base_sizes_give_the_same(family: str, head: str) -> None:
    found = full_size(family, head)
    assert found.values <= 1e-5 and found.loss <= 1e-5, found
