"""Pre-training that goes on from a folder's weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

import zoo as encoders
from zoo.pretraining.log import read_log
from zoo.weights.folder import CheckpointFolder

pytestmark = pytest.mark.slow

Arguments = Callable[..., list[str]]
Zoo = Callable[[list[str]], int]

STILL = ("--set", "pretraining.learning_rate=1e-30")
"""Steps that move no weight but those that are zero, and these by next to nothing."""


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=1e-25)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return set(a) == set(b) and all(close(a[name], b[name]) for name in a)


@pytest.fixture
def model(arguments: Arguments, zoo: Zoo, tmp_path: Path) -> Path:
    """A model that a first run has made."""
    assert zoo(arguments(tmp_path / "first", steps=3)) == 0
    return tmp_path / "first" / "model"


@pytest.fixture
def foreign(model: Path, tmp_path: Path) -> Callable[..., Path]:
    """A folder of a class of the transformers library, with random weights and the first run's tokenizer."""

    def make(head: str) -> Path:
        torch.manual_seed(1)
        vocab_size = len(tensors(model)["embedding.tokens.weight"]) + 3  # tables are often longer than vocabularies
        sizes = {"hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 22}
        config = transformers.BertConfig(**sizes, vocab_size=vocab_size, max_position_embeddings=24)
        transformers.logging.disable_progress_bar()
        getattr(transformers, head)(config).save_pretrained(tmp_path / head)
        shutil.copy(model / "tokenizer.json", tmp_path / head)
        return tmp_path / head

    return make


def test_a_run_starts_from_the_folders_weights_and_tokenizer_and_says_so(
    model: Path, arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "second"
    assert zoo(arguments(folder, *STILL, variant=str(model), steps=1)) == 0
    assert same(tensors(folder / "model"), tensors(model))
    assert (folder / "model" / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()
    content_hash = CheckpointFolder(model).weights_hash
    start = {"source": str(model), "content_hash": content_hash}
    assert f"starting from the weights of {model} (SHA-256 {content_hash})" in capfd.readouterr().err
    assert {"event": "start", "step": 0, **start, "fresh": []} == next(read_log(folder))
    assert json.loads((folder / "result.json").read_text())["initial_weights"] == start
    assert json.loads((folder / "run.json").read_text())["initial_weights"] == start


@pytest.mark.slow
def test_from_scratch_takes_the_record_alone(model: Path, arguments: Arguments, zoo: Zoo, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    assert zoo(arguments(folder, *STILL, "--from-scratch", variant=str(model), steps=1)) == 0
    assert not same(tensors(folder / "model"), tensors(model))
    assert json.loads((folder / "run.json").read_text())["initial_weights"] is None


@pytest.mark.slow
def test_missing_heads_start_afresh_and_what_is_left_out_is_told(
    foreign: Callable[..., Path], arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trained = foreign("BertForMaskedLM")
    both = f"{trained}+objectives=bert.mlm,bert.nsp"
    assert zoo(arguments(tmp_path / "a", *STILL, variant=both, steps=1)) == 0
    assert f"bert.nsp starts from new weights: {trained} has no such layers" in capfd.readouterr().err
    before, after = encoders.load(trained).state_dict(), tensors(tmp_path / "a" / "model")
    assert all(close(after[name], before[name]) for name in before)
    assert any(name.startswith("objectives.bert/nsp.") for name in after)

    classifier = foreign("BertForSequenceClassification")
    assert zoo(arguments(tmp_path / "b", *STILL, variant=str(classifier), steps=1)) == 0
    told = capfd.readouterr().err
    assert f"bert.nsp starts from new weights, its pooler aside: {classifier} has no such layers" in told
    assert "bert.mlm starts from new weights:" in told and f"task of {classifier} is left out" in told
    bare = foreign("BertModel")
    assert zoo(arguments(tmp_path / "c", *STILL, variant=str(bare), steps=1)) == 0
    assert "is left out" not in capfd.readouterr().err
    pooler = tensors(classifier)["bert.pooler.dense.weight"]
    assert close(tensors(tmp_path / "b" / "model")["objectives.bert/nsp.pooler.dense.weight"], pooler)


@pytest.mark.slow
def test_half_precision_is_trained_in_float32(
    foreign: Callable[..., Path], arguments: Arguments, zoo: Zoo, tmp_path: Path
) -> None:
    trained = foreign("BertForPreTraining")
    transformers.BertForPreTraining.from_pretrained(trained).half().save_pretrained(trained)
    assert zoo(arguments(tmp_path / "run", variant=str(trained), steps=2)) == 0
    assert {tensor.dtype for tensor in tensors(tmp_path / "run" / "model").values()} == {torch.float32}


@pytest.mark.slow
def test_stopped_and_resumed_it_ends_with_the_same_bits(
    model: Path, arguments: Arguments, zoo: Zoo, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    command = arguments(folder, "--checkpoint-every", "4", "--keep", "9", variant=str(model), steps=12)
    assert zoo(command) == 0
    whole = (folder / "model" / "model.safetensors").read_bytes()
    for later in ("checkpoints/step-0000000008", "checkpoints/step-0000000012", "model"):
        shutil.rmtree(folder / later)
    assert zoo(command) == 0
    assert (folder / "model" / "model.safetensors").read_bytes() == whole
    lines = list(read_log(folder))
    assert [line["event"] for line in lines].count("start") == 1
    assert [line["step"] for line in lines if line["event"] == "step"] == list(range(1, 13))


@pytest.mark.slow
def test_other_weights_are_another_run(
    model: Path, arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = arguments(tmp_path / "run", variant=str(model), steps=2)
    assert zoo(command) == 0
    changed = encoders.load(model)
    with torch.no_grad():
        changed.embedding.tokens.weight += 1
    encoders.save(changed, model, to="zoo", replace=True)
    assert zoo(command) == 2
    assert "holds another run: it differs in initial_weights" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("exchange", "more", "message"),
    [
        ("+dims.n_layers=3", (), "does not fit the weights in"),
        ("", ("--tokenizer", "TOKENIZER"), "the weights beside it know this tokenizer; leave out --tokenizer"),
        ("-", (), "holds no tokenizer; give the one of its weights with --tokenizer DIR"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_before_anything_is_written(
    exchange: str,
    more: tuple[str, ...],
    message: str,
    model: Path,
    arguments: Arguments,
    zoo: Zoo,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    capfd.readouterr()
    if exchange == "-":
        (model / "tokenizer.json").unlink()
    more = tuple(str(model) if word == "TOKENIZER" else word for word in more)
    assert zoo(arguments(tmp_path / "run", *more, variant=f"{model}{exchange.strip('-')}", steps=2)) == 2
    err = capfd.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and message in err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_weights_without_a_tokenizer_take_a_given_one(
    model: Path, arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = Path(shutil.move(model / "tokenizer.json", tmp_path / "tokenizer.json"))
    folder = tmp_path / "run"
    assert zoo(arguments(folder, "--tokenizer", str(given.parent), *STILL, variant=str(model), steps=1)) == 0
    assert same(tensors(folder / "model"), tensors(model))
