"""Vectors and predictions: in Python and on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file

import zoo
from tests.inference.conftest import Make, Run
from zoo import model as model_module
from zoo.api import models
from zoo.core.errors import ZooError
from zoo.core.files import is_device
from zoo.inference.vector_file import VectorFile
from zoo.model import Model
from zoo.progress import Pace
from zoo.tasks.scoring import score
from zoo.text import encoding

TEXTS = ["the capital of france is paris.", "", "a b ac", "paris is the capital of the capital", "a"] * 3


def test_vectors_come_in_order_however_they_are_windowed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.load(make("BertModel"))
    whole = model.encode(TEXTS)
    monkeypatch.setattr(model_module, "WINDOW", 4)
    monkeypatch.setattr(encoding, "BATCH_TOKENS", 9)
    torch.testing.assert_close(model.encode(iter(TEXTS)), whole, atol=2e-6, rtol=0)


def test_passes_in_bf16_give_nearly_the_vectors_of_fp32_and_write_their_precision(
    make: Make, zoo_command: Run, tmp_path: Path
) -> None:
    folder = make("BertModel")
    exact, rounded = zoo.encode(folder, TEXTS), zoo.encode(folder, TEXTS, precision="bf16")
    assert rounded.dtype == torch.float32
    # bf16 keeps 8 bits: 2**-9 of numbers near 1, over a few layers
    assert 0 < (exact - rounded).abs().max() < 0.05
    (tmp_path / "texts.txt").write_text("\n".join(text for text in TEXTS if isinstance(text, str)) + "\n")
    written = tmp_path / "vectors.safetensors"
    assert (
        zoo_command("encode", folder, "--text", tmp_path / "texts.txt", "--out", written, "--precision", "bf16")[0] == 0
    )
    with safe_open(written, "pt") as file:
        said = file.metadata()
    assert said["precision"] == "bf16" and said["device"].startswith("cpu (") and said["kernels"] == "sdpa by length"


def test_a_precision_that_this_processor_lacks_is_refused_in_a_line(
    make: Make, zoo_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    command = ("fill", make("BertForMaskedLM"), "Paris is in [MASK].", "--device", "cpu", "--precision", "fp16")
    told = "error: --precision fp16: this processor has no fp16 instructions and would be slower; give bf16 or fp32\n"
    assert zoo_command(*command) == (2, "", told)
    with pytest.raises(ZooError, match="'half' is not a precision"):
        zoo.encode(make("BertModel"), "Paris", precision="half")  # type: ignore[arg-type]


def test_no_more_texts_are_read_than_a_window_holds(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "WINDOW", 4)
    taken = 0

    def endless():  # type: ignore[no-untyped-def]
        nonlocal taken
        while True:
            taken += 1
            yield "a b"

    stream = zoo.load(make("BertModel")).embed(endless())
    next(stream), next(stream)
    assert taken == 8


def test_training_goes_on_as_before_after_encoding(make: Make) -> None:
    model = zoo.load(make("BertModel")).train()
    found = model.encode(["a"])
    assert model.training and not found.requires_grad


def test_the_command_writes_what_the_call_gives(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    folder = make("BertModel")
    model = zoo.load(folder)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    for pool in ("mean", "cls", "none"):
        out = tmp_path / f"{pool}.safetensors"
        status, said, _ = zoo_command("encode", folder, "--text", tmp_path / "texts.txt", "--pool", pool, "--out", out)
        assert status == 0 and "15 vectors" in said
        found = load_file(out)
        if pool == "none":
            parts = found["vectors"].split(found["lengths"].tolist())
            pooled = torch.stack([part.mean(0) for part in parts])
            torch.testing.assert_close(pooled, model.encode(TEXTS), atol=2e-6, rtol=0)
        else:
            torch.testing.assert_close(found["vectors"], model.encode(TEXTS, pool=pool), atol=0, rtol=0)  # type: ignore[arg-type]


def test_a_line_may_hold_a_pair(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    folder = make("BertModel")
    (tmp_path / "pairs.tsv").write_text("a b\tparis\nthe\t\n")
    status, _, _ = zoo_command(
        "encode", folder, "--text", tmp_path / "pairs.tsv", "--pairs", "--out", tmp_path / "x.safetensors"
    )
    expected = zoo.load(folder).encode([("a b", "paris"), ("the", "")])
    assert status == 0 and torch.equal(load_file(tmp_path / "x.safetensors")["vectors"], expected)
    (tmp_path / "pairs.tsv").write_text("a b\tparis\nalone\n")
    status, _, said = zoo_command(
        "encode", folder, "--text", tmp_path / "pairs.tsv", "--pairs", "--out", tmp_path / "y.safetensors"
    )
    assert status == 2 and "pairs.tsv:2: has 1 texts" in said
    assert not list(tmp_path.glob("*y.safetensors*"))


def test_a_device_or_pipe_is_written_to_and_never_replaced(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    pipe, lines = tmp_path / "pipe", tmp_path / "t.txt"
    lines.write_text("a\n")
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    folder = make("BertForSequenceClassification", id2label={0: "no", 1: "yes"})
    assert zoo_command("predict", folder, lines, "--out", pipe)[:2] == (0, f"1 predictions: {pipe}\n")
    assert os.read(end, 100).startswith(b"index\tprediction\tprobability\n0\t")
    status, _, told = zoo_command("encode", folder, "--text", lines, "--out", pipe)
    assert (status, told) == (2, f"error: {pipe} is a pipe or a device; give the name of a file\n")
    with pytest.raises(ZooError, match="pipe is a pipe or a device; give the name of a folder"):
        zoo.save(zoo.load(folder), pipe, replace=True)
    assert pipe.is_fifo()
    assert is_device(Path("/dev/null"))
    os.close(end)


def test_vectors_are_not_written_under_the_name_of_another_format(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    (tmp_path / "t.txt").write_text("a\n")
    out = tmp_path / "x.npy"
    status, _, told = zoo_command("encode", make("BertModel"), "--text", tmp_path / "t.txt", "--out", out)
    assert status == 2 and not out.exists()
    assert told == f"error: {out}: vectors are written as safetensors; name the file x.safetensors\n"


def test_a_file_that_fails_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    with VectorFile(path, 3, several=False) as file:
        file.add([torch.ones(3)])
    before = path.read_bytes()
    with pytest.raises(RuntimeError), VectorFile(path, 3, several=False) as file:
        file.add([torch.zeros(3)])
        raise RuntimeError
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_model_without_a_tokenizer_reads_no_text(make: Make) -> None:
    folder = make("BertModel")
    (folder / "vocab.txt").unlink()
    with pytest.raises(
        ZooError, match=r"there is no tokenizer in .*BertModel, so the model 'BertModel' cannot read text"
    ):
        zoo.load(folder).encode(["a"])


def sst2(folder: Path) -> Path:
    path = folder / "items.tsv"
    path.write_text("sentence\tlabel\nthe capital\t1\nparis is a b\t0\nac\t1\n")
    return path


@pytest.mark.parametrize("labels", [{0: "LABEL_0", 1: "LABEL_1"}, {0: "1", 1: "0"}])
def test_predictions_are_the_tasks_words(labels: dict[int, str], make: Make, tmp_path: Path, zoo_command: Run) -> None:
    folder = make("BertForSequenceClassification", id2label=labels)
    theirs = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    texts = ["the capital", "paris is a b", "ac"]
    with torch.no_grad():
        ids = [int(theirs(**tokenizer(text, return_tensors="pt")).logits.argmax()) for text in texts]
    words = [labels[index].removeprefix("LABEL_") for index in ids]
    status, said, scores = zoo_command("predict", folder, sst2(tmp_path), "--task", "sst2")
    assert status == 0
    assert said.splitlines() == ["index\tprediction", *(f"{place}\t{word}" for place, word in enumerate(words))]
    task = zoo.Catalog.installed().task("sst2")
    expected = score(task, [1, 0, 1], [int(word) for word in words])["accuracy"]
    assert f"accuracy {expected:.4f}" in scores


@pytest.mark.parametrize(
    ("head", "config", "task", "message"),
    [
        ("BertModel", {}, "sst2", "has no task head"),
        ("BertForTokenClassification", {}, "sst2", "the model's is of kind 'token-classification'"),
        (
            "BertForSequenceClassification",
            {"num_labels": 3},
            "sst2",
            "labels are LABEL_0, LABEL_1, LABEL_2, and those of",
        ),
        ("BertForSequenceClassification", {}, "stsb", "must be a header that names sentence1, sentence2, score"),
        ("BertForSequenceClassification", {}, "sst", "did you mean 'sst2'"),
    ],
)
def test_a_head_of_another_task_is_refused(
    head: str,
    config: dict[str, object],
    task: str,
    message: str,
    make: Make,
    tmp_path: Path,
    zoo_command: Run,
) -> None:
    status, _, said = zoo_command("predict", make(head, **config), sst2(tmp_path), "--task", task)
    assert status == 2 and message in said


def test_a_text_longer_than_the_model_is_cut_and_a_longer_limit_refused(make: Make) -> None:
    model = zoo.load(make("BertModel"))
    assert model.encode(["a " * 500]).shape == (1, 15)
    with pytest.raises(ZooError, match="max_length=25 is more than the 24 positions"):
        model.encode(["a"], max_length=25)


def test_one_text_has_one_vector(make: Make) -> None:
    model = zoo.load(make("BertModel"))
    assert torch.equal(model.encode("a b"), model.encode(["a b"])[0])
    assert model.encode("").shape == (15,) and model.encode([]).shape == (0, 15)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("a", "b"), "a tuple of texts may mean a pair or several texts; give a list"),
        (["a", b"b"], "item 1 is b'b'; it should be a text, or a tuple of two texts for a pair"),
        ([None], "item 0 is None"),
        (["a", ["a", "b"]], r"item 1 is \['a', 'b'\]"),
        ([("a", "b", "c")], "item 0 is "),
        ([("a", 3)], "item 0 is "),
        (["a"] * 600 + [3], "item 600 is 3"),
        (b"ab", "item 0 is 97"),
        (["a"] * 600 + ["\ud83d"], "item 600 holds half of a surrogate pair"),
        ([("a", "\ud83d")], "item 0 holds half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(texts: object, message: str, make: Make) -> None:
    with pytest.raises(ZooError, match=message):
        zoo.load(make("BertModel")).encode(texts)  # type: ignore[arg-type]


def test_a_tuple_is_a_pair_in_a_tuple_as_in_a_list(make: Make) -> None:
    model = zoo.load(make("BertModel"))
    assert torch.equal(model.encode((("a", "b"), ("b", "a"))), model.encode([("a", "b"), ("b", "a")]))


def test_a_vector_for_each_token_is_not_one_for_each_text(make: Make) -> None:
    with pytest.raises(ZooError, match="a vector per token is not one per text"):
        zoo.load(make("BertModel")).encode(["a"], pool="none")


def test_what_encode_cuts_is_said(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    path = tmp_path / "t.txt"
    path.write_text("a " * 22 + "\n" + "a " * 23 + "\n" + "a " * 600 + "\n")
    out = tmp_path / "v.safetensors"
    status, said, told = zoo_command("encode", make("BertModel"), "--text", path, "--out", out)
    assert (status, said) == (0, f"3 vectors: {out}\n")
    assert told.startswith("2 of 3 items were cut to 24 tokens\ncpu (")


def test_what_predict_cuts_for_a_task_is_said(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    path = tmp_path / "items.tsv"
    path.write_text("sentence\n" + "a " * 40 + "\n" + "a\n" * 6)
    folder = make("BertForSequenceClassification", id2label={0: "0", 1: "1"})
    assert "1 of 7 items were cut to 24 tokens\n" in zoo_command("predict", folder, path, "--task", "sst2")[2]


def test_the_bar_counts_texts_that_have_their_vectors_and_not_those_that_are_read(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces: list[Pace] = []
    seen: list[float] = []

    class Kept(Pace):
        def __init__(self, total: float) -> None:
            super().__init__(total)
            paces.append(self)

    def told(model: Model, texts: Iterable[Any], config: Any) -> Iterator[Any]:
        (window,) = embed(model, texts, config)
        seen.append(paces[0].done)
        yield window

    embed = Model.embed
    monkeypatch.setattr(Model, "embed", told)
    monkeypatch.setattr(models, "Pace", Kept)
    (tmp_path / "lines.txt").write_text("the capital\nof france .\n")
    assert zoo.encode_file(make("BertModel"), tmp_path / "lines.txt", tmp_path / "v.safetensors") == 2
    assert seen == [0.0] and paces[0].done == paces[0].total == 24
