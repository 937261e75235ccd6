"""Folders of the data sets library: as `save_to_disk` writes them, as a repository holds them, or as they are cached.

Their shards are Parquet or Arrow files, one or several per split, and the words for class ids lie in a shard's schema,
in dataset_info.json, or in the README.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError, listed, nearest
from zoo.core.files import read_regular
from zoo.core.json_files import read_object
from zoo.tasks.arrow import ColumnTable

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "dev": ("dev", "validation", "valid", "val"),
    "test": ("test",),
}
"""By split, what it is called in such folders."""

_SHARD = re.compile(
    r"(?:[\w.-]+-)?(?P<split>[A-Za-z_]\w*)(?:-(?P<number>\d{5})-of-(?P<count>\d{5}))?(?:-[0-9a-f]{16})?\.(?:parquet|arrow)"
)
_NUMBERED = re.compile(r"\d{4,5}\.parquet")
LARGEST_README = 10_000_000

Shards = dict[str, tuple[Path, ...]]


@dataclass(frozen=True)
class StoredData:
    """The files of each split by its own name, and the words for the class ids of each column that has them."""

    files: Shards
    class_names: Mapping[str, tuple[str, ...]]


def stored_data(folder: Path, config: str | None = None) -> StoredData:
    """What lies in a folder of the data sets library; of several data sets in it, that called `config`.

    Raises ZooError if there is none, shards are missing, or it is not clear which data set is meant.
    """
    if not folder.is_dir():
        raise ZooError(f"there is no folder {folder}")
    files = _saved(folder) or _shards(folder, config)
    first = next(iter(files.values()))[0]
    return StoredData(files, _class_names(folder, first, config))


def holds_data(folder: Path) -> bool:
    """Whether a folder is one of the data sets library, or directly holds shards."""
    saved = any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))
    return saved or (folder.is_dir() and any(_SHARD.fullmatch(path.name) for path in folder.iterdir()))


def renamed(where: str, files: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, str]:
    """By the zoo's name of a split, its own: those asked for, or the usual ones. Raises ZooError if one is missing."""
    for name in asked.values():
        if name not in files:
            close = nearest(name, files)
            hint = f"; did you mean {close!r}?" if close else ";"
            raise ZooError(f"{where}: there is no split {name!r:.60}{hint} It has {listed([*files])}")
    usual = {split: next((name for name in names if name in files), None) for split, names in SPLITS.items()}
    found = dict(asked) or {split: name for split, name in usual.items() if name}
    if not {"train", "dev"} <= {*found}:
        example = 'splits = {train = "train", dev = "validation"}'
        raise ZooError(f"{where}: its splits are {listed([*files])}; say which are train and dev, such as {example}")
    return found


def _saved(folder: Path) -> Shards:
    """The shards of what `save_to_disk` wrote, of one split or several."""
    if (folder / "dataset_dict.json").is_file():
        splits = read_object(folder / "dataset_dict.json").get("splits")
        if not isinstance(splits, list) or not all(isinstance(name, str) and _is_plain(name) for name in splits):
            raise ZooError(f"{folder / 'dataset_dict.json'}: does not name the splits")
        return {name: _of_state(folder / name) for name in splits}
    if (folder / "state.json").is_file():
        split = read_object(folder / "state.json").get("_split")
        return {split if isinstance(split, str) else "train": _of_state(folder)}
    return {}


def _of_state(folder: Path) -> tuple[Path, ...]:
    state = folder / "state.json"
    named = [each.get("filename") if isinstance(each, dict) else None for each in _listed(read_object(state))]
    if not named or not all(isinstance(name, str) and _is_plain(name) for name in named):
        raise ZooError(f"{state}: does not name the files of its data")
    return tuple(folder / str(name) for name in named)


def _listed(state: Mapping[str, Any]) -> list[Any]:
    files = state.get("_data_files")
    return files if isinstance(files, list) else []


def _is_plain(name: str) -> bool:
    return Path(name).name == name and name not in ("", "..")


def _shards(folder: Path, config: str | None) -> Shards:
    """The shards below a folder that is laid out as a repository or a cache."""
    by_set: dict[Path, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.rglob("*")):
        if found := _place(path):
            place, split = found
            if config is None or config in place.relative_to(folder).parts or folder.name == config:
                by_set[place][split].append(path)
    if not by_set:
        of = f" of {config!r}" if config else ""
        raise ZooError(f"{folder}: holds no Parquet or Arrow files{of} that the data sets library wrote")
    if len(by_set) > 1:
        names = listed([place.relative_to(folder).as_posix() for place in by_set])
        raise ZooError(f"{folder}: holds several data sets, {names}; say which one is meant, as the key config")
    (shards,) = by_set.values()
    return {split: _complete(paths) for split, paths in shards.items()}


def _place(path: Path) -> tuple[Path, str] | None:
    """The folder of the data set that a shard is of, and its split, if it is a shard."""
    if _NUMBERED.fullmatch(path.name):
        return path.parent.parent, path.parent.name
    found = _SHARD.fullmatch(path.name)
    return (path.parent, found["split"]) if found and not path.name.startswith(("cache-", "tmp")) else None


def _complete(paths: Sequence[Path]) -> tuple[Path, ...]:
    """All shards of a split. Raises ZooError if one is missing."""
    counts = {int(found["count"]) for path in paths if (found := _SHARD.fullmatch(path.name)) and found["count"]}
    if counts and counts != {len(paths)}:
        raise ZooError(f"{paths[0]}: {len(paths)} of {max(counts)} shards are there; download all of them")
    return tuple(paths)


def _class_names(folder: Path, shard: Path, config: str | None) -> dict[str, tuple[str, ...]]:
    """By column, the words of its classes, from the first place that says them."""
    for features in _features(folder, shard, config):
        if found := {column: names for column, its in features if (names := _names(its))}:
            return found
    return {}


def _features(folder: Path, shard: Path, config: str | None) -> Iterator[Iterable[tuple[str, Any]]]:
    """Each place's features, by column."""
    yield ColumnTable(shard).features.items()
    for path in (shard.parent / "dataset_info.json", folder / "dataset_info.json"):
        if path.is_file():
            found = read_object(path).get("features")
            yield found.items() if isinstance(found, dict) else ()
    for place in (folder, *list(shard.parents)[:2]):
        if (place / "README.md").is_file():
            yield _of_readme(place / "README.md", config or shard.parent.name)


def _of_readme(path: Path, config: str) -> list[tuple[str, Any]]:
    """The features that the head of a README says, of the data set called `config` if there are several."""
    import yaml

    text = read_regular(path, LARGEST_README).decode("utf-8", "replace")
    head = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    try:
        said = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        return []
    infos = said.get("dataset_info") if isinstance(said, dict) else None
    several = infos if isinstance(infos, list) else [infos]
    chosen = [
        its for its in several if isinstance(its, dict) and (len(several) == 1 or its.get("config_name") == config)
    ]
    features = chosen[0].get("features") if chosen else None
    return [(str(its.get("name")), its) for its in features or [] if isinstance(its, dict)]


def _names(feature: Any) -> tuple[str, ...]:
    """The words of a feature's classes, also of the classes of a list; in either spelling of the library."""
    if isinstance(feature, list) and feature:
        return _names(feature[0])
    if not isinstance(feature, dict):
        return ()
    names = feature.get("names")
    if isinstance(names, list):
        return tuple(map(str, names))
    if isinstance(names, dict):
        return tuple(str(names[key]) for key in sorted(names, key=lambda key: int(key) if str(key).isdigit() else 0))
    inner = (feature.get(key) for key in ("feature", "class_label", "dtype", "list", "sequence"))
    return next((found for its in inner if (found := _names(its))), ())
