"""Plugins installed with pip in a fresh virtual environment: that of docs/writing-a-variant.md, and broken ones."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documentation.pages import ROOT, commands

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "writing-a-variant.md"
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "zoo-{name}"
version = "0.1.0"

[project.entry-points.zoo]
{name} = "zoo_{name}"

[tool.hatch.build.targets.wheel]
only-include = ["zoo_{name}.py"]
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


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
        (folder / name / "pyproject.toml").write_text(PROJECT.format(name=name))
        (folder / name / f"zoo_{name}.py").write_text(code)
    places = [f"./{name}" for name in plugins]
    done = python("-m", "pip", "install", *OFFLINE, *places, cwd=folder)
    assert done.returncode == 0, done.stderr


OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation")
SMALL = ("--pretrain-tokens", "2k", "--finetune-steps", "2", "--seeds", "1", "--workers", "0", "--out", "run")


def test_the_pages_commands_lead_from_an_empty_folder_to_a_row(python: Run, tmp_path: Path) -> None:
    said: dict[str, str] = {}
    for command in commands(PAGE):
        program, *words = shlex.split(command.line)
        if "parallel" not in command.line and command.line != "zoo plugins":
            continue
        if program == "pip":
            words += OFFLINE
        if words[0] == "compare":
            words += SMALL
        done = python("-m", program, *words, cwd=tmp_path)
        assert done.returncode == 0, f"{command.line}\n{done.stdout}{done.stderr}"
        said[command.line] = done.stdout
    shown = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown and shown[1] == (tmp_path / "zoo-parallel" / "zoo_parallel" / "encoder.py").read_text()
    assert re.search(r"parallel +zoo-parallel +0.1.0", said["zoo plugins"])
    assert re.search(r"encoder +bert.stack +parallel.encoder", said["zoo show bert-tiny parallel-tiny"])
    scores = json.loads((tmp_path / "run" / "results.json").read_text())["scores"]
    assert 0 <= scores["parallel-tiny"]["parallel-reviews"]["mean"] <= 1


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
