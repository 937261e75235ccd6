"""A safetensors file that is written a few rows at a time, its header last."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from zoo.core.errors import RunFailed, ZooError
from zoo.core.files import is_device

SUFFIX = ".safetensors"

HEADER = 8_192
"""Bytes set aside for the header, which spaces fill up, as the format allows."""


class VectorFile:
    """Vectors [rows, H] and, where a text has several, the number of each text's rows, `lengths` [N]; and metadata.

    The file appears under its name when it is complete; until then, and after a failure, an older one stays.
    Raises ZooError for a name of another kind of file, and RunFailed if the disk refuses.
    """

    def __init__(self, path: Path, width: int, *, several: bool, metadata: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._width = width
        self._rows = 0
        self._texts = 0
        self._several = several
        self.metadata = dict(metadata or {})

    def __enter__(self) -> Self:
        if self._path.is_dir() or is_device(self._path):
            what = "a folder" if self._path.is_dir() else "a pipe or a device"
            raise ZooError(f"{self._path} is {what}; give the name of a file")
        if self._path.suffix not in ("", SUFFIX):
            raise ZooError(f"{self._path}: vectors are written as safetensors; name the file {self._path.stem}{SUFFIX}")
        with self._telling():
            self._file = self._part.open("wb")
            self._lengths = tempfile.TemporaryFile()  # closed with the vectors
            self._file.write(b" " * (8 + HEADER))
        return self

    def add(self, vectors: list[Tensor]) -> None:
        """The vectors of some more texts, [H] or [S, H] each."""
        with self._telling():
            for rows in vectors if self._several else [torch.stack(vectors)]:
                self._file.write(rows.contiguous().numpy().astype("<f4", copy=False).data)
                self._rows += len(rows)
                if self._several:
                    self._lengths.write(np.int64(len(rows)).tobytes())
            self._texts += len(vectors)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._telling(), self._file, self._lengths:
                if kind is None:
                    self._finish()
            if kind is None:
                with self._telling():
                    os.replace(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """A disk that refuses, in one line."""
        try:
            yield
        except OSError as error:
            reason = f"{error.strerror}; what was there before is untouched"
            raise RunFailed(f"cannot write {self._path}: {reason}") from error

    def _finish(self) -> None:
        size = 4 * self._rows * self._width
        header: dict[str, object] = {
            "__metadata__": self.metadata,
            "vectors": {"dtype": "F32", "shape": [self._rows, self._width], "data_offsets": [0, size]},
        }
        if self._several:
            header["lengths"] = {
                "dtype": "I64", "shape": [self._texts], "data_offsets": [size, size + 8 * self._texts]
            }  # fmt: skip
            self._lengths.seek(0)
            shutil.copyfileobj(self._lengths, self._file)
        self._file.seek(0)
        self._file.write(HEADER.to_bytes(8, "little") + json.dumps(header).encode().ljust(HEADER))
        self._file.flush()
        os.fsync(self._file.fileno())
