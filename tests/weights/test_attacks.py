"""Files that were made to hang, to cost time or memory, or to steer a terminal: refused in one short line, at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.auditing import audit as session
from zoo.core.errors import LONGEST, ZooError, visible
from zoo.weights.header import MOST_TENSORS

Save = Callable[..., Path]

CATALOG = zoo.Catalog.installed()
CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
SECONDS = 4.0
"""Of processor time, for anything that is refused; the slowest takes a quarter of that alone on a machine."""


def with_header(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Another header over the same tensors."""
    old = (folder / WEIGHTS).read_bytes()
    stop = 8 + int.from_bytes(old[:8], "little")
    described = json.loads(old[8:stop])
    change(described)
    return with_text(folder, json.dumps(described).encode(), old[stop:])


def with_text(folder: Path, text: bytes, data: bytes = b"") -> Path:
    (folder / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + data)
    return folder


def with_config(folder: Path, **changes: Any) -> Path:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def assert_refused(call: Callable[[], object], file: str | None = None) -> str:
    """In one short line that steers no terminal, and soon."""
    began = time.process_time()
    with pytest.raises(ZooError) as caught:
        call()
    message = str(caught.value)
    assert time.process_time() - began < SECONDS
    assert len(message) <= LONGEST and visible(message) == message and message.isprintable()
    assert file is None or file in message
    return message


@pytest.fixture
def folder(save: Save) -> Path:
    return save("BertForSequenceClassification", num_labels=3)


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a socket", "a folder"])
@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, INDEX, "tokenizer_config.json", "provenance.json", "variant.json"])
def test_what_is_no_file_is_refused_and_not_waited_for(name: str, kind: str, folder: Path) -> None:
    (folder / name).unlink(missing_ok=True)
    if name == INDEX:
        (folder / WEIGHTS).unlink()
    if name == "tokenizer_config.json":
        (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    if kind == "a pipe":
        os.mkfifo(folder / name)
    elif kind == "a device":
        (folder / name).symlink_to("/dev/zero")
    elif kind == "a folder":
        (folder / name).mkdir()
    else:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket may have a hundred characters
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
        os.chdir(here)
    assert_refused(lambda: zoo.load(folder), name)
    assert (
        name == "provenance.json"
        or (session.audited(CATALOG, str(folder), session.Settings()).error or "").count(name)
        or name == "tokenizer_config.json"
    )


OUTSIDE = ("/etc/passwd.safetensors", "../x.safetensors", "a/b.safetensors", "x\0.safetensors", "..", "",
           "\x1b[2J.safetensors", ".safetensors", "x" * 10**6 + ".safetensors")  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE, ids=range(len(OUTSIDE)))
def test_an_index_names_files_of_its_folder_alone(path: str, folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": path}}))
    assert "is not the name of a safetensors file in the same folder" in assert_refused(lambda: zoo.load(folder), INDEX)


BIAS = "classifier.bias"
HUGE = 10**6


def described(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda header: header[BIAS].update(changes)


def many(name: str, n: int = MOST_TENSORS - 100) -> Callable[[dict[str, Any]], object]:
    """Many empty tensors."""
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return lambda header: header.update({name.format(n=n): empty for n in range(n)})


HEADERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a size of 4,000 digits": described(shape=[10**3999]),
    "two such sizes": described(shape=[10**3999, 10**3999]),
    "offsets of 4,000 digits": described(data_offsets=[0, 10**3999]),
    "a million dimensions": described(shape=[2] * HUGE),
    "a million sizes of 2": described(shape=[10**18] * 400_000),
    "a type of a million characters": described(dtype="x" * HUGE),
    "a name of a million characters": lambda header: header.update({"encoder." + "x" * HUGE: header.pop(BIAS)}),
    "a name that steers": lambda header: header.update({"\x1b]0;x\x07": header.pop(BIAS)}),
    "a name with a NUL": lambda header: header.update({"a\0b": header.pop(BIAS)}),
    "a name that turns text round": lambda header: header.update({"a\u202eb": header.pop(BIAS)}),
    "metadata that steer": lambda header: header.update({"__metadata__": {"\x1b[2J": 3}}),
    "many names beside the encoder's": many("encoder.layer.0.output.dense.{n}"),
    "more names than are read": many("head.{n}", MOST_TENSORS),
    "many names of layers": many("bert.encoder.layer.{n}.attention.output.LayerNorm.weight"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_attacks_is_refused_soon(case: str, folder: Path) -> None:
    with_header(folder, HEADERS[case])
    assert_refused(lambda: zoo.load(folder), WEIGHTS)
    began = time.process_time()
    session.audited(CATALOG, str(folder), session.Settings())
    assert time.process_time() - began < SECONDS


def test_headers_with_one_key_over_and_over_are_refused_soon(folder: Path) -> None:
    entry = b'":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    keys = [b'"%d' % n + entry for n in range(150_000)]
    with_text(folder, b"{" + b",".join([*keys, keys[-1]]) + b"}")
    assert "'149999' is given twice" in assert_refused(lambda: zoo.load(folder), WEIGHTS)


ESCAPE = "\x1b[31m\x9b2J\u202e" + "x" * HUGE

CONFIGS: dict[str, dict[str, Any]] = {
    "model_type": {"model_type": ESCAPE},
    "architectures": {"architectures": ESCAPE},
    "hidden_act": {"hidden_act": ESCAPE},
    "position_embedding_type": {"position_embedding_type": ESCAPE},
    "problem_type": {"problem_type": ESCAPE},
    "vocab_size": {"vocab_size": ESCAPE},
    "a key": {"id2label": {ESCAPE: "a"}},
    "a million labels": {"id2label": {str(n): "a" for n in range(300_000)}},
    "num_labels": {"id2label": None, "num_labels": 10**19},
    "a number of 4,000 digits": {"hidden_size": 10**3999},
    "tie_word_embeddings": {"tie_word_embeddings": ESCAPE},
    "layers": {"num_hidden_layers": 10**18},
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_attacks_is_refused_soon(case: str, folder: Path) -> None:
    assert_refused(lambda: zoo.load(with_config(folder, **CONFIGS[case])))


def test_what_is_left_out_and_unknown_is_said_without_steering(folder: Path, caplog: Any) -> None:
    with_config(folder, architectures=[ESCAPE])
    zoo.load(folder)
    assert all(record.getMessage().isprintable() and len(record.getMessage()) < LONGEST for record in caplog.records)
    assert caplog.records


def test_labels_and_provenance_steer_no_card(folder: Path, tmp_path: Path) -> None:
    with_config(folder, id2label={"0": "a\x1b[2J", "1": "b\nc", "2": "\u202e"})
    (folder / "provenance.json").write_text(json.dumps({"made_by": "\x1b]0;x\x07", "\x1b[1m": {"a\x9b": [1]}}))
    zoo.save(zoo.load(folder), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert all(line.isprintable() for line in card.split("\n")) and r"\x1b]0;x\x07" in card


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How often each file is opened by Python."""
    opened: Counter[str] = Counter()
    _watching.append(opened)
    try:
        yield opened
    finally:
        _watching.remove(opened)


_watching: list[Counter[str]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    for opened in _watching if event == "open" else ():
        opened[os.path.basename(os.fsdecode(arguments[0])) if not isinstance(arguments[0], int) else ""] += 1


sys.addaudithook(_watch)


@pytest.mark.parametrize("to", ["hf", "zoo"])
def test_a_load_opens_each_file_of_a_folder_once(to: Any, tmp_path: Path) -> None:
    variant = CATALOG.variant("bert-tiny+dims.n_layers=1+dims.vocab_size=80")
    model = CATALOG.build(variant)
    part, options = CATALOG.tokenizer(variant)
    model.tokenizer = part.train(["the cat sat on the mat"] * 9, 80, **options)
    zoo.save(model, tmp_path / "model", to=to)
    with counted() as opened:
        zoo.load(tmp_path / "model")
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert {name: n for name, n in opened.items() if name in files and n > 1} == {}
    assert opened[WEIGHTS] == 1 and opened[CONFIG if to == "hf" else "variant.json"] == 1


N_ROUNDS = 300


@pytest.mark.slow
def test_folders_with_chance_mutations_load_or_are_refused(folder: Path, save: Save, tmp_path: Path) -> None:
    """Bytes, JSON values and keys changed by chance: never anything but ZooError, and soon."""
    sharded = save("BertForMaskedLM", shard="5KB")
    (sharded / WEIGHTS).unlink(missing_ok=True)
    rng = random.Random(0)
    outcomes: Counter[str] = Counter()
    for number in range(N_ROUNDS):
        origin = rng.choice([folder, sharded])
        place = Path(shutil.copytree(origin, tmp_path / f"copy{number}"))
        names = [path.name for path in place.iterdir()]
        mutate(place / rng.choice(names), rng)
        began = time.process_time()
        try:
            zoo.load(place)
            outcomes["loaded"] += 1
        except ZooError as error:
            assert str(error).isprintable() and len(str(error)) <= LONGEST
            outcomes["refused"] += 1
        assert time.process_time() - began < SECONDS
        found = session.audited(CATALOG, str(place), session.Settings())
        assert found.error is None or found.error.isprintable()
        shutil.rmtree(place)
    assert outcomes["loaded"] > 10 and outcomes["refused"] > 100


VALUES = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2**31,
    2**63,
    10**400,
    1e308,
    -0.0,
    "",
    "\0",
    "\x1b[2J",
    "bert",
    [],
    [[]],
    {},
    {"a": 1},
]


def mutate(path: Path, rng: random.Random) -> None:
    """Change a file: a byte of it, its length, or a value or key in its JSON."""
    old = path.read_bytes()
    start = 8 if path.suffix == ".safetensors" else 0
    stop = start + (int.from_bytes(old[:8], "little") if start else len(old))
    if rng.random() < 0.3:
        at = rng.randrange(len(old))
        new = [old[:at], old[:at] + bytes([rng.randrange(256)]) + old[at + 1 :], old + old[at:]][rng.randrange(3)]
        path.write_bytes(new)
        return
    found = json.loads(old[start:stop])
    change(found, rng)
    text = json.dumps(found).encode()
    path.write_bytes((len(text).to_bytes(8, "little") if start else b"") + text + old[stop:])


def change(found: Any, rng: random.Random) -> None:
    """Somewhere in JSON: another value, a key less, a key more."""
    places: list[tuple[Any, Any]] = []
    todo = [found]
    while todo:
        inner = todo.pop()
        items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        places += [(inner, key) for key, _ in items]
        todo += [value for _, value in items if isinstance(value, dict | list)]
    holder, key = rng.choice(places)
    how = rng.randrange(4)
    if how == 0 and isinstance(holder, dict):
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[rng.choice(["a", "\x1b[1m", "x" * 10_000, *map(str, VALUES)])] = holder.pop(key)
    elif how == 2 and type(holder[key]) is int:
        holder[key] += rng.choice([-1, 1, 7, 10**6, 10**19])
    else:
        holder[key] = rng.choice(VALUES)
