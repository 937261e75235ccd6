"""Words for masks, against the transformers library: in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

import zoo
from tests.inference.conftest import Make, Run
from zoo.inference.fill_mask import fill


def test_a_mask_is_filled_as_the_reference_library_fills_it(make: Make, zoo_command: Run) -> None:
    folder = make("BertForMaskedLM")
    theirs = transformers.BertForMaskedLM.from_pretrained(folder).eval()
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    text = "The capital of [MASK] is [MASK]."
    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        logits = theirs(**inputs).logits[0, inputs["input_ids"][0] == 4]
    expected = logits.softmax(1).topk(3, dim=1)
    found = fill(zoo.load(folder), text, top=3)
    assert len(found) == 2
    words = (folder / "vocab.txt").read_text().splitlines()
    for mask, ids, values in zip(found, expected.indices.tolist(), expected.values.tolist(), strict=True):
        shown = [words[index] for index in ids]
        assert [candidate.piece for candidate in mask] == shown
        assert [candidate.probability for candidate in mask] == pytest.approx(values, abs=1e-6)
    status, said, _ = zoo_command("fill", folder, text, "--top", 3, "--json")
    assert status == 0 and json.loads(said)[1][0]["probability"] == pytest.approx(
        expected.values[1, 0].item(), abs=1e-6
    )
    status, said, told = zoo_command("fill", folder, "The capital [MASK].")
    assert told.startswith("cpu (") and "), fp32, kernels sdpa by length; peak memory " in told
    assert status == 0 and "probability" in said


@pytest.mark.parametrize(
    ("head", "text", "message"),
    [
        ("BertForMaskedLM", "no hole", "the text holds no mask; write '[MASK]' for it"),
        ("BertForTokenClassification", "[MASK]", "has no output layer for masked tokens, only task"),
        ("BertModel", "[MASK]", "has no output layer for masked tokens, only pool"),
    ],
)
def test_what_cannot_be_filled_is_said(head: str, text: str, message: str, make: Make, zoo_command: Run) -> None:
    status, _, said = zoo_command("fill", make(head), text)
    assert status == 2 and message in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a " * 22 + "[MASK]", "error: the mask lies beyond token 24, the last that is read; shorten the text before"),
        ("[MASK] " + "a " * 22 + "[MASK] [MASK]", "error: 2 of 3 masks lie beyond token 24"),
    ],
)
def test_a_mask_that_is_cut_off_is_an_error(text: str, message: str, make: Make, zoo_command: Run) -> None:
    status, said, told = zoo_command("fill", make("BertForMaskedLM"), text)
    assert (status, said, told.count("\n")) == (2, "", 1) and told.startswith(message)


def test_what_fill_cuts_behind_the_mask_is_said(make: Make, zoo_command: Run) -> None:
    status, said, told = zoo_command("fill", make("BertForMaskedLM"), "[MASK] " + "a " * 40, "--json")
    assert (status, told.splitlines()[0]) == (0, "1 of 1 items were cut to 24 tokens") and len(json.loads(said)) == 1


def test_any_objective_that_predicts_hidden_tokens_fills_masks_whatever_it_is_called(make: Make) -> None:
    model = zoo.load(make("BertForMaskedLM"))
    renamed = model.with_head("strangers.words", model.objective("bert.mlm"))
    assert fill(renamed, "the [MASK]") == fill(model, "the [MASK]")


def test_a_model_that_reads_from_left_to_right_fills_no_masks(tmp_path: Path, zoo_command: Run) -> None:
    config = transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=1, n_head=2, n_positions=20)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt")
    status, _, told = zoo_command("fill", tmp_path / "gpt", "a [MASK]")
    assert status == 2 and told == "error: the model 'gpt' reads from left to right, and predicts no masked tokens\n"
    (tmp_path / "t.txt").write_text("a\n")
    status, _, told = zoo_command("predict", tmp_path / "gpt", tmp_path / "t.txt")
    assert status == 2 and "no task head, only" in told and "use zoo encode, or fine-tune it" in told
