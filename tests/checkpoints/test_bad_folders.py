"""Every way a folder can be broken ends a command with status 2 and one line that names the file; nothing is lost."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from zoo.checkpoints.converting import convert

Run = Callable[..., tuple[int, str, str]]
Break = Callable[[Path], object]

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
BIAS = "bert.encoder.layer.0.output.dense.bias"
TABLE = "bert.embeddings.word_embeddings.weight"


@pytest.fixture(scope="session")
def whole(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the Hugging Face format, to be copied."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    convert(made, folder, to="hf")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def content(change: Callable[[bytes], bytes], name: str = WEIGHTS) -> Break:
    """Other bytes in a file's place."""
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def header(change: Callable[[dict[str, Any]], object]) -> Break:
    """Another header over the same tensors."""

    def break_(folder: Path) -> None:
        found = (folder / WEIGHTS).read_bytes()
        stop = 8 + int.from_bytes(found[:8], "little")
        described = json.loads(found[8:stop])
        change(described)
        text = json.dumps(described).encode()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + found[stop:])

    return break_


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Break:
    """Other tensors in a sound file."""

    def break_(folder: Path) -> None:
        found = {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}
        change(found)
        save_file(found, folder / WEIGHTS)

    return break_


def config(**changes: object) -> Break:
    return content(lambda old: json.dumps({**json.loads(old), **changes}).encode(), CONFIG)


def twice(found: bytes) -> bytes:
    """A header in which one tensor is described a second time."""
    stop = 8 + int.from_bytes(found[:8], "little")
    bias = json.dumps(json.loads(found[8:stop])[BIAS])
    text = found[8:stop].rstrip()[:-1] + f', "{BIAS}": {bias}}}'.encode()
    return struct.pack("<Q", len(text)) + text + found[stop:]


def instead(name: str) -> Break:
    """A folder in a file's place."""
    return lambda folder: [(folder / name).unlink(), (folder / name).mkdir()]


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / WEIGHTS, "w") as archive:
        archive.writestr("data.pkl", b"")


def only_pickle(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


def more_ids(folder: Path) -> None:
    found = json.loads((folder / TOKENIZER).read_text())
    found["model"]["vocab"] |= {"one": 1_000, "more": 1_001}
    (folder / TOKENIZER).write_text(json.dumps(found))


def shift(described: dict[str, Any], by: int) -> None:
    described[BIAS]["data_offsets"][0] += by
    described[BIAS]["data_offsets"][1] += by


NAN, INFINITE = float("nan"), float("inf")

ROWS: dict[str, tuple[Break, str, str]] = {
    "empty": (content(lambda old: b""), WEIGHTS, "has 0 bytes"),
    "huge header": (content(lambda old: struct.pack("<Q", 2**62) + old[8:]), WEIGHTS, "announces a header of"),
    "truncated": (content(lambda old: old[:-100]), WEIGHTS, "is cut short"),
    "truncated header": (content(lambda old: old[:100]), WEIGHTS, "download it again"),
    "trailing bytes": (content(lambda old: old + b"\0"), WEIGHTS, "1 bytes after its last tensor"),
    "overlap": (header(lambda d: shift(d, -4)), WEIGHTS, "overlaps"),
    "hole": (header(lambda d: shift(d, 4)), WEIGHTS, "hole"),
    "shape overflow": (header(lambda d: d[BIAS].update(shape=[2**63, 2**63])), WEIGHTS, "are reserved"),
    "negative dimension": (header(lambda d: d[BIAS].update(shape=[-32])), WEIGHTS, "not whole numbers from 0"),
    "unknown type": (header(lambda d: d[BIAS].update(dtype="F7")), WEIGHTS, "has the type 'F7'; known: F64"),
    "a pickle": (content(lambda old: pickle.dumps({"a": 1})), WEIGHTS, "is a pickle, whatever its name says"),
    "a zip": (zipped, WEIGHTS, "is a zip archive"),
    "a tensor twice": (content(twice), WEIGHTS, f"'{BIAS}' is given twice"),
    "NaN": (tensors(lambda t: t[BIAS].fill_(NAN)), WEIGHTS, f"{BIAS}' holds NaN or infinite values"),
    "infinite": (tensors(lambda t: t[BIAS].fill_(INFINITE)), WEIGHTS, f"{BIAS}' holds NaN or infinite values"),
    "integers": (tensors(lambda t: t.update({BIAS: t[BIAS].long()})), WEIGHTS, f"{BIAS} holds I64, not floats"),
    "missing": (tensors(lambda t: t.pop(BIAS)), WEIGHTS, "missing: encoder.layer.0.output.dense.bias"),
    "extra": (
        tensors(lambda t: t.update({"bert.encoder.stray": torch.ones(2)})),
        WEIGHTS,
        "not known: encoder.stray",
    ),
    "misshapen": (tensors(lambda t: t.update({BIAS: torch.ones(31)})), WEIGHTS, f"{BIAS} has the shape [31], not [32]"),
    "a folder": (instead(WEIGHTS), WEIGHTS, "Is a directory"),
    "control characters": (header(lambda d: d.update({"a\x1b[31m\n": d.pop(BIAS)})), WEIGHTS, "control characters"),
    "a trillion rows": (
        header(lambda d: d[TABLE].update(shape=[10**12, 32])),
        WEIGHTS,
        "takes 128,000,000,000,000 bytes",
    ),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), WEIGHTS, "holds no model.safetensors"),
    "only a pickle": (only_pickle, "pytorch_model.bin", "convert it once"),
    "unknown model type": (config(model_type="brat"), CONFIG, "did you mean 'bert'?"),
    "a trillion rows asked for": (config(vocab_size=10**12), CONFIG, "vocab_size cannot be used"),
    "not JSON": (content(lambda old: old[:-9], CONFIG), CONFIG, "not valid JSON"),
    "NaN in the config": (content(lambda old: b'{"hidden_size": NaN}', CONFIG), CONFIG, "NaN is no JSON number"),
    "5,000 digits": (content(lambda old: b'{"a": ' + b"9" * 5_000 + b"}", CONFIG), CONFIG, "not valid JSON"),
    "deep JSON": (content(lambda old: b'{"a": ' + b"[" * 100_000, CONFIG), CONFIG, "nested too deeply"),
    "half a surrogate": (content(lambda old: b'{"model_type": "\\ud800"}', CONFIG), CONFIG, "surrogate"),
    "a list": (content(lambda old: b"[]", CONFIG), CONFIG, "should hold a JSON object"),
    "a config that is a folder": (instead(CONFIG), CONFIG, "Is a directory"),
    "no config": (lambda folder: (folder / CONFIG).unlink(), CONFIG, "holds no model"),
    "a tokenizer of another model": (more_ids, TOKENIZER, "ids and the model"),
    "a broken tokenizer": (
        content(lambda old: old[:-100], TOKENIZER),
        TOKENIZER,
        "not a tokenizer of the Hugging Face",
    ),
    "a tokenizer of another family": (
        content(lambda old: old.replace(b'"WordPiece"', b'"BPE"'), TOKENIZER),
        TOKENIZER,
        "tokenizer",
    ),
    "a tokenizer config that is none": (
        content(lambda old: b'{"do_lower_case": 3}', "tokenizer_config.json"),
        "tokenizer_config.json",
        "should be true or false",
    ),
}


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def assert_refused(run: Run, file: str, message: str, tmp_path: Path, *command: object) -> None:
    before = tree(tmp_path)
    status, out, err = run(*command)
    assert (status, out) == (2, ""), err
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err
    assert file in err and message in err
    assert tree(tmp_path) == before


@pytest.mark.parametrize("row", ROWS)
def test_a_broken_folder_is_refused_and_nothing_written(row: str, folder: Path, tmp_path: Path, run: Run) -> None:
    break_, file, message = ROWS[row]
    break_(folder)
    assert_refused(run, file, message, tmp_path, "convert", folder, tmp_path / "out")


COMMANDS: dict[str, tuple[object, ...]] = {
    "encode": ("encode", "MODEL", "--text", "texts.txt", "--out", "vectors.safetensors"),
    "fill": ("fill", "MODEL", "the [MASK]"),
    "predict": ("predict", "MODEL", "texts.txt", "--task", "sst2"),
    "convert": ("convert", "MODEL", "here", "--replace"),
    "show": ("show", "MODEL"),
    "show an exchange": ("show", "MODEL+dims.dropout=0.0"),
    "show a difference": ("show", "bert-tiny", "MODEL"),
    "audit": ("audit", "MODEL"),
    "compare": ("compare", "MODEL", "bert-tiny", "--tasks", "micro-acceptability", "--out", "run"),
    "pretrain": ("pretrain", "MODEL", "--corpus", "texts.txt", "--out", "run", "--steps", "2"),
}


@pytest.mark.parametrize("row", ["truncated", "not JSON"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_alike(
    command: str, row: str, folder: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("sentence\tlabel\nthe cat\t1\n")
    (tmp_path / "vectors.safetensors").write_text("older")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "thesis.tex").write_text("years of work")
    break_, file, message = ROWS[row]
    break_(folder)
    words = [str(word).replace("MODEL", str(folder)) for word in COMMANDS[command]]
    assert_refused(run, file, message, tmp_path, *words)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "No such file"),
        (b"good\n\xff\n", "texts.txt:2: byte 1 of the line, 0xff, is not UTF-8"),
        (b"a\n\nb\0c\n", "texts.txt:3: a NUL at character 2"),
    ],
)
def test_a_text_that_cannot_be_read_leaves_the_older_vectors(
    found: bytes | None, message: str, folder: Path, tmp_path: Path, run: Run
) -> None:
    if found is not None:
        (tmp_path / "texts.txt").write_bytes(found)
    (tmp_path / "v.safetensors").write_text("older")
    command = ("encode", folder, "--text", tmp_path / "texts.txt", "--out", tmp_path / "v.safetensors")
    assert_refused(run, "texts.txt", message, tmp_path, *command)


@pytest.mark.parametrize("name", ["variant.json", "objectives.json"])
def test_a_broken_record_of_the_zoos_own_is_refused(name: str, trained: Path, tmp_path: Path, run: Run) -> None:
    for found in (b"", b"{}x", b'{"names": 3}', b"[" * 100_000, b'{"unknown": 1}', b'{"names": ["nothing.such"]}'):
        (trained / name).write_bytes(found)
        assert_refused(run, name, name, tmp_path, "convert", trained, tmp_path / "out")
    (trained / name).unlink()
    (trained / name).mkdir()
    assert_refused(run, name, "Is a directory", tmp_path, "convert", trained, tmp_path / "out")


@pytest.mark.slow
def test_a_shell_sees_the_same(folder: Path, tmp_path: Path) -> None:
    content(lambda old: old[:-100])(folder)
    command = [sys.executable, "-m", "zoo", "convert", str(folder), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {folder / WEIGHTS}: is cut short") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_user_is_refused(folder: Path, tmp_path: Path, run: Run) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / WEIGHTS).chmod(0)
    assert_refused(run, WEIGHTS, "Permission denied", tmp_path, "convert", folder, tmp_path / "out")


def test_unknown_keys_of_a_config_are_no_mistake(folder: Path) -> None:
    config(my_key={"a": [1]})(folder)
    assert zoo.load(folder).origin is not None
