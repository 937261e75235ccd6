"""The tensors of a folder, in one safetensors file or in shards: by name, mapped into memory when read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.core.errors import ZooError, listed, shortened
from zoo.core.json_files import read_object
from zoo.weights.header import MOST_TENSORS, Entry, read_header

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin", "pytorch_model.pt")

_SHARD = re.compile(r"[^/\\\0-\x1f]{1,200}\.safetensors")
"""The name of a file in the same folder."""


@dataclass(frozen=True)
class SafetensorsFiles:
    """The file, type and shape of each tensor, and the files' metadata."""

    folder: Path
    files: Mapping[str, Path]
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]

    @property
    def where(self) -> Path:
        """The one file, or the folder of several."""
        found = set(self.files.values())
        return found.pop() if len(found) == 1 else self.folder

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        """Tensors by name, mapped into memory, not copied. Raises ZooError for NaN and infinite values."""
        from safetensors import SafetensorError, safe_open

        wanted = sorted(names, key=lambda name: (str(self.files[name]), self.entries[name].start))
        for path in dict.fromkeys(self.files[name] for name in wanted):
            try:
                with safe_open(path, framework="pt") as file:
                    for name in wanted:
                        if self.files[name] == path:
                            yield name, _finite(file.get_tensor(name), name, path)
            except (OSError, SafetensorError) as error:
                raise ZooError(f"{path}: {' '.join(str(error).split())}") from None


def open_safetensors(folder: Path) -> SafetensorsFiles:
    """The weights of a folder, every header checked and no tensor read. Raises ZooError."""
    if not folder.is_dir():
        raise ZooError(f"{folder} is not a folder; give one that holds {WEIGHTS}")
    if (folder / INDEX).exists() and not (folder / WEIGHTS).exists():
        return _open_shards(folder)
    path = folder / WEIGHTS
    if not path.exists():
        _refuse_pickle(folder)
        raise ZooError(f"{folder} holds no {WEIGHTS}")
    return open_safetensors_file(path)


def open_safetensors_file(path: Path) -> SafetensorsFiles:
    """The weights of one file, its header checked and no tensor read. Raises ZooError."""
    header = read_header(path)
    return SafetensorsFiles(path.parent, dict.fromkeys(header.entries, path), header.entries, header.metadata)


def _open_shards(folder: Path) -> SafetensorsFiles:
    path = folder / INDEX
    index = read_object(path).get("weight_map")
    if not isinstance(index, dict) or not all(isinstance(file, str) for file in index.values()):
        raise ZooError(f"{path}: 'weight_map' should map each tensor to its file")
    if len(index) > MOST_TENSORS:
        raise ZooError(f"{path}: lists {len(index):,} tensors; at most {MOST_TENSORS:,} are read")
    files: dict[str, Path] = {}
    entries: dict[str, Entry] = {}
    metadata: dict[str, str] = {}
    for name in sorted(set(index.values())):
        if not _SHARD.fullmatch(name):
            shown = shortened(repr(name), 200)
            raise ZooError(f"{path}: {shown} is not the name of a safetensors file in the same folder")
        header = read_header(folder / name)
        twice = sorted(tensor for tensor in header.entries if tensor in entries)
        if twice:
            raise ZooError(f"{folder / name}: tensor {twice[0]!r:.200} is also in {files[twice[0]].name}")
        files |= dict.fromkeys(header.entries, folder / name)
        entries |= header.entries
        metadata |= header.metadata
    wrong = sorted(name for name in {*index, *entries} if name not in entries or files[name].name != index.get(name))
    if wrong:
        raise ZooError(f"{path}: not where the index says: {listed(wrong)}")
    return SafetensorsFiles(folder, files, entries, metadata)


def _refuse_pickle(folder: Path) -> None:
    for name in PICKLES:
        if (folder / name).exists():
            old, new = folder / name.removesuffix(".index.json"), folder / WEIGHTS
            raise ZooError(
                f"{folder} holds weights only as {name}, a pickle, which can run code when opened. If you trust it, "
                'convert it once: python -c "import torch, safetensors.torch as s; s.save_file({k: v.clone() for k, v '
                f"in torch.load('{old}', weights_only=True).items()}}, '{new}')\""
            )


def _finite(tensor: Tensor, name: str, path: Path) -> Tensor:
    if tensor.is_floating_point() and tensor.numel():
        low, high = tensor.aminmax()
        if not (low.isfinite() and high.isfinite()):
            raise ZooError(f"{path}: tensor {name!r} holds NaN or infinite values; these weights are broken")
    return tensor
