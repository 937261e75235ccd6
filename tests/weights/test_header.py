"""Broken weights are refused with one line that says what is wrong, before anything is allocated."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from zoo.core.errors import ZooError
from zoo.weights.header import read_header


def written(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def tensor(start: int, stop: int, shape: Any = None, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(stop - start) // 4] if shape is None else shape, "data_offsets": [start, stop]}


def test_a_header_says_what_the_formats_own_library_says(tmp_path: Path) -> None:
    tensors = {
        "a": torch.ones(3, 5),
        "b": torch.ones((), dtype=torch.bfloat16),
        "c": torch.ones(0, 7, dtype=torch.int8),
    }
    save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "pt"})
    header = read_header(tmp_path / "x.safetensors")
    with safe_open(tmp_path / "x.safetensors", framework="pt") as file:
        assert header.metadata == file.metadata()
        assert set(header.entries) == set(file.keys())
        for name, entry in header.entries.items():
            assert list(entry.shape) == file.get_slice(name).get_shape()
            assert entry.dtype == file.get_slice(name).get_dtype()


BAD = {
    "overlapping": ({"a": tensor(0, 8), "b": tensor(4, 12)}, b"\0" * 12, "'b' overlaps tensor 'a'"),
    "with a hole": ({"a": tensor(0, 8), "b": tensor(12, 16)}, b"\0" * 16, "'b' leaves a hole after tensor 'a'"),
    "not beginning": ({"a": tensor(4, 8)}, b"\0" * 8, "'a' leaves a hole after the header"),
    "cut short": ({"a": tensor(0, 8)}, b"\0" * 7, "cut short: its tensors take 8 bytes and 7 are there"),
    "trailing": ({"a": tensor(0, 8)}, b"\0" * 9, "1 bytes after its last tensor"),
    "of negative size": ({"a": tensor(0, 8, [-2, -1])}, b"\0" * 8, "not whole numbers from 0"),
    "of true size": ({"a": tensor(0, 4, [True])}, b"\0" * 4, "not whole numbers from 0"),
    "of fractional size": ({"a": tensor(0, 4, [1.0])}, b"\0" * 4, "not whole numbers from 0"),
    "of wrong size": ({"a": tensor(0, 8, [3])}, b"\0" * 8, "takes 12 bytes, but 8 are reserved"),
    "of a trillion rows": ({"a": tensor(0, 8, [10**12, 768])}, b"\0" * 8, "takes 3,072,000,000,000,000 bytes"),
    "huge and consistent": (
        {"a": tensor(0, 4 * 10**15, [10**15])},
        b"",
        "its tensors take 4,000,000,000,000,000 bytes",
    ),
    "of an overflowing shape": ({"a": tensor(0, 8, [2**63, 2**63])}, b"\0" * 8, "but 8 are reserved"),
    "backwards": ({"a": tensor(8, 0, [0])}, b"\0" * 8, "but -8 are reserved"),
    "of unknown type": ({"a": tensor(0, 8, dtype="F7")}, b"\0" * 8, "has the type 'F7'; known: F64, F32"),
    "of a listed type": ({"a": tensor(0, 8, dtype=["F32"])}, b"\0" * 8, r"has the type \['F32'\]"),
    "with control characters": (
        {"a\nb\x1b[31m": tensor(0, 4)},
        b"\0" * 4,
        r"'a\\nb\\x1b\[31m' has a name with control",
    ),
    "with more to say": ({"a": {**tensor(0, 4), "x": 1}}, b"\0" * 4, "described by dtype, shape and data_offsets"),
    "with odd metadata": ({"__metadata__": {"a": 1}}, b"", "metadata that are not text"),
    "with a tensor twice": (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b"\0" * 4,
        "'a' is given twice",
    ),
    "not JSON": (b"{nothing", b"", "not valid JSON"),
    "a list": ([1], b"", "should hold a JSON object, not a list"),
    "not UTF-8": (b'{"\xff": 1}', b"", "byte 2 is not UTF-8"),
    "deep": (b"[" * 100_000, b"", "nested too deeply"),
    "of many digits": (b'{"a": ' + b"9" * 5_000 + b"}", b"", "a number of 5,000 digits"),
    "NaN": (b'{"a": NaN}', b"", "NaN is no JSON number"),
    "half a surrogate": (b'{"a\\ud800": 1}', b"", "half of a surrogate pair"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_broken_header_is_refused(case: str, tmp_path: Path) -> None:
    header, data, message = BAD[case]
    path = written(tmp_path / "model.safetensors", header, data)
    with pytest.raises(ZooError, match=message) as caught:
        read_header(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


FILES = {
    "empty": (b"", "has 0 bytes"),
    "short": (b"1234567", "has 7 bytes"),
    "announcing too much": (
        struct.pack("<Q", 10**7) + b"{}",
        "announces a header of 10,000,000 bytes and has 10 in all",
    ),
    "announcing absurdly much": (
        struct.pack("<Q", 2**63) + b"{}",
        "announces a header of 9,223,372,036,854,775,808 bytes",
    ),
    "a pickle": (pickle.dumps({"a": 1}), "is a pickle, whatever its name says"),
    "an old pickle": (pickle.dumps({"a": 1}, protocol=2), "is a pickle"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_something_else_is_refused(case: str, tmp_path: Path) -> None:
    content, message = FILES[case]
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ZooError, match=message):
        read_header(tmp_path / "model.safetensors")


def test_a_renamed_archive_of_torch_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.safetensors", "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(ZooError, match=r"is a zip archive, as torch\.save writes it"):
        read_header(tmp_path / "model.safetensors")


def test_a_folder_in_a_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="Is a directory"):
        read_header(tmp_path)
    with pytest.raises(ZooError, match="No such file"):
        read_header(tmp_path / "none.safetensors")
