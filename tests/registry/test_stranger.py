"""The plugin of docs/writing-a-variant.md, word for word, installed with pip in a fresh virtual environment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.tasks.microworld import documents

pytestmark = pytest.mark.slow


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "writing-a-variant.md").read_text()

Run = Callable[..., subprocess.CompletedProcess[str]]


def block(language: str, heading: str) -> str:
    """The first block of a language after a line of the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE[PAGE.index(heading) :], re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A fresh environment that borrows this one's libraries; it has pip, and nobody's plugin but the families'."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    borrowed = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / "borrowed.pth"
    borrowed.write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "bin" / "python"), *arguments]
        return subprocess.run(command, cwd=cwd or folder, capture_output=True, text=True, timeout=300)

    return run


def install(python: Run, folder: Path, plugins: dict[str, str]) -> None:
    """Install plugins of one file each with pip."""
    for name, code in plugins.items():
        (folder / name).mkdir()
        (folder / name / "pyproject.toml").write_text(block("toml", "## 1").replace("parallel", name))
        (folder / name / f"zoo_{name}.py").write_text(code)
    places = [f"./{name}" for name in plugins]
    done = python("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *places, cwd=folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(python: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    install(python, tmp_path_factory.mktemp("plugins"), {"parallel": block("python", "`zoo_parallel.py`")})
    return python


def test_the_plugin_of_the_page_has_at_most_forty_lines() -> None:
    assert len(block("python", "`zoo_parallel.py`").splitlines()) <= 40


def test_its_variant_and_encoder_are_listed_at_once(installed: Run) -> None:
    variants = json.loads(installed("-m", "zoo", "list", "variants", "--json").stdout)
    assert "parallel-tiny" in [variant["name"] for variant in variants]
    parts = json.loads(installed("-m", "zoo", "list", "parts", "--json").stdout)
    assert {"name": "parallel.stack", "kind": "encoder", "plugin": "parallel (zoo-parallel 0.1.0)"} in parts


def test_its_difference_is_shown(installed: Run) -> None:
    rows = json.loads(installed("-m", "zoo", "show", "bert-tiny", "parallel-tiny", "--json").stdout)
    assert {"field": "encoder", "bert-tiny": "bert.stack", "parallel-tiny": "parallel.stack"} in rows


def test_it_passes_the_conformance_checks(installed: Run) -> None:
    done = installed("-c", block("python", "## 3") + "\n    print(check)")
    assert done.stdout.splitlines() == ["encoder parallel.stack", "variant parallel-tiny"], done.stderr


def test_it_takes_part_in_a_comparison(installed: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join("\n".join(document) for document in documents(300, seed=0)))
    steps = ["--pretrain-tokens", "2000", "--finetune-steps", "2", "--seeds", "1", "--workers", "0"]
    budget = [*steps, "--tasks", "micro-sentiment", "--corpus", str(text)]
    out = tmp_path / "run"
    done = installed("-m", "zoo", "compare", "bert-tiny", "parallel-tiny", *budget, "--out", str(out))
    assert done.returncode == 0, done.stderr
    scores = json.loads((out / "results.json").read_text())["scores"]
    assert 0 <= scores["parallel-tiny"]["micro-sentiment"]["mean"] <= 1


HOOK = "from zoo import Offers, hookimpl\n\n\n@hookimpl\ndef zoo_offers():\n    return Offers({})\n"
BROKEN = {
    "raises": 'raise RuntimeError("it is broken")\n',
    "leaves": "raise SystemExit(3)\n",
    "misspells": HOOK.format("api_version=1, encodrs={}"),
    "mistypes": HOOK.format("api_version=1, encoders=[1]"),
    "repeats": HOOK.format('api_version=1, encoders={"bert.stack": "a:B"}'),
    "foresees": HOOK.format("api_version=2, quantizers={}"),
    "remembers": "from zoo import hookimpl\n\n\n@hookimpl\ndef zoo_encoders():\n    return {}\n",
}
REASONS = {
    "raises": "import: RuntimeError: it is broken",
    "leaves": "import: SystemExit: 3",
    "misspells": "zoo_offers: ValidationError: 'encodrs' is not a field of Offers; did you mean 'encoders'?",
    "mistypes": "zoo_offers: ValidationError: encoders: it should be a dict of name to class or 'module:Name'; got [1]",
    "foresees": "api version: it was made for version 2 of the plugin API, and encoder-zoo 0.1.0 offers version 1",
    "remembers": "hooks: it is written for an older zoo: zoo_encoders is no hook any more; return one ",
    "repeats": "names: its encoder 'bert.stack' should be called 'repeats.<part>'",
}


def test_broken_plugins_are_told_with_their_origin_and_leave_everything_else_working(
    python: Run, tmp_path: Path
) -> None:
    install(python, tmp_path, BROKEN)
    done = python("-m", "zoo", "plugins", "--json")
    failed = {row["plugin"]: row for row in json.loads(done.stdout) if row["failed"]}
    assert set(failed) == set(BROKEN)
    for name, reason in REASONS.items():
        assert failed[name]["failed"].startswith(reason)
        assert failed[name]["distribution"] == f"zoo-{name}"
    listed = python("-m", "zoo", "show", "bert-tiny", "albert-tiny")
    assert listed.returncode == 0
    assert "albert.shared" in listed.stdout
    assert listed.stderr.count("warning: plugin ") == len(BROKEN)
    strict = python("-m", "zoo", "list", "--strict")
    assert strict.returncode == 2
    assert strict.stderr.startswith("error: plugin foresees (zoo-foresees 0.1.0) failed at api version: ")
    assert "Traceback" not in strict.stderr
