"""Variant expressions: a variant's name, then fields to exchange, as in `bert-tiny+encoder=albert.shared`.

EXPRESSION = [ OWN "=" ] NAME { "+" FIELD "=" VALUE }                    OWN is a new name for the whole
FIELD      = dims.vocab_size | head.pooling | pretraining.tokens | ...   a number or word of a record
           | encoder | embedding | tokenizer | packing | masking         a part, with its default options
           | objectives                                                  parts, separated by commas
           | objectives.bert.nsp                                         one of them, with its default options
           | quantization                                                a word
           | encoder.share | masking.rate | objectives.bert.mlm.bias     one option of the part in use
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pydantic import JsonValue

from zoo.core.diff import diff
from zoo.core.errors import UnknownName, ZooError, shortened
from zoo.core.record import LONGEST_NAME
from zoo.core.specs import PartRef, Record, Variant

NOT_IN_NAMES = r"[^A-Za-z0-9._+=,:~-]"
"""What a value, such as the path of a file, may have and a name may not."""

_OWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:~-]{,99}")


def base_of(expression: str, is_folder: Callable[[str], bool]) -> str:
    """The name that an expression begins with; the path of a folder may hold a + of its own."""
    parts = expression.split("+")
    starts = ("+".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((start for start in starts if is_folder(start)), parts[0])


def own_name(expression: str, is_folder: Callable[[str], bool]) -> tuple[str, str]:
    """The name that an expression gives, if any, and the rest; an existing folder is not split. Raises ZooError if the
    text before the = is not a valid name.
    """
    own, equals, rest = expression.partition("=")
    if not equals or "+" in own or is_folder(base_of(expression, is_folder)):
        return "", expression
    if not _OWN.fullmatch(own):
        raise ZooError(
            f"{expression!r} is neither a folder that holds a model nor NAME=VARIANT: {own!r} is not a valid name; "
            "use at most 100 letters, digits and . _ , : ~ -"
        )
    return own, rest


def exchanged_fields(expression: str, is_folder: Callable[[str], bool] = lambda name: False) -> frozenset[str]:
    """The paths of the fields that an expression exchanges, as pretraining.tokens; of a plain name, none."""
    rest = expression[len(base_of(expression, is_folder)) :]
    return frozenset(exchange.partition("=")[0] for exchange in rest.split("+") if exchange)


def evaluate(
    expression: str,
    find: Callable[[str], Variant],
    is_folder: Callable[[str], bool] = lambda name: False,
    own: str = "",
) -> Variant:
    """The variant that an expression without its own name means, called `own`, or by the expression itself; `find`
    looks the first name up.

    Raises ZooError for a field that does not exist, a value that does not fit, an exchange that changes nothing, or an
    expression that is too long for a name.
    """
    base = base_of(expression, is_folder)
    exchanges = expression[len(base) + 1 :].split("+") if len(expression) > len(base) else []
    variant = find(base)
    for exchange in exchanges:
        field, equals, value = exchange.partition("=")
        if not equals or not field:
            raise ZooError(f"{exchange!r} in {expression!r} is not of the form +FIELD=VALUE, such as +dims.n_layers=6")
        name = own or f"{variant.name}+{re.sub(NOT_IN_NAMES, '-', exchange)}"
        if len(name) > LONGEST_NAME:
            raise ZooError(
                f"{shortened(expression, 100)!r} makes a name of more than {LONGEST_NAME} characters; give the variant "
                f"a name of its own, for example mine={base}+..."
            )
        changed = _exchange(variant, field, value, name)
        if not diff(variant, changed):
            raise ZooError(f"{exchange!r} in {expression!r} changes nothing: {variant.name} already has it")
        variant = changed
    return variant.model_copy(update={"name": own}) if own else variant


def _exchange(variant: Variant, field: str, value: str, name: str) -> Variant:
    top, _, rest = field.partition(".")
    known = [known for known in Variant.model_fields if known not in ("name", "paper")]
    if top not in known:
        raise UnknownName("field of a variant", top, known, name)
    current = getattr(variant, top)
    new: Any
    if isinstance(current, Record) and not isinstance(current, PartRef):
        if not rest:
            fields = ", ".join(sorted(type(current).model_fields))
            raise ZooError(f"{name!r}: {top} has fields; give one of them as +{top}.FIELD=VALUE: {fields}")
        if rest not in type(current).model_fields:
            raise UnknownName(f"field of {top}", rest, type(current).model_fields, name)
        new = {**dict(current), rest: _off_or_value(value)}
    elif isinstance(current, tuple):
        new = _objectives(current, rest, value, name)
    elif isinstance(current, PartRef) and rest:
        new = _with_option(current, rest, value)
    elif not isinstance(current, PartRef):
        new = _word(top, rest, value, name)
    else:
        new = {"name": value}
    return variant.swap(name, **{top: new})


def _word(field: str, rest: str, value: str, name: str) -> JsonValue:
    if rest:
        raise ZooError(f"{name!r}: {field} is one word and has no field {rest!r}; give it as +{field}=VALUE")
    return _off_or_value(value)


def _objectives(current: tuple[PartRef, ...], path: str, value: str, name: str) -> tuple[PartRef | dict[str, str], ...]:
    in_use = {used.name: used for used in current}
    if not path:
        return tuple(in_use.get(chosen, {"name": chosen}) for chosen in value.split(","))
    if path in in_use:
        return tuple({"name": value} if used.name == path else used for used in current)
    part, _, option = path.rpartition(".")
    if part not in in_use:
        raise UnknownName("objective in use", part, in_use, name)
    return tuple(_with_option(used, option, value) if used.name == part else used for used in current)


def _with_option(used: PartRef, option: str, value: str) -> PartRef:
    return PartRef(name=used.name, options={**used.options, option: _value(value)})


def _off_or_value(text: str) -> JsonValue:
    """As `_value`, and none switches a field off, as in --tune."""
    return None if text == "none" else _value(text)


def _value(text: str) -> JsonValue:
    """A JSON number, true, false or null; anything else is a word."""
    try:
        value: JsonValue = json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text
    return value
