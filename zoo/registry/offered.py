"""What all plugins offer, by kind and name; immutable."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from functools import partial
from html import escape
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Self

from zoo.core.errors import UnknownName, ZooError, listed
from zoo.core.specs import Variant
from zoo.registry.offers import PARTS, Offers
from zoo.registry.plugins import Plugin, Refused, Source, guarded, installed_plugins
from zoo.registry.tables import OnFailure, Tables, stop
from zoo.tasks.kinds import add_kinds
from zoo.tasks.metrics import add_metrics
from zoo.tasks.suites import add_averages

if TYPE_CHECKING:
    from zoo.formulas import Published
    from zoo.registry.paper_tables import PaperTable
    from zoo.registry.search_grids import Grid
    from zoo.tasks.task import Task
    from zoo.weights.formats import Formats

SHOWN = ("variant", "task", *PARTS, "task_kind", "checkpoint_format", "paper_table", "search_grid")
"""The kinds in a catalog's repr."""


class Offered:
    """Everything that the plugins offer, by kind and name. Nothing is imported before it is asked for."""

    def __init__(self, sources: list[Source], on_failure: OnFailure) -> None:
        self.offered = Tables(sources, on_failure)
        self._own_tasks: dict[str, Task] = {}
        self._resolved: dict[tuple[str, str], Any] = {}
        add_kinds(self.offered["task_kind"])
        add_metrics(self.offered["metric"])
        add_averages(self.offered["average"])

    @classmethod
    def installed(cls, *, strict: bool = False, on_failure: OnFailure | None = None) -> Self:
        """Everything offered by installed distributions. Failures are left out and logged.

        With `strict` any failure raises ZooError at once; `on_failure` is called in place of the log.
        """
        return cls(installed_plugins(), stop if strict else on_failure or _log)._loaded(strict)

    @classmethod
    def of(cls, *plugins: object, **offers: Offers) -> Self:
        """Only these plugins, modules or objects with the hook, or records by plugin's name: for tests and notebooks.

        A failure raises ZooError.
        """
        named = {getattr(given, "__name__", type(given).__name__).removeprefix("zoo_"): given for given in plugins}
        sources: list[Source] = [
            (Plugin(name, "given", "-"), lambda given=given: given)  # type: ignore[misc]
            for name, given in (named | offers).items()
        ]
        return cls(sources, stop)._loaded(strict=True)

    def _loaded(self, strict: bool) -> Self:
        if strict:
            _ = self.plugins
        return self

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin, with what it registers and what failed."""
        return self.offered.plugins

    @property
    def parts(self) -> Mapping[str, Mapping[str, type[Any] | str]]:
        """Classes of parts or their "module:Class", by kind and name."""
        return {kind: self.offered[kind] for kind in PARTS}

    @property
    def variants(self) -> Mapping[str, Variant]:
        """Variants by name."""
        return self.offered["variant"]

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Tasks by name."""
        return {**self.offered["task"], **self._own_tasks}

    @property
    def checkpoint_formats(self) -> Formats:
        """Layouts of checkpoints by model_type, and what makes them for others."""
        from zoo.weights.formats import Formats

        makers = {name: partial(self.resolve, "format_maker", name) for name in self.offered["format_maker"]}
        return Formats(self.offered["checkpoint_format"], makers)

    @property
    def published_counts(self) -> Mapping[str, Published]:
        """Parameter counts as printed, by variant and source."""
        return self.offered["published_count"]

    @property
    def paper_tables(self) -> Mapping[str, PaperTable]:
        """Tables of papers by name."""
        return self.offered["paper_table"]

    @property
    def search_grids(self) -> Mapping[str, Grid]:
        """Settings of fine-tuning to try, by name."""
        return self.offered["search_grid"]

    def task(self, name: str) -> Task:
        """The task of this name, or the one that the file of this name describes. Raises UnknownName or ZooError."""
        from zoo.tasks.record_file import is_task_file, read_task_file

        if is_task_file(name) and name not in self.tasks:
            return self._new(read_task_file(Path(name)))
        if name not in self.tasks:
            if suite := [task.name for task in self.tasks.values() if task.suite == name]:
                raise ZooError(f"{name!r} is a suite of several tasks; name one of them: {listed(suite, len(suite))}")
            if Path(name).exists():
                raise ZooError(
                    f"{name} is no task; describe the task in a file, such as task.toml, and give that file's name"
                )
            raise UnknownName("task", name, self.tasks)
        return self.tasks[name]

    def with_tasks(self, tasks: Iterable[Task]) -> Self:
        """The same with tasks that no plugin offers besides. Raises ZooError if a plugin has one of the name."""
        more = copy(self)
        more._own_tasks = {**self._own_tasks, **{task.name: self._new(task) for task in tasks}}
        return more

    def _new(self, task: Task) -> Task:
        if task.name in self.offered["task"]:
            raise ZooError(f"{task.name!r} is the name of an installed task; give your own another")
        return task

    def paper_table(self, name: str) -> PaperTable:
        """The paper's table of this name. Raises UnknownName."""
        table: PaperTable = self._find("paper_table", name)
        return table

    def search_grid(self, name: str) -> Grid:
        """The settings of this name. Raises UnknownName."""
        grid: Grid = self._find("search_grid", name)
        return grid

    def task_kind(self, name: str) -> Any:
        """The task kind of this name. Raises UnknownName, and ZooError if it fails to import."""
        return self.resolve("task_kind", name)

    def metric(self, name: str) -> Any:
        """The metric of this name. Raises as `task_kind`."""
        return self.resolve("metric", name)

    def report_format(self, name: str) -> Any:
        """The report format of this name. Raises as `task_kind`."""
        return self.resolve("report_format", name)

    def executor(self, name: str) -> Any:
        """The executor of this name. Raises as `task_kind`."""
        return self.resolve("executor", name)

    def part(self, kind: str, name: str) -> type[Any]:
        """The class of a part. Raises UnknownName, and ZooError if it fails to import or is no class."""
        found = self.resolve(kind, name)
        if not isinstance(found, type):
            raise ZooError(f"{kind} {name!r} is offered as {self.offered[kind][name]!r}, which is not a class")
        return found

    def resolve(self, kind: str, name: str) -> Any:
        """The object that a name of a kind refers to, imported now. Raises UnknownName, and ZooError if the import
        fails."""
        if (kind, name) not in self._resolved:
            self._resolved[kind, name] = self._imported(kind, name)
        return self._resolved[kind, name]

    def _imported(self, kind: str, name: str) -> Any:
        offered, said = self._find(kind, name), kind.replace("_", " ")
        if not isinstance(offered, str):
            return offered
        try:
            return guarded("import", partial(resolve_name, offered))
        except Refused as refused:
            raise ZooError(f"{said} {name!r} is offered as {offered!r}, which fails to import: {refused}") from refused

    def _find(self, kind: str, name: str) -> Any:
        table = self.offered[kind]
        if name not in table:
            raise UnknownName(kind.replace("_", " "), name, table)
        return table[name]

    def owner(self, kind: str, name: str) -> Plugin:
        """The plugin that registered a name."""
        return self.offered.owner(kind, name)

    def __repr__(self) -> str:
        lines = (f"  {n:>3} {words}: {names}" for n, words, names in self._summary())
        return "\n".join([f"Catalog of {self._origins()}", *lines])

    def _repr_html_(self) -> str:
        rows = (f"<tr><td>{n}</td><td>{words}</td><td>{escape(names)}</td></tr>" for n, words, names in self._summary())
        return f"<table><caption>Catalog of {escape(self._origins())}</caption>{''.join(rows)}</table>"

    def _origins(self) -> str:
        return ", ".join(plugin.origin for plugin in self.plugins)

    def _summary(self) -> Iterator[tuple[int, str, str]]:
        """How many there are of each kind, its words, and the first of the names."""
        for kind in SHOWN:
            if names := [*self.offered[kind]]:
                yield len(names), f"{kind}{'s' if len(names) > 1 else ''}".replace("_", " "), listed(names, 4)


def _log(plugin: Plugin, phase: str, reason: str) -> None:
    logging.getLogger(__name__).warning("plugin %s failed at %s: %s", plugin.origin, phase, reason)
