"""Fetching a suite from a server on this machine that plays the hub."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow
import pyarrow.parquet
import pytest

import zoo
from tests.documentation.workplace import type_

pytest.importorskip("huggingface_hub")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = ("entailment", "not_entailment")
FEATURES = {"info": {"features": {"label": {"names": list(NAMES), "_type": "ClassLabel"}}}}


def shard(n: int, labelled: bool = True) -> bytes:
    """A split of RTE as the data sets library stores it."""
    columns = {
        "sentence1": [f"The {i} cooks sang. " for i in range(n)],
        "sentence2": ["Cooks sang."] * n,
        "label": [i % 2 if labelled else -1 for i in range(n)],
    }
    table = pyarrow.table(columns).replace_schema_metadata({"huggingface": json.dumps(FEATURES)})
    pyarrow.parquet.write_table(table, file := io.BytesIO())
    return file.getvalue()


FILES = {
    "README.md": b"---\nlicense:\n- other\n---\nGLUE\n",
    "rte/train-00000-of-00001.parquet": shard(8),
    "rte/validation-00000-of-00001.parquet": shard(4),
    "rte/test-00000-of-00001.parquet": shard(3, labelled=False),
    "ax/test-00000-of-00001.parquet": shard(2),
    "mrpc/../../evil.parquet": b"evil",
}


class Hub(BaseHTTPRequestHandler):
    """A hub with one repository; files in `damaged` are sent with another byte at the end, `asked` are those sent."""

    damaged: set[str] = set()  # noqa: RUF012
    asked: list[str] = []  # noqa: RUF012
    cut: set[str] = set()  # noqa: RUF012

    def do_HEAD(self) -> None:
        self.answer(alone=True)

    def do_GET(self) -> None:
        self.answer(alone=False)

    def answer(self, alone: bool) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/datasets/nyu-mll/glue/revision/main"):
            self.send(json.dumps(described()).encode(), {"Content-Type": "application/json"}, alone)
        elif (name := path.partition(f"/resolve/{COMMIT}/")[2]) in FILES:
            self.file(name, alone)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RevisionNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def file(self, name: str, alone: bool) -> None:
        content = FILES[name][:-1] + b"!" if name in self.damaged else FILES[name]
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if not alone:
            self.asked.append(f"{name}@{start}")
        headers = {
            "ETag": f'"{hashlib.sha256(FILES[name]).hexdigest()}"',
            "X-Repo-Commit": COMMIT,
            "Accept-Ranges": "bytes",
        }
        self.send(content, headers, alone, start=start, stops=name in self.cut and not start)

    def send(self, content: bytes, headers: dict[str, str], alone: bool, start: int = 0, stops: bool = False) -> None:
        self.send_response(206 if start else 200)
        if start:
            headers = {**headers, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if not alone:
            self.wfile.write(content[start : len(content) // 2] if stops else content[start:])
            self.close_connection = stops

    def log_message(self, *said: Any) -> None:
        pass


def described() -> dict[str, Any]:
    """What the hub says of the repository."""
    siblings = []
    for name, content in FILES.items():
        blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        its: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob}
        if name.endswith(".parquet"):
            its["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 100}
        siblings.append(its)
    return {"id": "nyu-mll/glue", "sha": COMMIT, "siblings": siblings, "cardData": {"license": ["other"]}}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    Hub.damaged, Hub.asked, Hub.cut = set(), [], set()
    yield Hub
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_fetched_is_what_the_data_option_reads(
    hub: type[Hub], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type_("zoo", "data", "glue", "--out", str(tmp_path / "data"), "--only", "rte") == 0
    out = capsys.readouterr().out
    assert "license, as its README says: other" in out and f"nyu-mll/glue@{COMMIT[:12]}" in out
    assert f"next: zoo compare --tasks rte --data {tmp_path / 'data'}" in out
    splits = zoo.Catalog.installed().task("rte").load(tmp_path / "data").splits
    assert {split: [item.label for item in items] for split, items in splits.items()} == {
        "train": [0, 1] * 4,
        "dev": [0, 1] * 2,
        "test": [None] * 3,
    }
    assert splits["dev"][1].first == "The 1 cooks sang."
    source = json.loads((tmp_path / "data" / "SOURCE.json").read_text())
    assert source["commit"] == COMMIT and len(source["files"]) == 4
    assert not (tmp_path / "evil.parquet").exists() and not (tmp_path / "data" / "ax").exists()


def test_files_that_are_there_and_whole_are_not_fetched_again(hub: type[Hub], tmp_path: Path) -> None:
    zoo.fetch_data("glue", tmp_path, only=["rte"])
    train = tmp_path / "rte" / "train-00000-of-00001.parquet"
    train.write_bytes(b"x" * train.stat().st_size)
    hub.asked = []
    assert zoo.fetch_data("glue", tmp_path, only=["rte"]).n_kept == 3
    assert hub.asked == ["rte/train-00000-of-00001.parquet@0"]


def test_a_file_that_was_cut_off_goes_on_where_it_stopped(
    hub: type[Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 64)  # what is kept is whole chunks
    name = "rte/train-00000-of-00001.parquet"
    hub.cut = {name}
    assert len(zoo.fetch_data("glue", tmp_path, only="rte").files) == 4
    kept = len(FILES[name]) // 2 // 64 * 64
    assert [asked for asked in hub.asked if asked.startswith(name)] == [f"{name}@0", f"{name}@{kept}"]


def test_a_file_with_another_hash_is_removed(hub: type[Hub], tmp_path: Path) -> None:
    hub.damaged = {"rte/test-00000-of-00001.parquet"}
    with pytest.raises(zoo.RunFailed, match="is not the file whose hash the hub states"):
        zoo.fetch_data("glue", tmp_path, only="rte")
    assert not (tmp_path / "rte" / "test-00000-of-00001.parquet").exists()
    assert not (tmp_path / "SOURCE.json").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["gleu"], 2, "'gleu' is not a suite that can be fetched; did you mean 'glue'?"),
        (["glue", "--only", "rtee"], 2, "'rtee' is not a data set of glue; did you mean 'rte'?"),
        (["glue", "--revision", "other"], 2, "the hub has no nyu-mll/glue at revision 'other'"),
        (["glue"], 1, "nyu-mll/glue has no Parquet files of cola at main"),
    ],
)
def test_a_mistake_is_one_line(
    hub: type[Hub], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert type_("zoo", "data", *words, "--out", str(tmp_path)) == status
    err = capsys.readouterr().err
    assert err.startswith(f"error: {said}") and err.count("\n") == 1


def test_a_hub_that_cannot_be_reached_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert type_("zoo", "data", "glue", "--out", str(tmp_path)) == 1
    assert capsys.readouterr().err.startswith("error: cannot download nyu-mll/glue: ")
