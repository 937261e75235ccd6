"""Signatures of functions that take their options from a record."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from zoo.core.options import Options

F = TypeVar("F", bound=Callable[..., Any])


def takes(record: type[Options]) -> Callable[[F], F]:
    """A function whose **options are the fields of a record: its signature lists them, with their defaults."""

    def decorated(function: F) -> F:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        options = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.is_required() else field.default,
                annotation=field.annotation,
            )
            for name, field in record.model_fields.items()
        ]
        function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        function.__options__ = record  # type: ignore[attr-defined]
        return function

    return decorated
