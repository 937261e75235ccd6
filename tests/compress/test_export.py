"""Programs for onnxruntime and folders for sentence-transformers, against these libraries and transformers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import sentence_transformers
import torch
import transformers

import zoo
from benchmarks import export_speed
from tests.typed import typed
from zoo import Catalog, ZooError
from zoo.blocks import initialise
from zoo.compress.integers import quantized
from zoo.compress.onnx_file import SHAPES, Exported, program_file
from zoo.compress.program import PaddedProgram
from zoo.compress.pruned import pruned
from zoo.core.batch import Encoding
from zoo.core.compression import Pruning, Quantization
from zoo.core.padded import PaddedLayout
from zoo.core.specs import HeadConfig, Init
from zoo.model import Model
from zoo.tasks.kinds import make_head
from zoo.text.collate import collate
from zoo.train.pruning import importances

VOCABULARY = 50
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
DISTILBERT = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
SIZES = {"vocab_size": VOCABULARY, "max_position_embeddings": 40}

MODELS = {
    "BertForSequenceClassification": (transformers.BertConfig, {**BERT, "num_labels": 3}, ["logits"]),
    "RobertaForMaskedLM": (transformers.RobertaConfig, {**BERT, "pad_token_id": 1}, ["logits"]),
    "DistilBertForTokenClassification": (transformers.DistilBertConfig, {**DISTILBERT, "num_labels": 4}, ["logits"]),
    "BertForQuestionAnswering": (transformers.BertConfig, BERT, ["start_logits", "end_logits"]),
}


def library_model(folder: Path, name: str) -> Any:
    """A random model of the transformers library, saved in a folder."""
    config, sizes, _ = MODELS[name]
    torch.manual_seed(1)
    model = getattr(transformers, name)(config(**SIZES, **sizes, initializer_range=0.3)).eval()
    transformers.logging.disable_progress_bar()
    model.save_pretrained(folder)
    return model


def run(folder: Path, given: dict[str, torch.Tensor]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    wanted = [one.name for one in session.get_inputs()]
    return session.run(None, {name: given[name].numpy() for name in wanted})  # type: ignore[no-any-return]


def padded(n: int, longest: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(n)
    ids = torch.randint(5, VOCABULARY, (n, longest), generator=generator)
    lengths = torch.randint(1, longest + 1, (n, 1), generator=generator)
    lengths[0] = longest
    mask = (torch.arange(longest) < lengths).long()
    types = (torch.arange(longest) >= lengths // 2).long() * mask
    return {"input_ids": torch.where(mask.bool(), ids, 1), "attention_mask": mask, "token_type_ids": types}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_program_gives_what_the_transformers_library_gives(tmp_path: Path, name: str) -> None:
    library, outputs = library_model(tmp_path / "model", name), MODELS[name][2]
    done = zoo.export(tmp_path / "model", tmp_path / "onnx")
    assert isinstance(done, Exported) and list(done.outputs) == outputs
    assert all(difference < 1e-5 for difference in done.largest_difference.values())
    for shape in [(1, 3), (5, 11), (2, 38)]:
        given = padded(*shape)
        with torch.no_grad():
            expected = library(**{name: given[name] for name in done.inputs})
        for output, found in zip(outputs, run(tmp_path / "onnx", given), strict=True):
            wanted = getattr(expected, output).numpy()
            seen = given["attention_mask"].numpy() if wanted.shape[:2] == shape else np.ones(shape[0])
            keep = seen.astype(bool)
            np.testing.assert_allclose(found[keep], wanted[keep], atol=1e-5, rtol=1e-5)


@pytest.fixture
def exported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the test's one model is made once, which takes seconds."""
    kept = tmp_path / "kept.onnx"

    def program(of: PaddedProgram, place: Path) -> Path:
        if not kept.exists():
            shutil.copy(program_file(of, place), kept)
        return Path(shutil.copy(kept, place / "model.onnx"))

    monkeypatch.setattr("zoo.compress.onnx_file.program_file", program)


@pytest.mark.slow
@pytest.mark.usefixtures("exported_once")
def test_a_pruned_model_is_exported_and_smaller_numbers_say_what_they_cost(tmp_path: Path) -> None:
    model, cut = headed("classification"), Pruning(heads=0.5, ffn=0.3)
    model = pruned(model, cut, importances(model, cut), Catalog.installed()).eval()
    assert (model.variant.dims.n_heads, model.variant.dims.head_width) == (2, 32)
    made = {
        name: zoo.export(model, tmp_path / name, precision=name) for name in ("fp32", "fp16", "int8", "int8-weights")
    }
    differences = [its.largest_difference["logits"] for its in made.values() if isinstance(its, Exported)]
    assert differences[0] < 1e-5 < differences[1] < 0.02 and differences[1] < differences[2] < 0.5
    given = padded(3, 9)
    found, expected = (run(tmp_path / name, given)[0] for name in ("fp16", "fp32"))
    assert found.dtype == np.float32 and 0 < np.abs(found - expected).max() < 0.05
    ways: dict[str, Quantization] = {"int8": "int8-dynamic", "int8-weights": "int8-weights"}
    for name, way in ways.items():  # the program that a comparison scores
        (tmp_path / way / "as-compared").mkdir(parents=True)
        quantized(tmp_path / "fp32" / "model.onnx", tmp_path / way / "as-compared" / "model.onnx", way)
        assert np.array_equal(run(tmp_path / way / "as-compared", given)[0], run(tmp_path / name, given)[0])


@pytest.mark.slow
def test_vectors_are_those_of_encode_and_windows_hold_at_every_length(tmp_path: Path) -> None:
    catalog = Catalog.installed()
    tiny = catalog.variants["modernbert-tiny"]
    windowed = tiny.swap("windowed", encoder=tiny.encoder.model_copy(update={"options": {"window": 3}}))
    done = zoo.export(catalog.build(windowed, seed=2), tmp_path / "onnx", vectors=True)
    assert isinstance(done, Exported)
    assert done.outputs == ("last_hidden_state", "sentence_embedding")
    assert max(done.largest_difference.values()) < 1e-5 and max(longest for _, longest in SHAPES) > 3


@pytest.mark.slow
def test_a_command_writes_program_record_and_tokenizer(tmp_path: Path, trained: Path) -> None:
    told = typed("export", trained, tmp_path / "onnx", "--vectors")
    assert told.returncode == 0 and "largest difference from the model" in told.stdout
    record = json.loads((tmp_path / "onnx" / "export.json").read_text())
    assert record["outputs"] == ["last_hidden_state", "sentence_embedding"] and "folder" not in record
    texts = ["a small text", "another text, a longer one"]
    model = zoo.load(trained)
    ids = [model.text_tokenizer.join(ids, None, 64).ids for ids in model.text_tokenizer.encode(texts)]
    width = max(map(len, ids))
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
    rows = torch.tensor([[*row.tolist(), *[0] * (width - len(row))] for row in ids])
    given = {"input_ids": rows, "attention_mask": mask, "token_type_ids": torch.zeros_like(rows)}
    np.testing.assert_allclose(run(tmp_path / "onnx", given)[1], model.encode(texts).numpy(), atol=1e-5)
    again = typed("export", trained, tmp_path / "onnx")
    assert again.returncode == 2 and "exists; give a new name, or allow to replace it" in again.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with a tokenizer, as pre-training leaves it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_text(
        "a small text\nanother text, a longer one\n\nand a third one of a few words\n" * 20
    )
    small = "bert-tiny+dims.n_layers=1+objectives=bert.mlm"
    zoo.pretrain(small, corpus=[folder / "text.txt"], out=folder / "run", steps=2)
    return folder / "run" / "model"


@pytest.mark.parametrize(("pool", "normalize"), [(None, False), ("cls", True), (["mean", "max"], True)])
def test_a_sentence_folder_gives_the_library_the_same_vectors(
    tmp_path: Path, trained: Path, pool: str | list[str] | None, normalize: bool
) -> None:
    zoo.export(trained, tmp_path / "out", to="sentence-transformers", pool=pool, normalize=normalize)
    texts = ["a small text", "another text, a longer one"]
    library = sentence_transformers.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    expected = library.encode(texts, show_progress_bar=False)
    np.testing.assert_allclose(zoo.encode(tmp_path / "out", texts).numpy(), expected, atol=1e-5)
    plain = zoo.encode(trained, texts, pool=pool or "mean", normalize=normalize)
    np.testing.assert_allclose(plain.numpy(), expected, atol=1e-5)


def headed(kind: str, **more: Any) -> Model:
    catalog = Catalog.installed()
    variant = catalog.variants["bert-tiny"]
    head = make_head(variant.dims, HeadConfig(kind=kind, labels=("a", "b"), pooling=variant.head, **more))
    initialise(head, Init(), 1)
    return catalog.build(variant).with_head("task", head)


def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Catalog.installed().build(Catalog.installed().variants["bert-tiny"])
    monkeypatch.setattr(type(tiny.encoder), "forward", lambda _, hidden, layout: hidden * max(layout.lengths))
    for model, problem in (
        (headed("span-classification", pair=True), "reads marked spans"),
        (tiny, "encoder bert.* cannot be exported: it reads the lengths"),
    ):
        with pytest.raises(ZooError, match=problem):
            zoo.export(model, tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()


@pytest.mark.slow
def test_a_causal_language_model_gives_its_vectors(tmp_path: Path) -> None:
    catalog = Catalog.installed()
    made = catalog.build(catalog.variants["gpt-tiny"], seed=1)
    done = zoo.export(made, tmp_path / "onnx")
    assert isinstance(done, Exported) and list(done.outputs) == ["last_hidden_state", "sentence_embedding"]
    ids = torch.tensor([[7, 11, 13, 5]])
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    hidden, _ = run(tmp_path / "onnx", given)
    sequence = Encoding(ids[0].int().numpy(), np.zeros(4, np.int32), np.zeros(4, dtype=bool))
    with made.eval_mode():
        np.testing.assert_allclose(hidden[0], made.hidden(collate([sequence])).numpy(), atol=1e-5)


def test_a_program_that_does_not_run_is_refused_in_onnxruntimes_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no program")
    monkeypatch.setattr("zoo.compress.onnx_file.program_file", lambda *_: tmp_path / "broken.onnx")
    with pytest.raises(ZooError, match=r"bert-tiny .*exported for all batches: \[ONNXRuntimeError\]") as caught:
        zoo.export(headed("classification"), tmp_path / "onnx")
    assert "\n" not in str(caught.value) and not (tmp_path / "onnx").exists()


@pytest.mark.slow
def test_relative_positions_hold_at_every_length(tmp_path: Path) -> None:
    catalog = Catalog.installed()
    done = zoo.export(catalog.build(catalog.variants["deberta-tiny"], seed=1), tmp_path / "onnx")
    assert isinstance(done, Exported) and done.largest_difference["logits"] < 1e-5


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"to": "tflite"}, "onnx"),
        ({"precision": "int4"}, "int8"),
        ({"pool": "mean"}, "pool and normalize are not for onnx"),
        ({"to": "sentence-transformers", "precision": "int8"}, "precision and vectors are not for sentence-tr"),
        ({"to": "sentence-transformers", "pool": "meen"}, "mean"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ZooError, match=problem):
        zoo.export(headed("classification"), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ZooError, match=r"onnxscript is not installed; install .*\[onnx\]"):
        zoo.export(headed("classification"), tmp_path / "out")


def test_padding_counts_in_no_sum_and_keeps_positions() -> None:
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]]).bool()
    layout, packed = PaddedLayout(mask=mask), torch.arange(6.0)[:, None]
    assert layout.sum(packed).flatten().tolist() == [3.0, 3.0]
    assert layout.mean(packed).flatten().tolist() == [1.0, 3.0]
    assert layout.mean(packed, torch.tensor([True, False, True, False, True, True])).flatten().tolist() == [1.0, 0.0]
    assert layout.first(packed).flatten().tolist() == [0.0, 3.0] and layout.last(packed).flatten().tolist() == [
        2.0,
        3.0,
    ]
    assert layout.positions.tolist() == [0, 1, 2] * 2 and layout.sizes.tolist() == [3, 1]


@pytest.mark.slow
def test_the_benchmark_runs_and_all_ways_agree(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo.convert(trained, tmp_path / "hf")
    (tmp_path / "texts").write_text("a small text\nanother text, a longer one\n")
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "hf"), str(tmp_path / "texts"), "--passes", "1"])
    export_speed.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all(float(line.split()[-1]) < 1e-5 for line in lines[:3])
