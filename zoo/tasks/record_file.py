"""Reading the file that describes a task of one's own, in TOML or JSON."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, ValidationError

from zoo.core.errors import ZooError, explain, listed, nearest
from zoo.core.files import read_regular
from zoo.core.json_files import parse_object
from zoo.core.specs import Name, Record
from zoo.tasks.folders import renamed, stored_data
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.metrics import metrics_of
from zoo.tasks.record import HELD_OUT, Files, RecordTask
from zoo.tasks.scoring import check_task
from zoo.tasks.tables import FORMATS, Column, read_fields

SUFFIXES = (".toml", ".json")
LARGEST = 1_000_000
"""The most bytes of such a file."""

OWN = "own"
"""The suite of all such tasks."""

DEV = ("dev", "validation")
"""How the names of splits begin that are scored on."""

MOST_LABELS = 1_000
"""The most labels that are proposed to one who has given none."""


def _several(value: Any) -> tuple[str, ...]:
    """The names in a value. Raises ValueError if it is neither a name nor a list of names."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("should be a name, or a list of names")
    return tuple(names)


def _one_or_several(value: Any) -> Column:
    return value if isinstance(value, str) else _several(value)


def _by_split(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError('should name the files of each split, such as train = "train.csv"')
    return value


def _limits(value: Any) -> tuple[Any, ...]:
    numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(end, int | float) for end in value)
    if not numbers or not value[0] < value[1]:
        raise ValueError("should be the lowest and the highest score, as [0, 5]")
    return tuple(map(float, value))


OneFile: TypeAlias = Annotated[Files, BeforeValidator(_several)]
OneColumn: TypeAlias = Annotated[Column, BeforeValidator(_one_or_several)]


class TaskFile(Record):
    """What a user writes. Paths are relative to the file's own folder, and lie in it.

    Items lie in `files`, or in the `folder` of a data set of the data sets library, called `config` if there are
    several in it; `splits` are its own names of train, dev and so on. Without dev, a share of train is `held_out`.
    """

    name: Name
    kind: str
    files: Annotated[dict[str, OneFile], BeforeValidator(_by_split)] = Field(default={})
    folder: str | None = None
    config: str | None = None
    splits: dict[str, str] = Field(default={})
    columns: dict[str, OneColumn] = Field(default={})
    names: tuple[str, ...] | None = None
    unlabelled: tuple[str, ...] = ()
    score_range: Annotated[tuple[float, float], BeforeValidator(_limits)] | None = None
    held_out: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    labels: tuple[str, ...] = ()
    label_aliases: tuple[tuple[str, ...], ...] = ()
    metrics: tuple[str, ...] = ()
    options: dict[str, JsonValue] = Field(default={})
    citation: str = ""
    version: int = 1


class Described:
    """What has a kind, for a record that is not complete yet."""

    def __init__(self, file: TaskFile, pair: bool) -> None:
        self.kind, self.labels, self.pair, self.options = file.kind, file.labels, pair, file.options


def is_task_file(name: str) -> bool:
    """Whether a name is that of such a file, and not of an installed task."""
    return name.endswith(SUFFIXES)


def read_task_file(path: Path) -> RecordTask:
    """The task that a file describes. Raises ZooError, with the line if it is known, for anything that doesn't fit."""
    text = _text(path)
    found = _parsed(path, text)
    _refuse_unknown(path, text, found)
    try:
        return _completed(path, text, TaskFile.model_validate_json(json.dumps(found, default=str)))
    except ValidationError as error:
        steps = [str(step) for step in reversed(error.errors()[0]["loc"])]
        where = next((place for step in steps if (place := _place(path, text, step)) != str(path)), str(path))
        raise ZooError(f"{where}: {explain(error)}") from None


def _text(path: Path) -> str:
    content = read_regular(path, LARGEST)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ZooError(f"{path}:{line}: is not UTF-8; save the file as UTF-8") from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    if path.suffix == ".json":
        return parse_object(text.encode(), str(path))
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = place[1] if place else text.count("\n") + 1
        raise ZooError(f"{path}:{line}: not valid TOML: {str(error).partition(' (at ')[0]}") from None


def _refuse_unknown(path: Path, text: str, found: Mapping[str, Any]) -> None:
    for key in found:
        if key not in TaskFile.model_fields:
            raise _unknown(_place(path, text, key), key, "a key of a task file", TaskFile.model_fields)


def _unknown(where: str, name: str, what: str, known: Iterable[str]) -> ZooError:
    close = nearest(name, known := list(known))
    hint = f"; did you mean {close!r}? There" if close else "; there"
    return ZooError(f"{where}: {name!r:.60} is not {what}{hint} are {listed(known, len(known))}")


def _place(path: Path, text: str, key: str) -> str:
    """A file with the line where a key is first given, if one is."""
    written = rf"""^[\s{{]*\[?["']?(?:[\w.]+\.)?{re.escape(key)}["']?(?:\.[\w.]+)?\]?\s*(?:[=:]|$)"""
    lines = (number for number, line in enumerate(text.splitlines(), 1) if key and re.search(written, line))
    number = next(lines, None)
    return f"{path}:{number}" if number else str(path)


def _completed(path: Path, text: str, file: TaskFile) -> RecordTask:
    kind, pair = _kind(path, text, file)
    names = [field.name for field in kind.fields()]
    for field in file.columns:
        if field not in names:
            raise _unknown(_place(path, text, field), field, f"a field of {file.kind}", names)
    files, class_names = _files(path, text, file)
    _refuse_unfit_files(path, text, files, kind, file.held_out)
    gold = _gold_field(kind)
    if file.score_range and (file.labels or kind.problem()):
        raise ZooError(f"{_place(path, text, 'score_range')}: score_range is of scores; a {file.kind} task has labels")
    _refuse_contradictions(path, text, file, files, gold)
    column = file.columns.get(gold, gold)
    named = class_names.get(column, ()) if isinstance(column, str) and kind.problem() else ()
    task = RecordTask(
        name=file.name,
        version=file.version,
        suite=OWN,
        kind=file.kind,
        pair=pair,
        options=file.options,
        labels=file.labels or named or _labels_needed(path, file, kind, files),
        label_aliases=file.label_aliases,
        metrics=file.metrics or tuple(metrics_of(file.kind))[:1],
        dev_splits=(HELD_OUT,) if file.held_out else tuple(split for split in files if split.startswith(DEV)),
        citation=file.citation or f"a task of one's own, {path.name}",
        files=files,
        columns=file.columns,
        names=file.names,
        class_names=class_names,
        unlabelled=file.unlabelled,
        score_range=file.score_range,
        held_out=file.held_out,
        place=str(path.parent.resolve()),
    )
    try:
        check_task(task)
    except ZooError as error:
        raise ZooError(f"{path}: {error}") from None
    return task


def _gold_field(kind: TaskKind) -> str:
    """The name of the first field that holds the label; empty for a kind whose items all have the same."""
    return next((field.name for field in kind.fields() if field.gold), "")


def _refuse_contradictions(
    path: Path, text: str, file: TaskFile, files: Mapping[str, tuple[str, ...]], gold: str
) -> None:
    """Raises ZooError for what is given twice, a scored split without labels, and a label that is read as text."""
    for key, given in (
        ("labels", file.labels),
        ("metrics", file.metrics),
        *(("files", names) for names in files.values()),
    ):
        if twice := [name for index, name in enumerate(given) if name in given[:index]]:
            raise ZooError(f"{_place(path, text, key)}: {twice[0]!r:.80} is given twice in {key}")
    where = _place(path, text, "unlabelled")
    for split in file.unlabelled:
        if split not in files:
            raise _unknown(where, split, "a split of this task", files)
        if split == "train" or split.startswith(DEV):
            raise ZooError(f"{where}: {split!r:.60} is trained or scored on, so its labels are needed")
    column = file.columns.get(gold, gold)
    for field, other in file.columns.items():
        if field != gold and other == column:
            raise ZooError(f"{_place(path, text, field)}: {field} is read from the column of the {gold}, {other!r:.60}")


def _files(path: Path, text: str, file: TaskFile) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The files of each split, and the words for the class ids of columns that have them."""
    if bool(file.files) == bool(file.folder):
        raise ZooError(f"{path}: give either files, as train and dev, or the folder of a data set")
    if file.folder is None:
        return dict(file.files), {}
    where = _place(path, text, "folder")
    if not _is_inside(path, file.folder):
        raise ZooError(f"{where}: {file.folder!r:.80} is outside the folder of the task file")
    try:
        stored = stored_data(path.parent / file.folder, file.config)
        splits = renamed(str(path.parent / file.folder), stored.files, file.splits)
    except ZooError as error:
        raise ZooError(f"{where}: {error}") from None
    files = {
        split: tuple(its.relative_to(path.parent).as_posix() for its in stored.files[name])
        for split, name in splits.items()
    }
    return files, dict(stored.class_names)


def _is_inside(path: Path, name: str) -> bool:
    """Whether a path in a task file lies in the file's own folder."""
    inside = (path.parent / name).resolve().is_relative_to(path.parent.resolve())
    return inside and not Path(name).is_absolute()


def _kind(path: Path, text: str, file: TaskFile) -> tuple[TaskKind, bool]:
    """The kind, for pairs if the file names a column for the second text, or the kind has nothing else."""
    try:
        single, pairs = (task_kind(Described(file, pair)) for pair in (False, True))
    except ZooError as error:
        raise ZooError(f"{_place(path, text, 'kind')}: {error}") from None
    only_pairs = not pairs.problem() and bool(single.problem())
    pair = only_pairs or not {*file.columns}.isdisjoint(
        {field.name for field in pairs.fields()} - {field.name for field in single.fields()}
    )
    return (pairs if pair else single), pair


def _refuse_unfit_files(
    path: Path, text: str, files: Mapping[str, tuple[str, ...]], kind: TaskKind, held_out: float | None
) -> None:
    dev = [split for split in files if split.startswith(DEV)]
    if held_out and dev:
        raise ZooError(f"{_place(path, text, 'held_out')}: there is {dev[0]} to score on; leave out held_out")
    if kind.by_likelihood and ("train" in files or not dev):
        raise ZooError(f"{_place(path, text, 'files')}: nothing is trained on such a task; files should name dev alone")
    if not kind.by_likelihood and ("train" not in files or not (dev or held_out)):
        instead = "; without dev, held_out = 0.1 scores on a tenth of train" if "train" in files else ""
        raise ZooError(
            f"{_place(path, text, 'files')}: files should name train and dev, and names {listed([*files])}{instead}"
        )
    for split, names in files.items():
        for name in names:
            if not _is_inside(path, name):
                raise ZooError(f"{_place(path, text, split)}: {name!r:.80} is outside the folder of the task file")
            if not name.removesuffix(".gz").endswith(tuple(FORMATS)):
                raise ZooError(f"{_place(path, text, split)}: the name {name!r:.80} must end in {', '.join(FORMATS)}")


def _labels_needed(path: Path, file: TaskFile, kind: TaskKind, files: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """None, if the kind has none. Raises ZooError with those of the training file otherwise."""
    if not kind.problem():
        return ()
    gold = _gold_field(kind)
    column = file.columns.get(gold, gold)
    data = path.parent / files["train"][0]
    found = {word for _, row in read_fields(data, {gold: column}, (), file.names) for word in kind.labels_in(row[gold])}
    if not 1 < len(found) <= MOST_LABELS:
        raise ZooError(f"{path}: a {file.kind} task {kind.problem()}; {data} has {len(found)} in column {column!r}")
    raise ZooError(
        f"{path}: give the labels, in the order of class ids; {data} has: labels = {json.dumps(sorted(found))}"
    )
