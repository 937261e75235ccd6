"""Plugins: a new one, and what is wrong with one."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from pydantic import JsonValue

from zoo.api.rendered import render
from zoo.core.errors import ZooError
from zoo.core.options import read_names
from zoo.document import Block, Document, Notes, Section, Table
from zoo.document.text import text
from zoo.registry.packages import find_plugin
from zoo.registry.plugins import Plugin
from zoo.scaffold.write import CONTENTS
from zoo.scaffold.write import new_plugin as write_plugin


@dataclass(frozen=True)
class Checked:
    """One check of a plugin, why it failed if it did, and what usually mends that."""

    name: str
    reason: str = ""
    advice: str = ""


@dataclass(frozen=True)
class PluginCheck:
    """Everything that a plugin offers, checked."""

    plugin: Plugin
    checks: tuple[Checked, ...]

    @property
    def failures(self) -> tuple[Checked, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.reason)

    @property
    def ok(self) -> bool:
        """Whether all passed."""
        return not self.failures

    @cached_property
    def document(self) -> Document:
        """A table of all checks, and what to do about each failure."""
        rows = tuple((check.name, "failed" if check.reason else "ok") for check in self.checks)
        table = Table(("check", "result"), rows, words={"result"})
        blocks: tuple[Block, ...] = (table, *map(_explained, self.failures))
        summary = f"{len(rows) - len(self.failures)} of {len(rows)} checks passed."
        return Document(f"Plugin {self.plugin.origin}", (Section("checks", summary, blocks, brief=True),), self._data)

    def _data(self) -> dict[str, JsonValue]:
        return {"plugin": self.plugin.name, "checks": [vars(check) | {"ok": not check.reason} for check in self.checks]}

    def render(self, format: str = "terminal") -> str:
        """All of it in a format: terminal, markdown, csv, json, html, latex, or one that a plugin brings."""
        return render(self.document, format)

    def __repr__(self) -> str:
        return text(self.document)


def _explained(check: Checked) -> Notes:
    return Notes((f"{check.name}: {check.reason}", *([f"what to do: {check.advice}"] if check.advice else [])))


def new_plugin(name: str, *, out: str | Path | None = None, contents: str | Collection[str] = CONTENTS) -> list[Path]:
    """Write a package for a new plugin, which installs, passes its tests and takes part in comparisons; as `zoo new`.

    It lies in `out`, by default ./zoo-NAME, and has a variant and what `contents` say: encoder, objective, task.
    Returns the files that were written. Raises ZooError if the name cannot be a plugin's or is taken, or `out` exists.
    """
    wanted = read_names(contents)
    assert isinstance(wanted, tuple)
    return write_plugin(name, Path(out) if out else None, wanted)


def check_plugin(plugin: str, *, progress: Callable[[str], None] | None = None) -> PluginCheck:
    """Check everything that a plugin offers; as `zoo check`.

    It is named by its name, its distribution, or the folder of its package. `progress` is called with the name of each
    check before it runs. Raises ZooError if there is no such plugin.
    """
    from zoo.registry.catalog import Catalog
    from zoo.testing import ADVICE, Check, conformance
    from zoo.testing.plugins import check_listing

    sources, found = find_plugin(plugin)
    catalog = Catalog(sources, lambda *failure: None)
    loaded = next(each for each in catalog.plugins if each.name == found.name)
    refused = [Checked(f"loading: {phase}", reason, ADVICE["loading"]) for phase, reason in loaded.failures.items()]
    listing = Check(f"listing of {found.name}", partial(check_listing, plugin), ADVICE["listing"])
    checks = [listing, *conformance(catalog, found.name)]
    done = []
    for check in checks:
        if progress is not None:
            progress(check.name)
        done.append(_carried_out(check.name, check.run, check.advice))
    return PluginCheck(loaded, (*refused, *done))


def _carried_out(name: str, run: Callable[[], None], advice: str) -> Checked:
    try:
        run()
    except Exception as error:
        said = " ".join(str(error).split())
        if isinstance(error, AssertionError | ZooError) and said:
            return Checked(name, said, advice)
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Checked(name, f"{type(error).__name__}: {said} ({last.filename}:{last.lineno})", advice)
    return Checked(name)
