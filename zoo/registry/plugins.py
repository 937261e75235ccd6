"""Load plugins one by one, so that a broken one does not affect the others."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from operator import itemgetter
from typing import Any

import pluggy
from pydantic import ValidationError

from zoo.core.errors import explain, nearest
from zoo.registry.offers import API_VERSION, HOOK, KINDS, PARTS, PROJECT, Offers, zoo_offers


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: where it comes from, what it registers, and what failed, with the reason."""

    name: str
    distribution: str
    version: str
    registers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Names by kind."""
    failures: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Reasons by phase: the import, the hooks, the plugin API's version, names, or a kind that is offered."""

    @property
    def origin(self) -> str:
        """The plugin's name with the distribution that brings it."""
        return f"{self.name} ({self.distribution} {self.version})"


class Refused(Exception):
    """Why something of a plugin is left out, and the phase of loading in which it failed."""

    def __init__(self, phase: str, reason: str) -> None:
        super().__init__(reason)
        self.phase = phase


class Specs:
    """The one hook, in what pluggy searches faster than a module."""

    zoo_offers = staticmethod(zoo_offers)


Source = tuple[Plugin, Callable[[], object]]
"""A plugin, and what loads it: a module or object with the hook, or the record that the hook returns."""


def installed_plugins() -> list[Source]:
    """The plugins of installed distributions, not loaded yet; plugins with the same name are refused when loaded."""
    entries = entry_points(group=PROJECT)
    found = sorted((((entry.name, *_distribution(entry)), entry) for entry in entries), key=itemgetter(0))
    claims = Counter(named for (named, _, _), _ in found)
    sources: list[Source] = []
    for (name, distribution, released), entry in found:
        plugin = Plugin(name, distribution, released)
        if claims[name] == 1:
            sources.append((plugin, entry.load))
        else:
            rivals = " and ".join(other for (named, other, _), _ in found if named == name)
            sources.append((plugin, _refuse("name", f"{rivals} all claim the plugin name {name!r}; keep one")))
    return sources


def _distribution(entry: EntryPoint) -> tuple[str, str]:
    """The name and version of what brings a plugin; each look at them would read its file of metadata again."""
    if entry.dist is None:
        return "?", "?"
    metadata = entry.dist.metadata
    return metadata["Name"], metadata["Version"]


def _refuse(phase: str, reason: str) -> Callable[[], object]:
    def load() -> object:
        raise Refused(phase, reason)

    return load


def guarded(phase: str, call: Callable[[], Any]) -> Any:
    """A call into a plugin; any failure, SystemExit included, becomes a reason. Its output goes to standard error."""
    try:
        with redirect_stdout(sys.stderr):
            return call()
    except (Refused, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin may call sys.exit, or a library of it panic, which is no Exception
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason = explain(error) if isinstance(error, ValidationError) else str(error)
        place = f"{last.filename}:{last.lineno}"
        raise Refused(phase, f"{type(error).__name__}: {reason} ({place})".replace("\n", " ")) from error


def ask(plugin: Plugin, load: Callable[[], object]) -> Offers:
    """Load one plugin and call its hook. Raises Refused if the answer cannot be used."""
    loaded = guarded("import", load)
    answer = loaded if isinstance(loaded, Offers) else guarded(HOOK, _hook(plugin, loaded))
    if not isinstance(answer, Offers):
        raise Refused(HOOK, f"it should return a zoo.Offers record; got {answer!r:.80}")
    _check_version(plugin, answer.api_version)
    _check_names(plugin, answer)
    return answer


def _hook(plugin: Plugin, loaded: object) -> Callable[[], Any]:
    """The plugin's answer to the one hook."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specs)
    guarded("hooks", lambda: manager.register(loaded, name=plugin.name))
    callers = {caller.name for caller in manager.get_hookcallers(loaded) or ()}
    old = sorted(callers & {f"zoo_{kind}s" for kind in (*KINDS, "checkpoint", "ablation", "grid")})
    if old:
        raise Refused(
            "hooks",
            f"it is written for an older zoo: {', '.join(old)} is no hook any more; return one zoo.Offers record from "
            f"{HOOK}, with api_version={API_VERSION} and {old[0].removeprefix('zoo_')}=... (docs/writing-a-variant.md)",
        )
    for name in sorted(callers - {HOOK}):
        close = f"; did you mean {HOOK!r}?" if nearest(name, [HOOK]) else f"; the only one is {HOOK!r}"
        raise Refused("hooks", f"{name!r} is no hook{close}")
    if not callers:
        raise Refused("hooks", f"it has no hook; add a function {HOOK}, marked with @zoo.hookimpl")
    return manager.hook.zoo_offers


def _check_version(plugin: Plugin, made_for: int) -> None:
    if made_for == API_VERSION:
        return
    try:
        ours = f"encoder-zoo {version('encoder-zoo')}"
    except PackageNotFoundError:
        ours = "this zoo"
    newer = f"upgrade encoder-zoo, or install an older {plugin.distribution}"
    older = f"upgrade {plugin.distribution}, or install an older encoder-zoo"
    raise Refused(
        "api version",
        f"it was made for version {made_for} of the plugin API, and {ours} offers version {API_VERSION}; "
        f"{newer if made_for > API_VERSION else older}",
    )


def _check_names(plugin: Plugin, offered: Offers) -> None:
    parts = {name: kind for kind in PARTS for name in offered.of(kind)}
    for name, kind in parts.items():
        if not name.startswith(f"{plugin.name}."):
            raise Refused("names", f"its {kind} {name!r} should be called '{plugin.name}.<part>'")
    for name in offered.formulas:
        if name not in parts:
            raise Refused("names", f"it states a formula for {name!r}, which is not one of its parts")
