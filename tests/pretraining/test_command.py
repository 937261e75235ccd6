"""What a run leaves behind, and what is said of mistakes."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.pretraining.conftest import SMALL
from zoo import Catalog
from zoo.pretraining.log import read_log
from zoo.pretraining.request import PretrainRequest, requested

Arguments = Callable[..., list[str]]
Zoo = Callable[[list[str]], int]


def test_a_run_leaves_a_model_a_log_a_curve_and_a_result(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert zoo(arguments(folder, "--evaluate-every", "10")) == 0
    lines = list(read_log(folder))
    steps = [line for line in lines if line["event"] == "step"]
    assert [line["step"] for line in steps] == list(range(1, 31))
    assert set(steps[0]["loss"]) == set(steps[0]["accuracy"]) == {"bert.mlm", "bert.nsp"}  # type: ignore[arg-type]
    assert [line["step"] for line in lines if line["event"] == "evaluation"] == [10, 20, 30]
    result = json.loads((folder / "result.json").read_text())
    assert result["steps"] == 30
    assert result["tokens"] == steps[-1]["tokens"]
    assert 0 < result["held_out"]["bert.mlm"]["accuracy"] < 1
    labels = result["labels"]["bert.nsp"]
    assert set(labels) == {"0", "1"} and sum(labels.values()) > 200
    assert {path.name for path in (folder / "model").iterdir()} == {
        "model.safetensors", "provenance.json", "tokenizer.json", "tokenizer_config.json", "variant.json"
    }  # fmt: skip
    out, err = capfd.readouterr()
    assert "bert.mlm" in out and "perplexity" in out
    assert f"of which an epoch reads {result['share_read']:.1%}" in err and result["share_read"] >= 0.98
    assert "40 documents, 4 of them held out" in err and "held out after step 30" in err
    curve = ElementTree.parse(folder / "curve.svg").getroot()
    assert "bert.nsp" in str(curve.get("aria-label")) and curve.findall(".//{*}path[@class='line d1']")


@pytest.mark.slow
def test_overhead_and_waiting_are_told_apart(arguments: Arguments, zoo: Zoo, tmp_path: Path) -> None:
    assert zoo(arguments(tmp_path / "run")) == 0
    for line in read_log(tmp_path / "run"):
        if line["event"] == "step":
            names = ("seconds", "compute_seconds", "data_wait_seconds")
            seconds, computed, waited = (float(str(line[name])) for name in names)
            assert 0 < computed + waited <= seconds


@pytest.mark.slow
def test_what_the_budget_changes_is_told_field_by_field(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = Catalog.installed().variant("bert-tiny").pretraining
    command = arguments(tmp_path / "run", variant=SMALL.replace("+pretraining.batch_tokens=240", ""), steps=3)
    assert zoo(["--tokens" if word == "--steps" else "0.6k" if word == "3" else word for word in command]) == 0
    shown = capfd.readouterr().err
    assert f"pretraining.tokens: {recipe.tokens} -> 600" in shown
    assert f"pretraining.batch_tokens: {recipe.batch_tokens} -> 24" in shown
    assert f"pretraining.learning_rate: {recipe.learning_rate} -> " in shown


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("+pruning.heads=0.5+adaptation.tokens=5000", "adaptation.tokens, pruning.heads: no part of a pre-training"),
        ("+distillation.teacher=bert-mini", "distillation.teacher: no part of a pre-training"),
        ("+finetuning.steps=9", ""),
    ],
)
def test_fields_that_only_a_comparison_reads_are_told(
    text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, more: str, told: str
) -> None:
    asked = PretrainRequest.of({"corpus": [text], "out": tmp_path / "run", "steps": 3})
    run = requested(Catalog.installed(), SMALL + more, asked)
    warnings = [record.getMessage() for record in caplog.records if "no part of" in record.getMessage()]
    assert [warning.startswith(told) for warning in warnings] == [True] * bool(told)
    assert run.spec.variant.pruning.heads == (0.5 if "pruning" in more else 0)  # comparisons of its folder read it


def test_a_field_that_the_expression_sets_is_not_scaled(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = arguments(tmp_path / "run", steps=3)
    assert zoo(["--tokens" if word == "--steps" else "600" if word == "3" else word for word in command]) == 0
    shown = capfd.readouterr().err
    assert "pretraining.tokens: " in shown and "batch_tokens" not in shown and "learning_rate" not in shown


def test_a_loss_that_is_not_a_number_stops_the_run_with_step_and_documents(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    explosive = ("--set", "pretraining.learning_rate=1e30", "--set", "pretraining.clip_norm=0")
    assert zoo(arguments(tmp_path / "run", *explosive)) == 1
    told = capfd.readouterr().err
    assert "error: the loss of bert.mlm is nan at step 2 of 30, in a batch of documents " in told
    assert "try a lower learning rate" in told


@pytest.mark.slow
def test_a_given_tokenizer_is_taken_and_its_hash_kept(arguments: Arguments, zoo: Zoo, tmp_path: Path) -> None:
    assert zoo(arguments(tmp_path / "one", steps=2)) == 0
    given = str(tmp_path / "one" / "tokenizer")
    assert zoo(arguments(tmp_path / "two", "--tokenizer", given, steps=2)) == 0
    runs = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("one", "two")]
    assert runs[0]["tokenizer"] == "trained" and len(runs[1]["tokenizer"]) == 64
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two")]
    assert results[0]["weights_hash"] == results[1]["weights_hash"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--tokens", "1000"), "--tokens and --steps both set the budget"),
        (("--set", "pretraining.tokens=900"), "--steps and pretraining.tokens both set the budget"),
        (("--batch-tokens", "24"), "--batch-tokens and pretraining.batch_tokens both set the batch"),
        (("--set", "dims.n_layer=3"), "did you mean 'n_layers'?"),
        (("--corpus", "nowhere/*.txt"), "there is no file or folder nowhere/*.txt"),
        (("--held-out", "0.7"), "--held-out"),
        (("--precision", "fp8"), "--precision"),
        (("--device", "cuda"), "finds no such device here"),
        (("--tokenizer", "nowhere"), "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    arguments: Arguments,
    zoo: Zoo,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    message: str,
) -> None:
    assert zoo(arguments(tmp_path / "run", *more)) == 2
    err = capfd.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and message in err
    assert not (tmp_path / "run").exists()


def test_a_tokenizer_without_a_mask_is_refused_before_any_work_unless_nothing_is_hidden(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n", encoding="utf-8")
    more = ("--tokenizer", str(tmp_path), "--held-out", "0")
    assert zoo(arguments(tmp_path / "run", *more)) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "has no mask token, and masking 'bert.static' hides tokens" in err
    assert not (tmp_path / "run").exists()
    unmasked = ("--set", "masking=bert.unmasked", "--set", "objectives=bert.nsp")
    small = "bert-tiny+dims.max_length=64+finetuning.max_length=64"
    assert zoo(arguments(tmp_path / "run", *more, *unmasked, variant=small, steps=1)) == 0


BAD_TEXTS = {
    "empty": (b"\n \n", "there is no text"),
    "not UTF-8": (b"One.\n\nTw\xff.\n", ":3: byte 3 of the line, 0xff, is not UTF-8"),
    "one document": (b"A text. Another. A third.\n", "the corpus has one; separate documents by blank lines"),
    "too little": (b"A\n\nB\n", "makes no passage of this corpus"),
}


@pytest.mark.parametrize("what", BAD_TEXTS)
@pytest.mark.parametrize("there", [False, True])
def test_bad_text_is_one_line_and_leaves_nothing_behind(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str, there: bool
) -> None:
    content, message = BAD_TEXTS[what]
    path, folder = tmp_path / "bad.txt", tmp_path / "new" / "run"
    path.write_bytes(content)
    if there:
        folder.mkdir(parents=True)
    command = [str(path) if word.endswith("text.txt") else word for word in arguments(folder)]
    assert zoo([*command, "--held-out", "0"]) == 2
    err = capfd.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and message in err
    assert folder.parent.exists() == there and not [*folder.rglob("*")]


def test_a_refused_resumption_takes_nothing_away(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert zoo(arguments(folder, steps=2)) == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for more in (("--resume", "--seed", "9"), ("--seed", "9")):
        assert zoo(arguments(folder, *more, steps=2)) == 2
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    capfd.readouterr()


def test_too_few_documents_to_hold_some_out_are_refused(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.txt").write_text("One text, and no other. It has two sentences.")
    command = [str(tmp_path / "short.txt") if word.endswith("text.txt") else word for word in arguments(tmp_path / "r")]
    assert zoo([*command, "--set", "objectives=bert.mlm"]) == 2
    assert "the corpus has 1 documents, too few to hold 2 out" in capfd.readouterr().err


def test_tensorboard_is_an_extra(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert zoo(arguments(tmp_path / "without", "--tensorboard", steps=2)) == 2
    assert "pip install 'encoder-zoo[tensorboard]'" in capfd.readouterr().err


@pytest.mark.slow
def test_tensorboard_reads_back_what_the_log_holds(arguments: Arguments, zoo: Zoo, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert zoo(arguments(tmp_path / "run", "--tensorboard", "--evaluate-every", "2", steps=4)) == 0
    events = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    lines: list[Any] = list(read_log(tmp_path / "run"))
    for name in ("bert.mlm", "bert.nsp"):
        logged = {
            f"loss/{name}": {line["step"]: line["loss"][name] for line in lines if line["event"] == "step"},
            f"accuracy/{name}": {line["step"]: line["accuracy"][name] for line in lines if line["event"] == "step"},
            f"held-out loss/{name}": {
                line["step"]: line[name]["loss"] for line in lines if line["event"] == "evaluation"
            },
        }
        for tag, expected in logged.items():
            assert {event.step: event.value for event in events.Scalars(tag)} == pytest.approx(expected, rel=1e-6)


def test_a_shell_may_have_expanded_the_pattern(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more.txt").write_text("A document more. It has two sentences.")
    command = arguments(tmp_path / "run", steps=2)
    command.insert(command.index("--corpus") + 2, str(tmp_path / "more.txt"))
    assert zoo(command) == 0
    assert "41 documents" in capfd.readouterr().err


@pytest.mark.parametrize("family", ["bert", "roberta", "albert"])
def test_a_corpus_is_told_whatever_its_files(
    family: str, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("One sentence. Another one.\n\nA second document.\n")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write(json.dumps({"text": "A third. It has two."}) + "\n")
    command = ["zoo", "corpus", str(tmp_path), "--variant", f"{family}-tiny", "--cache", str(tmp_path / "cache")]
    assert zoo([*command, "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert (facts["documents"], facts["sentences"], facts["unknown_share"]) == (3, 5, 0.0)
    assert facts["tokens"] >= 14 and facts["share_read"] == 1.0
    assert zoo(command) == 0
    told = capfd.readouterr().out
    assert "2 files, 3 documents, 5 sentences" in told and "an epoch reads 100.0% of the text" in told
