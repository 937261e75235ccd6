"""A command's options, made from the record of options of its Python function."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from zoo.commands.completion import COMPLETIONS
from zoo.core.errors import explain
from zoo.core.options import Help, Options, read_several

Command = TypeVar("Command", bound=Callable[..., Any])


def takes(record: type[Options]) -> Callable[[Command], Command]:
    """A command that takes every field of a record as an option, and gets the record as `options`."""

    def decorated(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]
        arguments = [parameter for parameter in own if parameter.kind is not parameter.KEYWORD_ONLY]
        parameters = [*arguments, *options_of(record), *(each for each in own if each not in arguments)]

        @wraps(command)
        def called(**given: Any) -> Any:
            options = record.of({name: given.pop(name, None) for name in record.model_fields})
            return command(**given, options=options)

        called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        called.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in parameters]
        )
        return called  # type: ignore[return-value]

    return decorated


def options_of(record: type[Options]) -> Iterator[inspect.Parameter]:
    """A parameter for each field, as typer reads it; what is not given is None."""
    for name, field in record.model_fields.items():
        info = next(extra for extra in field.metadata if isinstance(extra, Help))
        shown = (
            not field.is_required() and field.default is not None and field.default is not False and field.default != ()
        )
        default = info.default or (str(field.default) if shown else "")
        hints = [f"{what} {value}" for what, value in (("default:", default), ("e.g.", info.example)) if value]
        annotation, how = _as_typed(name, field)
        option = typer.Option(
            ... if field.is_required() else None,
            *how.pop("flags", ()),
            help=_escaped(info.text) + (f" [dim]({_escaped('; '.join(hints))})[/dim]" if hints else ""),
            rich_help_panel=info.group,
            autocompletion=COMPLETIONS.get(info.completes) or _values(field.annotation),
            show_default=False,
            **how,
        )
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation)


def _escaped(text: str) -> str:
    """A text without the markup of rich, which only those with a bracket need to import."""
    if "[" not in text:
        return text
    from rich.markup import escape

    return escape(text)


def _as_typed(name: str, field: FieldInfo) -> tuple[Any, dict[str, Any]]:
    """How a field is typed on a command line: the annotation for typer, and what its option needs."""
    kind: Any = Annotated.__class_getitem__((field.annotation, *field.metadata))  # type: ignore[attr-defined]
    core, flag = _core(field.annotation), name.replace("_", "-")
    if core is bool:
        return bool | None, {"flags": [f"--{flag}" if field.annotation is bool else f"--{flag}/--no-{flag}"]}
    if get_origin(core) is tuple:
        what = "PATH" if get_args(core)[0] is Path else "NAME"
        if any(isinstance(extra, BeforeValidator) and extra.func is read_several for extra in field.metadata):
            return list[str] | None, {"metavar": what}
        return str | None, {"metavar": f"{what},{what}", "parser": _parser(kind)}
    if get_origin(core) is dict:
        return str | None, {"metavar": "N,NAME=N", "parser": _parser(kind)}
    known = {int: "N", float: "X", str: "NAME", Path: "PATH"}
    return str | None, {"metavar": known.get(core) or "|".join(get_args(core)), "parser": _parser(kind)}


def _parser(kind: Any) -> Callable[[str], object]:
    adapter: TypeAdapter[object] = TypeAdapter(kind)

    def parse(text: str) -> object:
        try:
            return adapter.validate_python(text)
        except ValidationError as error:
            raise typer.BadParameter(explain(error)) from None

    return parse


def _core(annotation: Any) -> Any:
    """The type without what is annotated, and of a union the last that is not None."""
    if get_origin(annotation) is Annotated:
        return _core(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _core([choice for choice in get_args(annotation) if choice is not type(None)][-1])
    return annotation


def _values(annotation: Any) -> Callable[[str], list[str]] | None:
    """The completion of an option that takes one of a few words."""
    core = _core(annotation)
    if get_origin(core) is not Literal:
        return None

    def offered(incomplete: str) -> list[str]:
        return [word for word in get_args(core) if word.startswith(incomplete)]

    return offered
