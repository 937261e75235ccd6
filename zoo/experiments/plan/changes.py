"""What differs between two plans, in words for an error message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from zoo.core.diff import diff
from zoo.core.errors import shortened
from zoo.core.specs import Record
from zoo.experiments.plan.plan import Plan

_BY_NAME = ("variants", "teachers", "tasks", "checkpoints")
"""Fields of several records, each of which is compared with the one of the same name."""

_DECIDES_NOTHING = ("claims", "ablation", "equal", "keep_finetuned", "data_folder", "corpus")
"""Fields on which no result depends; of the text, what counts is its hash."""


def changes(old: Plan, new: Plan) -> list[str]:
    """What results depend on and the plans do not share, a phrase each, such as "seeds (0, 1 there, 0 here)"."""
    return [
        *_fields(old, new),
        *(phrase for what in _BY_NAME for phrase in _named(what, _of(old, what), _of(new, what))),
    ]


def _fields(old: Plan, new: Plan) -> Iterator[str]:
    for path, (there, here) in diff(old, new).items():
        field = path.partition(".")[0]
        if field == "corpus_hash":
            named = old.corpus.description, new.corpus.description
            yield _one("the pre-training text", *named) if named[0] != named[1] else f"the contents of {named[0]}"
        elif field not in (*_BY_NAME, *_DECIDES_NOTHING):
            yield _one(path, there, here)


def _of(plan: Plan, field: str) -> Mapping[str, Record]:
    found = getattr(plan, field)
    return found if isinstance(found, Mapping) else {one.name: one for one in found}


def _named(what: str, old: Mapping[str, Record], new: Mapping[str, Record]) -> Iterator[str]:
    for where, names in (("there", old.keys() - new), ("here", new.keys() - old)):
        if names:
            yield f"{what} {_short(sorted(names))} (only {where})"
    for name in (name for name in old if name in new):
        for path, (there, here) in diff(old[name], new[name]).items():
            yield _one(f"{path} of {name}", there, here)


def _one(what: str, there: object, here: object) -> str:
    return f"{what} ({_short(there)} there, {_short(here)} here)"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value)
    return shortened(text, 80)
