"""Guarding a project's models: what an audit said once, compared with what it says now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from zoo.auditing.audit import Audit
from zoo.auditing.counts import DEFINITIONS, LABELS, Counts
from zoo.core.errors import ZooError, explain


class ExpectedRow(BaseModel):
    """What was expected of a component."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    part: str
    component: str
    stored: int


class Expectation(BaseModel):
    """What was expected of a variant; whatever else `zoo audit --json` writes is ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    name: str
    counts: Counts
    breakdown: tuple[ExpectedRow, ...] = ()


def read_expectations(path: Path) -> list[Expectation]:
    """A file that `zoo audit --json` wrote. Raises ZooError if it is missing or malformed."""
    try:
        return TypeAdapter(list[Expectation]).validate_json(path.read_bytes())
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ZooError(
            f"{path} is not a list of expectations, as zoo audit --json writes it: {explain(error)}"
        ) from None


def moved(expected: Expectation, audit: Audit) -> list[str]:
    """What differs from the expectation, a line each: definitions, then the components that moved."""
    lines = [
        f"{audit.name}: {LABELS[d]}: expected {was:,}, is {_shown(now)}"
        for d in DEFINITIONS
        if (was := expected.counts.get(d)) is not None and (now := audit.counts.get(d)) != was
    ]
    if not expected.breakdown:
        return lines
    before = _sums((row.part, row.component, row.stored) for row in expected.breakdown)
    after = _sums((row.part, row.component, row.stored) for row in audit.breakdown)
    for part, component in dict.fromkeys((*before, *after)):
        was, now = before.get((part, component), 0), after.get((part, component), 0)
        if was != now:
            lines.append(f"{audit.name}: {part}, {component}: expected {was:,}, is {now:,} ({now - was:+,})")
    return lines


def _shown(count: int | None) -> str:
    return "not there" if count is None else f"{count:,}"


def _sums(rows: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for part, component, stored in rows:
        sums[part, component] = sums.get((part, component), 0) + stored
    return sums
