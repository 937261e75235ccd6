"""Model cards tell how weights were made, wherever they have been since."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import zoo
from zoo.checkpoints.converting import convert
from zoo.weights.checkpoint import weights_hash
from zoo.weights.origin import ModelOrigin

Run = Callable[..., tuple[int, str, str]]
CATALOG = zoo.Catalog.installed()

TINY = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.n_layers=1+dims.vocab_size=80"
    "+dims.max_length=32+pretraining.sequence_length=32+finetuning.max_length=32+objectives.bert.nsp.pair=joint"
)


@pytest.fixture
def pretrained(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a pre-training run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("\n\n".join(f"The {a} cook sang.\nAll {a} slept." for a in "abcdefgh" * 2))
    command = ("pretrain", TINY, "--corpus", "text.txt", "--out", "run", "--steps", 2, "--seed", 7, "--cache", "cache")
    status, _, told = run(*command, "--held-out", 0.2)
    assert status == 0, told
    return tmp_path / "run"


def test_a_pretrained_models_card_tells_all_that_it_takes_to_repeat_it(pretrained: Path, tmp_path: Path) -> None:
    result = json.loads((pretrained / "result.json").read_text())
    convert(pretrained / "model", tmp_path / "hf", to="hf")
    convert(tmp_path / "hf", tmp_path / "back", to="zoo")
    for folder in (tmp_path / "hf", tmp_path / "back"):
        card = (folder / "README.md").read_text()
        assert "How these weights were made:" in card
        for field, value in (
            ("made_by", "zoo pretrain"),
            ("command", f"zoo pretrain {TINY} --corpus text.txt --out run --steps 2 --seed 7 --cache cache "
                        "--held-out 0.2"),
            ("corpus", "text.txt"),
            ("corpus_hash", result["corpus"]["corpus_hash"]),
            ("documents", "16"),
            ("seed", "7"),
            ("steps", "2"),
            ("tokens_read", str(result["tokens"])),
            ("weights_hash", result["weights_hash"]),
            ("scores_on_held_out_documents: bert.mlm: loss", str(result["held_out"]["bert.mlm"]["loss"])),
            ("environment: libraries: torch", torch.__version__),
        ):  # fmt: skip
            assert f"| {field} | {value} |" in card


def test_a_checkpoint_on_the_way_knows_its_step(pretrained: Path, tmp_path: Path) -> None:
    convert(pretrained / "checkpoints" / "step-0000000001", tmp_path / "hf", to="hf")
    assert "| steps | 1 |" in (tmp_path / "hf" / "README.md").read_text()


def test_weights_that_changed_are_not_said_to_be_the_runs(pretrained: Path, tmp_path: Path) -> None:
    model = zoo.load(pretrained / "model")
    with torch.no_grad():
        model.embedding.tokens.weight += 1
    zoo.save(model, tmp_path / "changed")
    card = (tmp_path / "changed" / "README.md").read_text()
    assert "How the initial weights were made; they have changed since:" in card


def test_a_card_says_what_a_format_left_out_of_weights_that_did_not_change(tmp_path: Path) -> None:
    whole = CATALOG.build(CATALOG.variant(TINY.rpartition("+")[0]))
    made = {"made_by": "zoo pretrain", "weights_hash": weights_hash(whole.state_dict())}
    whole.origin = ModelOrigin("run/model", {}, {}, made)
    zoo.save(whole, tmp_path / "hf")
    assert whole.objective_names == ("bert.mlm", "bert.nsp") and whole.origin.provenance == made
    convert(tmp_path / "hf", tmp_path / "back", to="zoo")
    convert(tmp_path / "back", tmp_path / "again", to="hf")
    for folder in ("hf", "back", "again"):
        card = (tmp_path / folder / "README.md").read_text()
        assert "as the format had no place for it: bert.nsp.\n\nHow these weights were made:" in card
        assert f"| weights_hash | {made['weights_hash']} |" in card and "| on top | bert.mlm |" in card
    changed = zoo.load(tmp_path / "back")
    with torch.no_grad():
        changed.embedding.tokens.weight += 1
    zoo.save(changed, tmp_path / "changed")
    assert "they have changed since:" in (tmp_path / "changed" / "README.md").read_text()


@pytest.mark.slow
def test_a_run_that_started_from_it_tells_from_what(pretrained: Path, run: Run, tmp_path: Path) -> None:
    assert run("pretrain", "run/model", "--corpus", "text.txt", "--out", "more", "--steps", 1)[0] == 0
    card = zoo.load("more/model").origin
    assert card and card.provenance["initial_weights"]["source"] == str(pretrained / "model")


@pytest.mark.slow
@pytest.mark.usefixtures("little_text")
def test_a_compared_models_card_tells_its_run_and_its_scores(run: Run, tmp_path: Path) -> None:
    small = (
        "--tasks",
        "micro-acceptability",
        "--finetune-steps",
        1,
        "--pretrain-tokens",
        400,
        "--seeds",
        1,
        "--workers",
        0,
        "--keep-finetuned",
    )
    assert run("compare", TINY, *small, "--out", tmp_path / "run")[0] == 0
    (place,) = (tmp_path / "run" / "checkpoints").iterdir()
    convert(place, tmp_path / "hf", to="hf")
    card = (tmp_path / "hf" / "README.md").read_text()
    assert "How these weights were made:" in card and "| made_by | zoo compare |" in card
    assert "| corpus | 300 documents of the synthetic microworld |" in card
    (result,) = (tmp_path / "run" / "jobs").glob("finetune-*.json")
    score = 100 * json.loads(result.read_text())["main_score"]
    assert f"| micro-acceptability | {score:.1f} | - | 1 |" in card
    (kept,) = (tmp_path / "run" / "finetuned").iterdir()
    convert(kept, tmp_path / "tuned", to="zoo")
    assert f"| micro-acceptability | dev | accuracy | {score:.1f} |" in (tmp_path / "tuned" / "README.md").read_text()
