"""The fields in which two records differ."""

from __future__ import annotations

from pydantic import JsonValue

from zoo.core.specs import Record


def diff(a: Record, b: Record) -> dict[str, tuple[JsonValue, JsonValue]]:
    """The fields in which two records differ, by dotted path; None for a field that one lacks."""
    left, right = _flat(a), _flat(b)
    paths = [*left, *(path for path in right if path not in left)]
    return {p: (left.get(p), right.get(p)) for p in paths if p != "name" and left.get(p) != right.get(p)}


def _flat(record: Record) -> dict[str, JsonValue]:
    flat: dict[str, JsonValue] = {}
    for field, value in record.model_dump(mode="json").items():
        if field == "objectives":
            flat[field] = [used["name"] for used in value]
            for used in value:
                flat |= {f"{field}.{used['name']}.{key}": option for key, option in used["options"].items()}
        elif isinstance(value, dict) and set(value) == {"name", "options"}:
            flat[field] = value["name"]
            flat |= {f"{field}.{key}": option for key, option in value["options"].items()}
        elif isinstance(value, dict):
            flat |= {f"{field}.{key}": inner for key, inner in value.items()}
        else:
            flat[field] = value
    return flat
