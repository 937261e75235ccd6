"""What keeps the house in order: the rooms stand in a row, and a room imports only from those before it.

docs/design.md explains the rooms. What still breaks a rule is listed with it, exactly: mend one, and strike it off.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.source_graph import MODULES, ROOMS, ROOT, SOURCES, circles, imported, imports, room_of, strings, tree_of
from zoo.registry.catalog import Catalog

ORDER = (
    "core", "formulas", "blocks", "weights", "text", "pooling", "heads", "model", "tasks", "answers", "registry",
    "machine", "document", "progress", "train", "auditing", "checkpoints", "inference", "pretraining", "compress",
    "experiments", "experiments.plan", "experiments.results", "experiments.judging", "experiments.runner",
    "experiments.statistics", "experiments.report", "experiments.board", "experiments.verify", "experiments.submission",
    "testing", "scaffold", "builtin_plugin", "api", "zoo", "commands", "cli", "__main__",
)  # fmt: skip
"""From what knows nothing to what knows all; "zoo" is the public names."""

NEVER = {
    "machine": {"registry"},
    "experiments.results": {"registry", "model"},
    "experiments.statistics": {"registry", "experiments.runner", "model"},
    "experiments.report": {"registry", "experiments.runner", "model"},
    "experiments.submission": set(ORDER) - {"core", "tasks", "experiments.results"},
}
"""What a room never imports although it stands before it."""

BROKEN: set[tuple[str, str]] = set()
"""What breaks the two rules today."""

CIRCLES: list[set[str]] = []
"""Files that import each other today."""

USES_TYPER = {"commands", "cli"}
USES_RICH = {"api", "cli", "commands", "document", "experiments.runner", "pretraining", "progress"}
OPEN_TO_PLUGINS = {"zoo", "blocks", "core", "document", "formulas", "registry", "testing", "text", "weights"}

LIGHT = ["zoo", "zoo.cli", "zoo.api.experiments", "zoo.experiments.plan.make", "zoo.experiments.results.records"]
"""What is imported without torch."""

RUN_FILES = {"jobs", "finetuned", "plan.json", "results.json", "gold.json"}
"""Names in a run folder, which only the experiments know."""


LARGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 350, 60, 7
LARGE_FILES: set[str] = set()
LONG_FUNCTIONS: set[tuple[str, str]] = set()

NAME_OF_A_MODULE = re.compile(r"zoo(\.[a-z_]+)+(:\w+)?")

PLUGINS = sorted(path.name for path in ROOT.glob("plugins/*") if path.is_dir())
ALL_SOURCES = [*SOURCES, *sorted(ROOT.glob("plugins/*/zoo_*/**/*.py"))]


def arrows() -> Iterator[tuple[str, str]]:
    """Each room beside each other one that it imports from."""
    for module in MODULES:
        for other in imports(module):
            if room_of(module) != room_of(other):
                yield room_of(module), room_of(other)


def test_every_room_has_its_place_in_the_order() -> None:
    assert set(ORDER) >= ROOMS


def test_a_room_imports_only_from_rooms_before_it_and_never_what_it_must_not() -> None:
    against = {(a, b) for a, b in arrows() if ORDER.index(b) > ORDER.index(a) or b in NEVER.get(a, ())}
    assert against == BROKEN


def test_no_files_import_each_other() -> None:
    inside = {module: {other for other in imports(module) if room_of(other) == room_of(module)} for module in MODULES}
    assert sorted(map(sorted, circles(inside))) == sorted(map(sorted, CIRCLES))


def test_only_the_command_line_uses_typer_and_only_what_is_shown_uses_rich() -> None:
    used = {(room_of(module), name.split(".")[0]) for module, path in MODULES.items() for name in imported(path)}
    assert {room for room, name in used if name == "typer"} <= USES_TYPER
    assert {room for room, name in used if name == "rich"} <= USES_RICH


def test_what_only_lists_and_plans_imports_no_torch() -> None:
    code = f"import sys, {', '.join(LIGHT)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_imported_by_a_name_in_a_string_is_there() -> None:
    named = {text.partition(":")[0] for path in SOURCES for text in strings(path) if NAME_OF_A_MODULE.fullmatch(text)}
    assert named <= set(MODULES)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_uses_only_what_a_stranger_may(plugin: str) -> None:
    others = {f"zoo_{name}" for name in PLUGINS} - {f"zoo_{plugin}"}
    for path in ROOT.glob(f"plugins/{plugin}/zoo_{plugin}/**/*.py"):
        names = set(imported(path))
        assert {room_of(name) for name in names if name.split(".")[0] == "zoo"} <= OPEN_TO_PLUGINS, path
        assert not {name.split(".")[0] for name in names} & others, path


def test_the_zoo_knows_no_plugin_and_no_part_of_one_by_name() -> None:
    parts = {name for kind in Catalog.installed().parts.values() for name in kind if not name.startswith("zoo.")}
    assert parts
    known = {text for path in SOURCES for text in strings(path) if text in parts}
    assert not known
    assert not [name for path in SOURCES for name in imported(path) if name.startswith("zoo_")]


def test_only_the_experiments_know_the_files_of_a_run_folder() -> None:
    below = [path for module, path in MODULES.items() if room_of(module) in ("weights", "checkpoints", "pretraining")]
    assert not {text for path in below for text in strings(path)} & RUN_FILES


def test_files_and_functions_are_short() -> None:
    lines = {shown(path): path.read_text().count("\n") for path in ALL_SOURCES}
    assert {name for name, n in lines.items() if n > LARGEST_FILE} == LARGE_FILES
    sizes = {(shown(path), name): n for path in ALL_SOURCES for name, n in functions(path)}
    assert {name for name, n in sizes.items() if n > LONGEST_FUNCTION} == LONG_FUNCTIONS
    assert median(n for path in ALL_SOURCES for _, n in functions(path)) <= MEDIAN_FUNCTION


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The name and the number of lines of each function."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1
