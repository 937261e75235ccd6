"""Makes docs/api-reference.md from the docstrings: python docs/api_reference.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zoo
from zoo.core.options import Help, Options

PAGE = Path(__file__).with_name("api-reference.md")

HEAD = """# API reference

Every public name of `zoo`, from its docstring. [Python API](python-api.md) shows how they are used; the classes for
plugins are explained in [Writing a variant](writing-a-variant.md). This page is made by `docs/api_reference.py`.

What is no function or class: `hookimpl` marks a plugin's hook; `Ids` and `Flags` are the types of token ids and of
flags per token; `IGNORE` is the target of a token that is not predicted.
"""

PLAIN = ("hookimpl", "Ids", "Flags", "IGNORE")

SECTIONS = {
    "Compare, ablate, judge, report": ("zoo.api.experiments", "zoo.api.judging", "zoo.api.boards"),
    "Pre-train": ("zoo.api.pretraining",),
    "Audit": ("zoo.api.audits",),
    "Use a model": (
        "zoo.api.models",
        "zoo.api.scoring",
        "zoo.api.probing",
        "zoo.checkpoints",
        "zoo.model",
        "zoo.inference",
    ),
    "What the functions return": ("zoo.api",),
    "Variants and the catalog": ("zoo.core.specs", "zoo.registry"),
    "Tasks": ("zoo.tasks",),
    "Write a plugin": ("zoo.api.plugins",),
    "Interfaces, for plugins": ("zoo.core.interfaces", "zoo.core.batch", "zoo.experiments", "zoo.document"),
    "Errors": ("zoo.core.errors",),
}
"""Headings, and the modules that define what stands below them."""


def page() -> str:
    """The whole page."""
    names = {name: getattr(zoo, name) for name in zoo.__all__ if name not in PLAIN}
    shown: dict[type[Options], str] = {}
    lines = [HEAD.strip()]
    for heading in SECTIONS:
        chosen = [name for name, value in names.items() if _heading(value) == heading]
        chosen.sort(key=lambda name: (names[name].__module__, _line(names[name])))
        lines += [f"## {heading}", *("\n\n".join(_entry(name, names[name], shown)) for name in chosen)]
    return "\n\n".join(lines) + "\n"


def _line(value: Any) -> int:
    """Where a function or class stands in its file."""
    return inspect.getsourcelines(value)[1]


def _in(value: Any, modules: tuple[str, ...]) -> bool:
    return any(str(getattr(value, "__module__", "")).startswith(module) for module in modules)


def _heading(value: Any) -> str:
    """The heading below which a value stands: a record that a function of the API returns is with the other records."""
    if inspect.isclass(value) and str(value.__module__).startswith("zoo.api"):
        return "What the functions return"
    return next((heading for heading, modules in SECTIONS.items() if _in(value, modules)), "Interfaces, for plugins")


def _entry(name: str, value: Any, shown: dict[type[Options], str]) -> Iterator[str]:
    options = getattr(value, "__options__", None)
    yield f"### `{name}{_signature(value, options)}`"
    if text := inspect.getdoc(value):
        yield text
    if options is not None:
        yield from _options(options, shown)
        shown.setdefault(options, name)
    if inspect.isclass(value):
        yield from _members(value)


def _options(record: type[Options], shown: dict[type[Options], str]) -> Iterator[str]:
    """The table of a record's options; of one that was shown before, only what it has beside."""
    before = next((each for each in record.__mro__ if each in shown), None)
    if before is record:
        yield f"Options: those of `{shown[record]}`."
    elif before is not None:
        yield f"Options: those of `{shown[before]}`, and:"
        yield _table(record, list(record.__annotations__))
    else:
        yield _table(record, list(record.model_fields))


def _signature(value: Any, options: type[Options] | None) -> str:
    if inspect.isclass(value) or not callable(value):
        return ""
    parameters = inspect.signature(value).parameters.values()
    named = [_parameter(each) for each in parameters if options is None or each.name not in options.model_fields]
    plain = [each.replace("KEYWORD ", "") for each in named]
    if any(each.startswith("KEYWORD ") for each in named) and not any(each.startswith("*") for each in named):
        plain.insert(next(i for i, each in enumerate(named) if each.startswith("KEYWORD ")), "*")
    return f"({', '.join([*plain, *(['**options'] if options else [])])})"


def _parameter(parameter: inspect.Parameter) -> str:
    star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
    return f"{'KEYWORD ' if parameter.kind is parameter.KEYWORD_ONLY else ''}{star}{parameter.name}{default}"


def _table(record: type[Options], names: list[str]) -> str:
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for name in names:
        field = record.model_fields[name]
        info = next(extra for extra in field.metadata if isinstance(extra, Help))
        default = "required" if field.is_required() else f"`{field.default!r}`"
        meaning = info.text + (f" Not given: {info.default}." if info.default else "")
        rows.append(f"| `{name}` | {default} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def _members(value: type[Any]) -> Iterator[str]:
    """The public methods and properties that a class itself defines."""
    lines = []
    for name, member in [*vars(value).items()]:  # to ask a record for a member may complete its class
        function: Callable[..., Any] | None = getattr(member, "fget", None) or getattr(member, "func", None)
        inner = function or getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(inner) or not inspect.getdoc(inner):
            continue
        first = str(inspect.getdoc(inner)).split("\n\n")[0].replace("\n", " ")
        lines.append(f"- `{name}{'' if function else _signature(inner, None)}`: {first}")
    if lines:
        yield "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
