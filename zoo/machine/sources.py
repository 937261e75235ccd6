"""The code that makes results: an edit of anything else leaves finished jobs as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

ZOO = "zoo"

MAKES_NO_RESULTS = (
    "__init__.py", "__main__.py", "cli.py", "progress.py", "api", "commands", "core/options.py", "document", "scaffold",
    "testing",
    "auditing/chart.py", "auditing/report.py", "auditing/tables.py", "registry/describe.py",
    "pretraining/curves.py", "pretraining/display.py",
    "experiments/plan/changes.py", "experiments/plan/merge.py", "experiments/plan/options.py",
    "experiments/plan/requests.py", "experiments/plan/suites.py",
    "experiments/report", "experiments/results/merge.py",
    "experiments/runner/estimate.py", "experiments/runner/measured_cost.py", "experiments/runner/forecast.py",
    "experiments/runner/progress.py",
    "experiments/statistics", "experiments/submission", "experiments/verify",
)  # fmt: skip
"""Rooms and files of the zoo that no job's result depends on; all others are a part of what a result depends on."""

MAKE_RESULTS = (
    "tokenizer", "packing", "masking", "embedding", "encoder", "objective", "task", "task_kind", "metric",
    "checkpoint_format",
)  # fmt: skip
"""What a plugin may offer that results depend on."""


class Offered(Protocol):
    """What there is by kind and name: objects, or "module:name"."""

    def __getitem__(self, kind: str) -> Mapping[str, Any]: ...


class PluginVersion(Protocol):
    """A plugin, and what it is called."""

    @property
    def name(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def version(self) -> str: ...


class Installed(Protocol):
    """What is installed, as a catalog says it."""

    @property
    def offered(self) -> Offered: ...
    @property
    def plugins(self) -> Sequence[PluginVersion]: ...


def code_hash(installed: Installed) -> str:
    """A SHA-256 of all sources that results depend on: of the zoo, and of the packages whose parts and tasks are there.

    Versions do not change with what someone at work on a plugin has edited an hour ago.
    """
    return _hash_of(tuple(sorted({ZOO, *_packages(installed.offered)})))


def _packages(offered: Offered) -> Iterator[str]:
    for thing in (thing for kind in MAKE_RESULTS for thing in offered[kind].values()):
        named = thing if isinstance(thing, str) else getattr(thing, "__module__", type(thing).__module__)
        yield named.partition(":")[0].partition(".")[0]


@cache
def _hash_of(packages: tuple[str, ...]) -> str:
    total = hashlib.sha256()
    for package in packages:
        for root, path in sources(package):
            total.update(f"{package} {path.relative_to(root)}\n".encode() + path.read_bytes())
    return total.hexdigest()


def sources(package: str) -> Iterator[tuple[Path, Path]]:
    """The folder of a package or module with each of its source files that results depend on."""
    try:
        found = find_spec(package)
    except ValueError:  # a module that was not imported in the usual way
        found = None
    if found is None or found.origin is None:
        return
    origin = Path(found.origin)
    files: Iterable[Path] = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    left_out = {origin.parent / name for name in MAKES_NO_RESULTS} if package == ZOO else set()
    for path in files:
        if not left_out & {path, *path.parents}:
            yield origin.parent, path
