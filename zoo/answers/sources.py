"""Which files are of which system, task and seed: NAME=PATTERN, with {task} and {seed} in patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from zoo.core.errors import ZooError

TASK, SEED = "{task}", "{seed}"

_GLOB = re.compile(r"\*\*/|\*|\?|\{task\}|\{seed\}")
_AS_REGEX = {"**/": r"(?:.*/)?", "*": r"[^/]*", "?": r"[^/]"}
_NAMED_SEED = re.compile(r"(?:^|[^A-Za-z])(?:seed|run|s)[-_=]?(\d+)(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Match:
    """A file that a pattern matches, and what the pattern says of it."""

    path: Path
    task: str | None = None
    seed: int | None = None


def named(argument: str) -> tuple[str, str]:
    """A system's name and its patterns, from NAME=PATTERN. Raises ZooError if there is no name."""
    name, equals, patterns = argument.partition("=")
    if not (equals and name.strip() and patterns.strip()):
        raise ZooError(f"{argument!r:.80} names no system; write NAME=FILES, such as bert='preds/bert-*.jsonl'")
    return name.strip(), patterns.strip()


def matches(patterns: str, whose: str) -> list[Match]:
    """The files that these patterns match, commas between them, in natural order; those of a folder for its name.

    Raises ZooError if a pattern matches nothing.
    """
    found: list[Match] = []
    for pattern in filter(None, map(str.strip, patterns.split(","))):
        these = list(_matched(pattern + "/*" * Path(pattern).is_dir()))
        if not these:
            what = "is no file" if not _GLOB.search(pattern) else "matches no file"
            raise ZooError(f"{whose}: {pattern!r:.120} {what}; patterns may have *, {TASK} and {SEED}")
        found += these
    if not found:
        raise ZooError(f"{whose}: {patterns!r:.80} names no file")
    if twice := next((str(m.path) for index, m in enumerate(found) if m in found[:index]), None):
        raise ZooError(f"{whose}: {twice} is given twice")
    return found


def _matched(pattern: str) -> Iterator[Match]:
    pattern = str(Path(pattern).expanduser()) if pattern.startswith("~") else pattern
    if Path(pattern).is_file():
        yield Match(Path(pattern))
        return
    regex = re.compile(_regex(pattern))
    for path in sorted(glob(pattern.replace(TASK, "*").replace(SEED, "*"), recursive=True), key=_natural):
        if Path(path).is_file() and (found := regex.fullmatch(path)):
            parts = found.groupdict()
            yield Match(Path(path), parts.get("task"), int(parts["seed"]) if "seed" in parts else None)


def _regex(pattern: str) -> str:
    """The pattern as a regular expression, in which a name that stands twice means the same both times."""
    made, end, seen = "", 0, set[str]()
    for found in _GLOB.finditer(pattern):
        made += re.escape(pattern[end : found.start()])
        token, end = found[0], found.end()
        if token in (TASK, SEED):
            name = token.strip("{}")
            made += f"(?P={name})" if name in seen else f"(?P<{name}>{r'[^/]+' if token == TASK else r'[0-9]{1,9}'})"
            seen.add(name)
        else:
            made += _AS_REGEX[token]
    return made + re.escape(pattern[end:])


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path)]


def by_seed(found: Sequence[Match], whose: str) -> dict[int, Path]:
    """A system's files on one task by seed: as the pattern or the names say, else numbered in order.

    A name says a seed as seed3, s-3 or run_3, or by the only number in which the names differ. Raises ZooError if two
    files have the same seed.
    """
    asked = [m.seed for m in found]
    seeds = asked if None not in asked else _told([str(m.path) for m in found])
    files: dict[int, Path] = {}
    for m, seed in zip(found, seeds, strict=True):
        if (before := files.setdefault(int(seed or 0), m.path)) is not m.path:
            raise ZooError(f"{whose}: {before} and {m.path} are both of seed {seed}")
    return files


def _told(paths: Sequence[str]) -> Sequence[int]:
    named = [found[-1] if (found := _NAMED_SEED.findall(path)) else None for path in paths]
    numbers = [re.findall(r"\d+", path) for path in paths]
    places = range(len(numbers[0])) if len({len(its) for its in numbers}) == 1 else ()
    differing = [place for place in places if len({its[place] for its in numbers}) > 1]
    differ = [its[differing[0]] for its in numbers] if len(differing) == 1 else []
    for seeds in (named, differ):
        if len({*seeds} - {None}) == len(paths):
            return [int(seed) % 10**9 for seed in seeds if seed is not None]
    return range(len(paths))


def by_task(found: Sequence[Match], tasks: Sequence[str] | None, only: str) -> Mapping[str, list[Match]]:
    """A system's files by task, names compared without case; without {task} in the pattern, all are of the only one.

    Files of tasks that are not asked for are left out.
    """
    spelled = {task.casefold(): task for task in tasks or ()}
    by: dict[str, list[Match]] = {}
    for m in found:
        name = only if m.task is None else m.task if tasks is None else spelled.get(m.task.casefold())
        if name is not None:
            by.setdefault(name, []).append(m)
    return by
