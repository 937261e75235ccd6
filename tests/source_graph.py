"""The zoo's source files as a graph: who imports whom, be it for type checking, in a function or by a name in a string.

A room is a folder of `zoo/`, or a file there; each folder in `zoo/experiments/` is a room of its own, and "zoo" is the
public names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(ROOT.glob("zoo/**/*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a file of the zoo."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: dict[str, Path] = {module_of(path): path for path in SOURCES}


def room_of(module: str) -> str:
    """The room that a module of the zoo is in."""
    _, *inner = module.split(".")
    depth = 2 if inner[:1] == ["experiments"] else 1
    return ".".join(inner[:depth]) or "zoo"


ROOMS = {room_of(module) for module in MODULES}


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text())


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, at any depth; `from a import b` gives a.b where that is a module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}:{node.lineno}: imports are absolute"
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in inner)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def strings(path: Path) -> Iterator[str]:
    """Every string of a file that stands as a value, docstrings left out."""
    expressions = (node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr))
    documentation = {id(value) for value in expressions}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


@cache
def imports(module: str) -> frozenset[str]:
    """The zoo's modules that a module imports, those that it names in strings included, as "zoo.model:Model"."""
    path = MODULES[module]
    named = (text.partition(":")[0] for text in strings(path) if "." in text)
    return frozenset({name for name in (*imported(path), *named) if name in MODULES} - {module})


def closure(modules: Iterable[str]) -> set[str]:
    """These modules and all that they import, however far."""
    seen: set[str] = set()
    left = list(modules)
    while left:
        module = left.pop()
        if module not in seen:
            seen.add(module)
            left += imports(module)
    return seen


def circles(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """The groups of more than one node in which each reaches each other."""
    reached = {node: _reached(node, graph) for node in graph}
    groups = {frozenset({node} | {other for other in reached[node] if node in reached[other]}) for node in graph}
    return [set(group) for group in groups if len(group) > 1]


def _reached(node: str, graph: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    left = list(graph[node])
    while left:
        at = left.pop()
        if at not in seen:
            seen.add(at)
            left += graph[at]
    return seen
