"""Parquet and Arrow files, read with pyarrow, which comes with the extra `data`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError
from zoo.tasks.rows import Values
from zoo.text.lines import check_readable

BATCH = 8_192
"""Rows that are read at once."""

METADATA = b"huggingface"
"""Where the data sets library keeps its features in a file's schema."""


class ColumnTable:
    """A Parquet or an Arrow file, whose rows are numbered from 1.

    Raises ZooError if it is none, or pyarrow is missing.
    """

    def __init__(self, path: Path) -> None:
        check_readable(path)
        self.path = path
        with _told(path):
            schema = _parquet(path).schema_arrow if path.suffix == ".parquet" else _stream(path).schema
        self.names: tuple[str, ...] = tuple(schema.names)
        self._metadata: dict[bytes, bytes] = schema.metadata or {}

    @property
    def features(self) -> dict[str, Any]:
        """The features of the data sets library, by column; none if the file says none."""
        try:
            found = json.loads(self._metadata.get(METADATA, b"{}"))["info"]["features"]
        except (ValueError, KeyError, TypeError):
            return {}
        return found if isinstance(found, dict) else {}

    def rows(self, wanted: Sequence[str]) -> Values:
        """As Table says."""
        batches = self._batches(list(wanted))
        return enumerate((values for columns in batches for values in zip(*columns, strict=True)), 1)

    def _batches(self, wanted: list[str]) -> Iterator[list[list[Any]]]:
        with _told(self.path):
            if self.path.suffix == ".parquet":
                batches = _parquet(self.path).iter_batches(BATCH, columns=wanted)
            else:
                batches = iter(_stream(self.path))
            for batch in batches:
                yield [_values(batch.column(name)) for name in wanted]


def _values(column: Any) -> list[Any]:
    """A column's values; a number of single precision is that of its shortest digits, as 3.8."""
    import numpy as np
    import pyarrow

    values: list[Any] = column.to_pylist()
    if not pyarrow.types.is_float32(column.type):
        return values
    return [None if value is None else float(str(np.float32(value))) for value in values]


def _parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.ParquetFile(path)


def _stream(path: Path) -> Any:
    import pyarrow

    return pyarrow.ipc.open_stream(pyarrow.memory_map(str(path)))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns what pyarrow raises into one line."""
    try:
        import pyarrow
    except ImportError:
        raise ZooError(f'{path}: pyarrow reads such files; pip install "encoder-zoo[data]"') from None
    try:
        yield
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        kind = "a Parquet" if path.suffix == ".parquet" else "an Arrow"
        raise ZooError(f"{path}: is not {kind} file that can be read: {error!s:.200}") from None
