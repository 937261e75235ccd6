"""The rooms and who may import whom; docs/design.md explains why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LOW = {"errors", "specs", "batch", "interfaces", "files", "seeds"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "specs": {"errors", "files"},
    "files": {"errors"},
    "seeds": set(),
    "expressions": {"errors", "specs"},
    "formulas": {"errors", "specs"},
    "ablations": {"specs"},
    "tuning": {"errors", "specs"},
    "batch": {"specs", "errors"},
    "interfaces": {"batch", "specs", "errors", "text"},
    "blocks": LOW | {"formulas"},
    "text": LOW | {"weights"},  # a tokenizer's files are files of a folder
    "weights": LOW,
    "heads": LOW | {"blocks"},
    "tasks": {"errors", "specs", "text", "hooks"},
    "hooks": {"ablations", "tuning", "specs", "interfaces", "tasks", "formulas", "weights"},
    "model": LOW | {"inference"},
    "plugins": {"ablations", "errors", "formulas", "hooks", "specs", "tasks", "tuning", "weights"},
    "compatibility": {"interfaces", "model", "specs", "tasks"},
    "catalog": {
        "ablations",
        "compatibility",
        "tuning",
        "errors",
        "expressions",
        "hooks",
        "plugins",
        "seeds",
        "specs",
        "tasks",
        "interfaces",
        "model",
        "blocks",
        "formulas",
        "weights",
    },
    "presets": {"specs"},
    "streams": {"errors"},
    "console": {"catalog", "errors", "streams"},
    "train": LOW | {"model", "heads", "tasks", "text", "weights"},
    "audit": LOW | {"blocks", "catalog", "console", "formulas", "model", "weights"},
    "testing": LOW | {"catalog", "heads", "plugins", "text", "weights"},
    "checkpoints": LOW | {"audit", "catalog", "console", "heads", "model", "weights"},
    "inference": LOW | {"catalog", "checkpoints", "console", "heads", "model", "tasks", "text", "train", "weights"},
    "study": LOW
    | {"ablations", "audit", "blocks", "catalog", "checkpoints", "console", "heads", "model", "tasks", "text", "train"}
    | {"tuning", "weights"},
    "pretrain": LOW | {"catalog", "checkpoints", "console", "model", "study", "text", "train", "weights"},
    "cli": {
        "audit",
        "catalog",
        "checkpoints",
        "console",
        "errors",
        "inference",
        "plugins",
        "pretrain",
        "specs",
        "streams",
        "study",
    },
    "__main__": {"cli"},
}
OPEN_TO_PLUGINS = {"*", "ablations", "tuning", "blocks", "formulas", "text", "weights", "testing", "presets"}
MAY_IMPORT_RICH = {"audit", "cli", "console", "inference", "pretrain", "study"}


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
