"""The offers of all plugins by kind: loaded on first use, checked, and merged by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any

from zoo.core.errors import ZooError
from zoo.registry.offers import KINDS, RECORDS, Offers
from zoo.registry.plugins import Plugin, Refused, Source, ask, guarded

OnFailure = Callable[[Plugin, str, str], None]
"""Given a plugin, the phase in which something of it failed, and the reason."""


def stop(plugin: Plugin, phase: str, reason: str) -> None:
    """End with the first failure. Raises ZooError."""
    raise ZooError(f"plugin {plugin.origin} failed at {phase}: {reason}")


class Tables:
    """Names by kind. What fails is left out and reported once; the rest of its plugin stays."""

    def __init__(self, sources: list[Source], on_failure: OnFailure) -> None:
        self._on_failure = on_failure
        self._failures: dict[Plugin, dict[str, str]] = {plugin: {} for plugin, _ in sources}
        self._offers: dict[Plugin, Offers] = {}
        self._tables: dict[str, Mapping[str, Any]] = {}
        self._owners: dict[tuple[str, str], Plugin] = {}
        for plugin, load in sources:
            try:
                self._offers[plugin] = ask(plugin, load)
            except Refused as refused:
                self._failed(plugin, refused)

    def __getitem__(self, kind: str) -> Mapping[str, Any]:
        """What is offered of a kind, by name."""
        if kind not in self._tables:
            self._tables[kind] = MappingProxyType(dict(sorted(self._merged(kind))))
        return self._tables[kind]

    def owner(self, kind: str, name: str) -> Plugin:
        """The plugin that offers a name. Raises KeyError if none does."""
        self[kind]
        return self._owners[kind, name]

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin with the names that it registers and what failed; this loads all tables, but no part."""
        registers: dict[Plugin, dict[str, tuple[str, ...]]] = {plugin: {} for plugin in self._failures}
        for kind in KINDS:
            for name in self[kind]:
                names = registers[self._owners[kind, name]]
                names[kind] = (*names.get(kind, ()), name)
        return tuple(
            replace(plugin, registers=registers[plugin], failures=failures)
            for plugin, failures in self._failures.items()
        )

    def _merged(self, kind: str) -> Iterator[tuple[str, Any]]:
        for plugin, offers in self._offers.items():
            try:
                offered = self._records(plugin, offers, kind) if kind in RECORDS else offers.of(kind)
                for name in offered:
                    self._check_free(plugin, kind, name)
            except Refused as refused:
                self._failed(plugin, refused)
            else:
                self._owners |= {(kind, name): plugin for name in offered}
                yield from offered.items()

    def _records(self, plugin: Plugin, offers: Offers, kind: str) -> dict[str, Any]:
        """The records of one plugin, by their names."""
        phase, offered, expected = f"{kind}s", offers.of(kind), resolve_name(RECORDS[kind])
        if isinstance(offered, str):
            offered = guarded(phase, lambda: resolve_name(offered))
        if not isinstance(offered, list | tuple) or not all(isinstance(item, expected) for item in offered):
            raise Refused(phase, f"it should be a list of {expected.__name__} records; got {offered!r:.80}")
        records = {item.name: item for item in offered}
        if len(records) < len(offered):
            names = [item.name for item in offered]
            raise Refused(phase, f"it offers {next(name for name in names if names.count(name) > 1)!r} twice")
        return records

    def _check_free(self, plugin: Plugin, kind: str, name: str) -> None:
        family, said = name.split("-")[0], kind.replace("_", " ")
        if kind == "variant" and family in {other.name for other in self._failures} - {plugin.name}:
            reason = f"its variant {name!r} has a name that belongs to the plugin {family!r}; choose another"
            raise Refused("names", reason)
        if (kind, name) in self._owners:
            rival = self._owners[kind, name].origin
            raise Refused("names", f"its {said} {name!r} is already offered by {rival}; choose another name")

    def _failed(self, plugin: Plugin, refused: Refused) -> None:
        self._failures[plugin][refused.phase] = str(refused)
        self._on_failure(plugin, refused.phase, str(refused))
