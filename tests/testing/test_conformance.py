"""Everything that plugins offer passes the checks that a stranger's must, each where nothing else is installed."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points

import pytest

from zoo import Catalog, builtin_plugin
from zoo.testing import Check, conformance

PLUGINS = {entry.dist.name: entry for entry in entry_points(group="zoo") if entry.dist}


def needed(plugin: EntryPoint) -> dict[str, EntryPoint]:
    """A plugin and those that its distribution requires, by their names."""
    found = {plugin.name: plugin}
    for requirement in (plugin.dist and plugin.dist.requires) or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
        found |= needed(PLUGINS[name]) if name in PLUGINS else {}
    return found


def checks() -> list[Check]:
    """Those of the zoo's own offers and heads, and of each plugin beside those that it requires alone."""
    alone = {
        name: Catalog.of(builtin_plugin, *(each.load() for each in needed(PLUGINS[name]).values())) for name in PLUGINS
    }
    of_plugins = [check for name, its in alone.items() for check in conformance(its, PLUGINS[name].name)]
    return [*conformance(Catalog.of(builtin_plugin)), *of_plugins]


@pytest.mark.parametrize("check", checks(), ids=str)
def test_conforms(check: Check) -> None:
    check()
