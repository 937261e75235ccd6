"""`zoo new`: what is written, and what is refused. tests/registry/test_stranger.py installs and compares it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import chain, combinations
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.typed import typed
from zoo import Layout
from zoo.scaffold.write import CONTENTS
from zoo.testing import DIMS

COMBINATIONS = list(chain.from_iterable(combinations(CONTENTS, n) for n in range(1, len(CONTENTS) + 1)))


@pytest.fixture
def clean_imports() -> Iterator[None]:
    """What is imported from a plugin's folder is forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("zoo_fresh"):
            del sys.modules[name]


@pytest.mark.parametrize("contents", COMBINATIONS, ids=",".join)
def test_what_is_written_is_sorted_formatted_and_named_in_the_last_lines(contents: list[str], tmp_path: Path) -> None:
    longest = "a2345678901234567890"
    done = typed("new", longest, "--with", ",".join(contents), "--out", tmp_path / "new")
    assert done.returncode == 0 and f"next: pip install -e {tmp_path / 'new'}" in done.stdout
    for command in (["check"], ["format", "--check"]):
        ruff = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=tmp_path / "new", capture_output=True)
        assert ruff.returncode == 0, ruff.stdout.decode()
    files = {path.stem for path in (tmp_path / "new" / f"zoo_{longest}").iterdir()}
    assert {"encoder", "objective", "tasks"} & files == {"tasks" if c == "task" else c for c in contents}


@pytest.mark.slow
@pytest.mark.usefixtures("clean_imports")
def test_each_fault_is_found_with_what_to_do_and_the_rest_is_checked(tmp_path: Path) -> None:
    typed("new", "fresh", cwd=tmp_path)
    package = tmp_path / "zoo-fresh" / "zoo_fresh"
    for file, right, wrong in (
        ("__init__.py", "from zoo import", "import torch  # noqa\n\nfrom zoo import"),
        ("encoder.py", "hidden + self.attention(normed, layout)", "hidden.mean(0) + self.attention(normed, layout)"),
        ("objective.py", "predict_tokens(self.head, mixed", "predict_tokens(self.header, mixed"),
        ("formulas.py", "2 * H * F + F + H", "2 * H * F"),
        ("tasks.py", "made up; replace the files in zoo_fresh/data and this line", ""),
    ):
        text = (package / file).read_text()
        assert right in text
        (package / file).write_text(text.replace(right, wrong))
    done = typed("check", "./zoo-fresh", cwd=tmp_path)
    said = " ".join(done.stdout.split())
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for reason in (
        "listing of fresh: torch is imported to list it what to do: name parts and tables",
        "encoder fresh.encoder: a sequence depends on its neighbors in the batch",
        "objective fresh.mixed: AttributeError: 'MixedTokens' object has no attribute 'header'",
        "formula fresh.encoder: it counts",
        "documentation of fresh: what it is and where it is from is not said of task fresh-reviews (citation)",
    ):
        assert reason in said, said
    assert "2 of 8 checks passed" in said and "task fresh-reviews ok" in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My-Encoder", "'My-Encoder' cannot be a plugin's name: use 2 to 20 lower-case letters and digits"),
        ("../up", "'../up' cannot be a plugin's name"),
        ("bert", "'bert' is the name of an installed plugin (encoder-zoo-bert); choose another"),
    ],
)
def test_a_name_that_cannot_be_a_plugins_is_refused_and_nothing_is_written(
    name: str, message: str, tmp_path: Path
) -> None:
    done = typed("new", name, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(f"error: {message}")
    assert not [*tmp_path.iterdir()]


def test_an_existing_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "zoo-fresh").mkdir()
    done = typed("new", "fresh", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: zoo-fresh exists; give the name of a new folder")
    assert not [*(tmp_path / "zoo-fresh").iterdir()]


def test_what_a_plugin_cannot_contain_is_refused(tmp_path: Path) -> None:
    done = typed("new", "fresh", "--with", "encoder,tasks", cwd=tmp_path)
    assert done.returncode == 2 and "'tasks'" in done.stderr and "task" in done.stderr


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("bret", "'bret'"),
        ("./bert", "there is no folder './bert'"),
        ("notes.txt", "notes.txt is a file; name the folder of a plugin's package"),
        ("made", "the plugin 'made' is not installed: pip install -e zoo-made, or zoo check ./zoo-made"),
        (".", "error: . holds no pyproject.toml, so it is no package of a plugin"),
        ("empty", "states no plugin; add one line below [project.entry-points.zoo]"),
        ("broken", "not valid TOML"),
    ],
)
def test_what_is_no_plugin_cannot_be_checked(asked: str, message: str, tmp_path: Path) -> None:
    for name, text in (("empty", "[project]\nname = 'empty'\n"), ("broken", "[project\n"), ("zoo-made", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(text)
    (tmp_path / "notes.txt").touch()
    done = typed("check", asked, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr


@pytest.mark.usefixtures("clean_imports")
def test_the_operations_that_are_written_down_are_those_that_torch_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed("new", "fresh", cwd=tmp_path)
    sys.path.insert(0, str(tmp_path / "zoo-fresh"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    formulas, encoder = import_module("zoo_fresh.formulas"), import_module("zoo_fresh.encoder")
    n, width, sizes = 16, DIMS.hidden_width, {"S": 16, "L": DIMS.n_layers, "H": DIMS.hidden_width, "F": DIMS.ffn_width}
    with FlopCounterMode(display=False) as counter:
        encoder.FreshEncoder(DIMS).eval()(torch.randn(n, width), Layout((n,)))
    attention = 4 * n * n * width * DIMS.n_layers  # of which torch counts nothing on a CPU
    stated = sum((component.flops * component.runs)(sizes) for component in formulas.encoder(DIMS))
    assert stated == counter.get_total_flops() + attention
