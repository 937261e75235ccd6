"""Ask plugins one by one what they offer, so that a broken one harms no other, and refuse what is ambiguous."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from pydantic import ValidationError

from zoo.core.errors import explain
from zoo.core.specs import Variant
from zoo.formulas import Published
from zoo.registry import hooks
from zoo.registry.paper_tables import PaperTable
from zoo.registry.search_grids import Grid
from zoo.tasks.task import Task
from zoo.weights.format import CheckpointFormat

KINDS = ("tokenizer", "packing", "masking", "embedding", "encoder", "objective")
"""The kinds of part; the hook that offers a kind is called zoo_<kind>s."""

RECORDS: dict[str, type[Any]] = {
    "variant": Variant,
    "task": Task,
    "checkpoint": CheckpointFormat,
    "published_count": Published,
    "ablation": PaperTable,
    "grid": Grid,
}
"""The kinds of record, offered in the same way."""

OFFERED = (*KINDS, *RECORDS, "formula")
"""Everything that plugins can offer."""


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: where it comes from, what it registered, and what went wrong, if anything did."""

    name: str
    distribution: str
    version: str
    registers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failure: str | None = None
    phase: str | None = None

    @property
    def origin(self) -> str:
        """The plugin's name with the distribution that brings it."""
        return f"{self.name} ({self.distribution} {self.version})"


class Refused(Exception):
    """Why a plugin is left out, and in which phase of its loading that showed."""

    def __init__(self, phase: str, reason: str) -> None:
        super().__init__(reason)
        self.phase = phase


@dataclass(frozen=True)
class Answers:
    """What one plugin answered to the hooks, checked."""

    parts: Mapping[str, Mapping[str, type[Any] | str]]
    records: Mapping[str, Mapping[str, Any]]
    formulas: Mapping[str, hooks.Formula | str]

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What was offered, kind by kind."""
        yield from self.parts.items()
        yield from self.records.items()
        yield "formula", self.formulas


Source = tuple[Plugin, Callable[[], object]]
"""A plugin, and what loads it."""


def installed_plugins() -> list[Source]:
    """The plugins of installed distributions, none loaded yet; those that claim one name are refused when asked."""
    found = sorted(entry_points(group=hooks.PROJECT), key=lambda entry: (entry.name, _distribution(entry)))
    claims = Counter(entry.name for entry in found)
    sources: list[Source] = []
    for entry in found:
        version = entry.dist.version if entry.dist else "?"
        plugin = Plugin(entry.name, _distribution(entry), version)
        if claims[entry.name] == 1:
            sources.append((plugin, entry.load))
        else:
            rivals = " and ".join(_distribution(other) for other in found if other.name == entry.name)
            sources.append((plugin, _refuse("name", f"{rivals} all claim the plugin name {entry.name!r}; keep one")))
    return sources


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


def _refuse(phase: str, reason: str) -> Callable[[], object]:
    def load() -> object:
        raise Refused(phase, reason)

    return load


def failed(plugin: Plugin, refused: Refused) -> Plugin:
    """The plugin as one that is left out."""
    return Plugin(plugin.name, plugin.distribution, plugin.version, failure=str(refused), phase=refused.phase)


def _guarded(phase: str, call: Callable[[], Any]) -> Any:
    """A call into a plugin, whose failure of any kind, SystemExit included, becomes a reason.

    What it prints goes to standard error, so that a command's answer stays as it is.
    """
    try:
        with redirect_stdout(sys.stderr):
            return call()
    except (Refused, KeyboardInterrupt):
        raise
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason = explain(error) if isinstance(error, ValidationError) else str(error)
        place = f"{last.filename}:{last.lineno}"
        raise Refused(phase, f"{type(error).__name__}: {reason} ({place})".replace("\n", " ")) from error


def ask(plugin: Plugin, load: Callable[[], object]) -> Answers:
    """Load one plugin alone and put every question to it."""
    module = _guarded("import", load)
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)

    def register() -> None:
        manager.register(module, name=plugin.name)
        manager.check_pending()

    _guarded("hooks", register)
    answers: dict[str, Any] = {}
    for hook in (f"zoo_{kind}s" for kind in OFFERED):
        answers[hook] = _guarded(hook, getattr(manager.hook, hook))
    parts = {kind: _checked_parts(f"zoo_{kind}s", answers[f"zoo_{kind}s"]) for kind in KINDS}
    records = {kind: _checked_records(f"zoo_{kind}s", answers[f"zoo_{kind}s"], RECORDS[kind]) for kind in RECORDS}
    return Answers(parts, records, _checked_formulas("zoo_formulas", answers["zoo_formulas"], parts))


def _checked_parts(hook: str, answers: list[Any]) -> dict[str, type[Any] | str]:
    found: dict[str, type[Any] | str] = {}
    for answer in answers:
        if not isinstance(answer, Mapping) or not all(
            isinstance(name, str) and isinstance(part, type | str) for name, part in answer.items()
        ):
            raise Refused(hook, f"it should return a dict of name to class or 'module:Class'; got {answer!r:.80}")
        found |= answer
    return found


def _checked_formulas(
    hook: str, answers: list[Any], parts: Mapping[str, Mapping[str, object]]
) -> dict[str, hooks.Formula | str]:
    own = {name for offered in parts.values() for name in offered}
    found: dict[str, hooks.Formula | str] = {}
    for answer in answers:
        if not isinstance(answer, Mapping) or not all(
            isinstance(stated, str) or callable(stated) for stated in answer.values()
        ):
            raise Refused(hook, f"it should return a dict of name to function or 'module:function'; got {answer!r:.80}")
        if set(answer) - own:
            raise Refused(hook, f"it states a formula for {min(set(answer) - own)!r}, which is no part of its own")
        found |= answer
    return found


def _checked_records(hook: str, answers: list[Any], kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for answer in answers:
        if not isinstance(answer, list | tuple) or not all(isinstance(item, kind) for item in answer):
            raise Refused(hook, f"it should return a list of {kind.__name__} records; got {answer!r:.80}")
        for item in answer:
            if item.name in found:
                raise Refused(hook, f"it offers {item.name!r} twice")
            found[item.name] = item
    return found


def check_names(plugin: Plugin, answers: Answers, plugins: set[str], owners: Mapping[tuple[str, str], Plugin]) -> None:
    """Refuse names outside the plugin's own, and names already taken."""
    for kind, offered in answers.items():
        for name in offered:
            if kind in KINDS and not name.startswith(f"{plugin.name}."):
                raise Refused("names", f"its {kind} {name!r} should be called '{plugin.name}.<part>'")
            family = name.split("-")[0]
            if kind == "variant" and family in plugins - {plugin.name}:
                raise Refused(
                    "names", f"its variant {name!r} has a name that belongs to the plugin {family!r}; choose another"
                )
            if (kind, name) in owners:
                raise Refused(
                    "names",
                    f"its {kind} {name!r} is already offered by {owners[kind, name].origin}; choose another name",
                )
