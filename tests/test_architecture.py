"""The rooms and who may import whom; docs/design.md explains why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    "core": {"text", "weights"},
    "formulas": {"core"},
    "blocks": {"core", "formulas"},
    "text": {"core", "weights"},  # a tokenizer's files are files of a folder
    "weights": {"core"},
    "heads": {"core", "blocks"},
    "tasks": {"core", "text", "registry"},
    "model": {"core", "inference"},
    "machine": {"core", "registry"},
    "registry": {"core", "tasks", "formulas", "weights", "model", "blocks"},
    "tables": {"core", "experiments"},
    "plotting": {"core", "experiments", "tables"},
    "builtin_plugin": {"registry", "tasks"},
    "train": {"core", "model", "heads", "tasks", "text", "weights"},
    "auditing": {"core", "blocks", "commands", "formulas", "model", "registry", "weights"},
    "testing": {"core", "heads", "registry", "text", "weights"},
    "checkpoints": {"core", "auditing", "heads", "model", "registry", "weights"},
    "inference": {"core", "registry", "checkpoints", "heads", "model", "tasks", "text", "train", "weights"},
    "pretraining": {"core", "checkpoints", "commands", "machine", "model", "plotting", "registry", "text", "train"}
    | {"weights"},
    "experiments": {"core", "auditing", "blocks", "checkpoints", "commands", "heads", "machine", "model", "plotting"}
    | {"pretraining", "registry", "tables", "tasks", "text", "train", "weights"},
    "commands": {
        "*",
        "auditing",
        "checkpoints",
        "core",
        "experiments",
        "inference",
        "pretraining",
        "registry",
        "tables",
    }
    | {"tasks", "text", "train", "weights"},
    "cli": {"auditing", "checkpoints", "commands", "core", "experiments", "inference", "pretraining", "registry"},
    "__main__": {"cli"},
}
OPEN_TO_PLUGINS = {"*", "blocks", "core", "formulas", "registry", "testing", "text", "weights"}
MAY_IMPORT_RICH = {"auditing", "cli", "commands", "experiments", "pretraining", "tables"}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, those for type checking aside."""
    tree = ast.parse(path.read_text())
    for node in [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]:
        node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "zoo":
            yield from ("zoo." + alias.name if files_of(alias.name) else "zoo" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms(path: Path) -> set[str]:
    """The rooms of the zoo that a file imports from; * is the public names."""
    tops = (module.split(".") for module in imported(path))
    return {parts[1] if len(parts) > 1 else "*" for parts in tops if parts[0] == "zoo"}


def files_of(room: str) -> list[Path]:
    return [*ROOT.glob(f"zoo/{room}.py"), *ROOT.glob(f"zoo/{room}/**/*.py")]


def test_every_room_has_its_line_in_the_table() -> None:
    found = {path.relative_to(ROOT / "zoo").parts[0].removesuffix(".py") for path in ROOT.glob("zoo/**/*.py")}
    assert found - {"__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    for path in files_of(room):
        assert rooms(path) - {room} <= MAY_IMPORT[room], path


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - MAY_IMPORT_RICH))
def test_only_the_command_line_and_the_studies_draw_on_the_terminal(room: str) -> None:
    assert not [path for path in files_of(room) for module in imported(path) if module.split(".")[0] == "rich"]


@pytest.mark.parametrize("plugin", ["bert", "roberta", "albert"])
def test_a_plugin_uses_only_what_a_stranger_may(plugin: str) -> None:
    others = {f"zoo_{name}" for name in ("bert", "roberta", "albert")} - {f"zoo_{plugin}"}
    for path in ROOT.glob(f"plugins/{plugin}/zoo_{plugin}/*.py"):
        assert rooms(path) <= OPEN_TO_PLUGINS, path
        assert not {module.split(".")[0] for module in imported(path)} & others, path


def test_the_core_never_imports_a_plugin() -> None:
    for path in ROOT.glob("zoo/**/*.py"):
        assert not [module for module in imported(path) if module.startswith("zoo_")], path
