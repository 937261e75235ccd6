"""Two hundred random folders with a tokenizer, read as the transformers library reads them, and saved as it does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import transformers

from tests.weights.random_tokenizers import make_folder, make_texts
from zoo.checkpoints import tokenizer_of
from zoo.registry.catalog import Catalog
from zoo.text.rust_tokenizer import RustTokenizer

pytest.importorskip("sentencepiece", reason="writes SentencePiece models: pip install sentencepiece")
pytest.importorskip("google.protobuf", reason="lets the reference library read them: pip install protobuf")

N_FOLDERS, N_GROUPS = 200, 20


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity_warning()


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_a_random_folder_is_read_as_the_transformers_library_reads_it(group: int, tmp_path: Path) -> None:
    catalog = Catalog.installed()
    for seed in range(group, N_FOLDERS, N_GROUPS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kind = make_folder(folder, seed)
        theirs, ours = transformers.AutoTokenizer.from_pretrained(folder), tokenizer_of(folder, catalog)
        assert isinstance(ours, RustTokenizer), (seed, kind)
        ours.save(folder / "saved")
        shutil.copy(folder / "config.json", folder / "saved")
        saved = transformers.AutoTokenizer.from_pretrained(folder / "saved")
        again = tokenizer_of(folder / "saved", catalog)
        assert isinstance(again, RustTokenizer), (seed, kind)
        assert_same_ids(theirs, ours, seed, kind)
        assert_same_ids(theirs, again, seed, kind)
        assert_same_pairs(theirs, ours, seed, kind)
        assert_same_to_the_library(theirs, saved, seed, kind)


def assert_same_ids(theirs: Any, ours: RustTokenizer, seed: int, kind: str) -> None:
    """With names of special tokens in the text where they are looked for, and without them where they are text."""
    parsing = ours.parsing_special()
    for text in make_texts(seed, list(ours.special_names.values())):
        wanted = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
        ((ids, offsets),) = parsing.encode_with_offsets([text])
        assert (ids.tolist(), offsets.tolist()) == (wanted["input_ids"], [list(p) for p in wanted["offset_mapping"]]), (
            seed, kind, text,
        )  # fmt: skip
        assert not set(ours.encode([text])[0].tolist()) & set(ours.special_ids), (seed, kind, text)
    for text in make_texts(seed + 1, []):
        assert ours.encode([text])[0].tolist() == theirs(text, add_special_tokens=False)["input_ids"], (
            seed,
            kind,
            text,
        )


def assert_same_pairs(theirs: Any, ours: RustTokenizer, seed: int, kind: str) -> None:
    texts = make_texts(seed + 1, [])
    for first, second in pairwise(texts):
        for max_length in (9, 300):
            made = ours.join(*ours.encode([first, second]), max_length)
            cut = {"truncation": "longest_first", "max_length": max_length, "return_token_type_ids": True}
            wanted = {key: row[0] for key, row in theirs([first], [second], **cut).items()}
            assert made.ids.tolist() == wanted["input_ids"], (seed, kind, first, second)
            types = made.segments if made.types is None else made.types
            assert types.tolist() == wanted["token_type_ids"], (seed, kind, first, second)
            alone = ours.join(ours.encode([first])[0], None, max_length)
            assert alone.ids.tolist() == theirs(first, **cut)["input_ids"], (seed, kind, first)


def assert_same_to_the_library(theirs: Any, saved: Any, seed: int, kind: str) -> None:
    """Keys, ids, segments, text, special tokens and the flags of added ones."""
    texts = make_texts(seed, list(theirs.special_tokens_map.values()))
    for first, second in pairwise(texts):
        assert dict(saved([first], [second])) == dict(theirs([first], [second])), (seed, kind, first, second)
        ids = theirs(first)["input_ids"]
        for skips in (False, True):
            text = theirs.decode(ids, skip_special_tokens=skips)
            assert saved.decode(ids, skip_special_tokens=skips) == text, (seed, kind, first)
    assert saved.special_tokens_map == theirs.special_tokens_map, (seed, kind)
    assert saved.all_special_ids == theirs.all_special_ids, (seed, kind)
    flags = ({i: repr(token) for i, token in each.added_tokens_decoder.items()} for each in (saved, theirs))
    assert next(flags) == next(flags), (seed, kind)
