"""Damaged files of a tokenizer are refused when it is loaded, in one line that names the file; nothing fails later."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.weights.random_tokenizers import NAMES, make_folder
from zoo.checkpoints import tokenizer_of
from zoo.core.errors import ZooError
from zoo.registry.catalog import Catalog
from zoo.text.rust_tokenizer import RustTokenizer

Document = dict[str, Any]
Change = Callable[[Document], object]

ROLES = {f"{role}_token": name for role, name in NAMES[0].items()}
PIECES = [*NAMES[0].values(), "a", "dog", "##s"]


def document(kind: str = "WordPiece") -> Document:
    vocabulary: Any = {piece: index for index, piece in enumerate(PIECES)}
    model: Document = {"type": kind, "vocab": vocabulary, "unk_token": "[UNK]"}
    if kind == "WordPiece":
        model |= {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    if kind == "Unigram":
        model |= {"vocab": [[piece, -1.0] for piece in PIECES], "unk_id": 1}
    token = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": index, "content": name, **token} for index, name in enumerate(NAMES[0].values())],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": None,
        "model": model,
    }


def load(folder: Path, config: Document | None = None) -> RustTokenizer:
    (folder / "config.json").write_text('{"model_type": "bert"}')
    said = {"tokenizer_class": "PreTrainedTokenizerFast", **ROLES, **(config or {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    found = tokenizer_of(folder, Catalog.installed())
    assert isinstance(found, RustTokenizer)
    return found


def precompiled(table: bytes) -> Change:
    return lambda found: found.update(
        normalizer={"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()}
    )


def one_more(**token: object) -> Change:
    return lambda found: found["added_tokens"].append({**found["added_tokens"][0], **token})


def text(name: str) -> Document:
    return {"Sequence": {"id": name, "type_id": 0}}


def template(single: list[Document], pair: list[Document]) -> Change:
    return lambda found: found.update(
        post_processor={"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {}}
    )


DAMAGES: dict[str, tuple[str, Change, str]] = {
    "an id that asks for 16 GiB": ("WordPiece", lambda d: d["model"]["vocab"].update(big=2**31), "ids go from 0 to"),
    "a negative id": ("WordPiece", lambda d: d["model"]["vocab"].update(big=-1), "ids go from 0 to"),
    "an added id that asks for 16 GiB": ("WordPiece", one_more(content="new", id=2**31), "ids go from 0 to"),
    "an added id out of range": ("WordPiece", one_more(content="new", id=5_000), "'new' is to have the id 5000"),
    "an added token without a name": ("WordPiece", one_more(content=""), "not a token's name"),
    "a flag that is none": ("WordPiece", one_more(content="new", id=8, lstrip="yes"), "not a token's name"),
    "no unknown token": ("WordPiece", lambda d: d["model"].update(unk_token="no"), "Missing"),
    "no unknown word": ("WordLevel", lambda d: d["model"].update(unk_token="no"), "Missing"),
    "no unknown piece": ("Unigram", lambda d: d["model"].update(unk_id=None), "unk_id"),
    "an unknown piece out of range": ("Unigram", lambda d: d["model"].update(unk_id=999), "UnkIdNotInVocabulary"),
    "an empty map of characters": ("WordPiece", precompiled(b"\0" * 8), "index out of bounds"),
    "a broken map of characters": ("WordPiece", precompiled(b"\x08\0\0\0" + b"\xff" * 8 + b"a\0"), "out of bounds"),
    "a map that is none": ("WordPiece", precompiled(b"\xff" * 64), "Precompiled"),
    "a template with a text twice": (
        "WordPiece", template([text("A"), text("A")], [text("A"), text("B")]), "each text once and in order"
    ),
    "a template with texts exchanged": (
        "WordPiece", template([text("A")], [text("B"), text("A")]), "each text once and in order"
    ),
    "a separator that no model has": (
        "WordPiece", lambda d: d["post_processor"].update(sep=["[SEP]", 7_777]), "the id 7777, which no token has"
    ),
    "a separator that asks for 16 GiB": (
        "WordPiece", lambda d: d["post_processor"].update(sep=["[SEP]", 2**31]), "no model of ours has a row for"
    ),
    "no model": ("WordPiece", lambda d: d.pop("model"), "holds no vocabulary"),
    "no vocabulary": ("WordPiece", lambda d: d["model"].update(vocab={}), "holds no vocabulary"),
    "a splitter of unknown kind": ("WordPiece", lambda d: d.update(pre_tokenizer={"type": "No"}), "can be used"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_when_it_is_loaded(damage: str, tmp_path: Path, capfd: Any) -> None:
    kind, change, message = DAMAGES[damage]
    found = document(kind)
    change(found)
    (tmp_path / "tokenizer.json").write_text(json.dumps(found))
    with pytest.raises(ZooError, match=message) as caught:
        load(tmp_path)
    assert str(tmp_path / "tokenizer.json") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "a panic of the Rust library printed its trace"


@pytest.mark.parametrize("kind", ["WordPiece", "WordLevel", "Unigram"])
def test_the_undamaged_file_loads(kind: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(document(kind)))
    tokenizer = load(tmp_path)
    assert tokenizer.join(tokenizer.encode(["dog"])[0], None, 9).ids.tolist() == [2, 6, 3]


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.txt", "special_tokens_map.json", "added_tokens.json"])
def test_a_pipe_in_the_place_of_a_file_is_refused(name: str, tmp_path: Path) -> None:
    if not name.startswith(("tokenizer", "vocab")):
        (tmp_path / "tokenizer.json").write_text(json.dumps(document()))
    os.mkfifo(tmp_path / name)
    with pytest.raises(ZooError, match=f"{name}: (Is a directory|is a pipe)"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_dead_link_is_no_absent_file(name: str, tmp_path: Path) -> None:
    make_folder(tmp_path, 0)
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "taken away")
    with pytest.raises(ZooError, match=f"{name} is a link to a file that is not there"):
        tokenizer_of(tmp_path, Catalog.installed())


def test_a_huge_or_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(ZooError, match="recursion"):
        load(tmp_path)
    os.truncate(path, 10**9)
    with pytest.raises(ZooError, match="more than the 50,000,000 that such a file may have"):
        load(tmp_path)


@pytest.mark.parametrize("named", ["BertJapaneseTokenizer", "BertweetTokenizer", "AlbertTokenizer", "NoSuchTokenizer"])
def test_a_class_that_cannot_be_built_of_the_files_is_refused_by_its_name(named: str, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES))
    with pytest.raises(ZooError, match=f"the tokenizer is a {named}, which"):
        load(tmp_path, {"tokenizer_class": named})
    (tmp_path / "tokenizer.json").write_text(json.dumps(document()))
    assert load(tmp_path, {"tokenizer_class": named}).encode(["a dogs"])[0].tolist() == [5, 6, 7]


def test_text_that_no_file_can_hold_is_refused_by_its_number(tmp_path: Path) -> None:
    make_folder(tmp_path, 0)
    tokenizer = tokenizer_of(tmp_path, Catalog.installed())
    assert tokenizer is not None
    for read in (tokenizer.encode, tokenizer.encode_with_offsets):
        with pytest.raises(ZooError, match=r"text 2 holds half of a surrogate pair at character 3: 'ab\\ud83d'"):
            read(["ab", "ab\ud83d"])
        with pytest.raises(ZooError, match="text 1 is not a text but a int"):
            read([3])  # type: ignore[list-item]  # what a careless caller gives
