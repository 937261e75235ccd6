# ruff: noqa: RUF001  # the odd letters are what is tested
"""The tokenizer of a folder splits text as the transformers library does with the same folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

from zoo.checkpoints import tokenizer_of
from zoo.core.errors import ZooError
from zoo.registry.catalog import Catalog
from zoo.text.rust_tokenizer import RustTokenizer

Both = tuple[Any, RustTokenizer, RustTokenizer]

TEXTS = [
    "",
    " ",
    "The quick brown fox jumps over the lazy dog.",
    "Crème brûlée, naïve façade; ÅNGSTRÖM and İstanbul",
    "我爱北京天安门 and more",
    "emoji 😀👩‍👩‍👧 and flags 🇫🇷!",
    "control \x00\x01\x7f characters\u200b\ufeff and\ttabs\r\nand lines\u2028here\u0085",
    "a" * 150 + " " + "ab" * 300,
    "don't ``quote'' 1,234.56 e-mail@example.com #tag C++ ½ ﬁ Ⅷ ＡＢＣ",
    "\u0301combining e\u0301 ligne\u0308",
    "   leading,  double   and trailing   ",
    "ʼn ß ẞ ſ Σς ĳ \U0001d400 \U00010348",
    "مرحبا بالعالم हिन्दी ไทย 한국어",
]
SPECIAL = ["Paris is the {mask} of France.", "{cls} a {sep} b{mask}c {pad}{unk}", " {mask} {mask}"]
PAIRS = [(TEXTS[2], TEXTS[3]), ("", TEXTS[2]), (TEXTS[2], ""), (TEXTS[7], TEXTS[2]), (TEXTS[3] * 4, TEXTS[2] * 5)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity_warning()


def bert(folder: Path, shared: Path, **options: Any) -> None:
    shutil.copy(shared / "vocab" / "bert-base-uncased.vocab.txt", folder / "vocab.txt")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **options}))
    (folder / "config.json").write_text('{"model_type": "bert"}')


def roberta(folder: Path, shared: Path, **options: Any) -> None:
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(shared / "vocab" / f"roberta-base.{name}", folder / name)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "RobertaTokenizer", **options}))
    (folder / "config.json").write_text('{"model_type": "roberta"}')


def albert(folder: Path, shared: Path, **options: Any) -> None:
    sentencepiece = pytest.importorskip(
        "sentencepiece", reason="makes a SentencePiece model: pip install sentencepiece"
    )
    pytest.importorskip("google.protobuf", reason="lets the reference library read it: pip install protobuf")
    sentencepiece.SentencePieceTrainer.Train(
        input=str(shared / "corpus" / "wikitext2.valid.txt"),
        model_prefix=str(folder / "spiece"),
        vocab_size=2_000,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
        minloglevel=2,
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "AlbertTokenizer", **options}))
    (folder / "config.json").write_text('{"model_type": "albert"}')


CASES = {
    "bert uncased": (bert, {}),
    "bert cased": (bert, {"do_lower_case": False}),
    "bert accents kept": (bert, {"strip_accents": False}),
    "bert without characters": (bert, {"tokenize_chinese_chars": False}),
    "roberta": (roberta, {}),
    "roberta with a space": (roberta, {"add_prefix_space": True}),
    "albert": (albert, {}),
    "albert cased": (albert, {"do_lower_case": False, "keep_accents": True}),
}


PARAMS = [(case, saved) for case in CASES for saved in (False, True)]


@pytest.fixture(scope="module", params=PARAMS, ids=lambda param: f"{param[0]}, {'json' if param[1] else 'files'}")
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The library's tokenizer and ours, from its own files or from what the library saves."""
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not shared.is_dir():
        pytest.skip("needs the released vocabularies in a folder shared/data beside the checkout")
    case, saved = request.param
    folder = tmp_path_factory.mktemp("tokenizer")
    make, options = CASES[case]
    make(folder, shared, **options)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    if saved:
        theirs.save_pretrained(folder / "saved")
        shutil.copy(folder / "config.json", folder / "saved")
        folder = folder / "saved"
        theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = tokenizer_of(folder, Catalog.installed())
    assert isinstance(ours, RustTokenizer)
    return theirs, ours, ours.parsing_special()


def _list(second: str | None) -> list[str] | None:
    """In a list, because given by itself the library takes an empty second text for none."""
    return None if second is None else [second]


def test_ids_and_offsets_are_the_same(both: Both) -> None:
    theirs, ours, _ = both
    for text, (ids, offsets) in zip(TEXTS, ours.encode_with_offsets(TEXTS), strict=True):
        expected = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
        assert ids.tolist() == expected["input_ids"], text
        assert offsets.tolist() == [list(pair) for pair in expected["offset_mapping"]], text
        assert np.array_equal(ours.encode([text])[0], ids)


def test_sequences_are_framed_and_cut_the_same(both: Both) -> None:
    theirs, ours, _ = both
    for first, second in [*((text, None) for text in TEXTS), *PAIRS]:
        for max_length in (8, 13, 64, 512):
            ids = ours.encode([text for text in (first, second) if text is not None])
            made = ours.join(ids[0], ids[1] if second is not None else None, max_length)
            cut = {"truncation": "longest_first", "max_length": max_length, "return_special_tokens_mask": True}
            expected = {name: row[0] for name, row in theirs([first], _list(second), **cut).items()}
            assert made.ids.tolist() == expected["input_ids"], (first, second, max_length)
            if "token_type_ids" in theirs.model_input_names:
                assert made.segments.tolist() == expected["token_type_ids"]
            unknown = made.ids == ours.unk_id  # to the library special, to us text
            assert (made.special | unknown).tolist() == [
                bool(special) or index == ours.unk_id
                for special, index in zip(expected["special_tokens_mask"], expected["input_ids"], strict=True)
            ]


def test_names_of_special_tokens_are_text_unless_asked_for(both: Both) -> None:
    theirs, ours, parsing = both
    for template in SPECIAL:
        text = template.format(**ours.names._asdict())
        assert not set(ours.encode([text])[0].tolist()) & set(ours.special_ids), text
        assert parsing.encode([text])[0].tolist() == theirs(text, add_special_tokens=False)["input_ids"], text


def test_a_saved_tokenizer_is_the_same_to_the_library(both: Both, tmp_path: Path) -> None:
    theirs, ours, _ = both
    again = transformers.PreTrainedTokenizerFast(tokenizer_file=str(_saved(ours, tmp_path / "ours")))
    for first, second in [*((text, None) for text in TEXTS), *PAIRS]:
        expected, made = (tokenizer([first], _list(second))["input_ids"] for tokenizer in (theirs, again))
        assert made == expected


def _saved(tokenizer: RustTokenizer, folder: Path) -> Path:
    tokenizer.save(folder)
    return folder / "tokenizer.json"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "one unknown piece"),
        (b"\x0a\xff\xff", "not a SentencePiece model"),
        (b"\x0a\x03\x0a\x01a", "one unknown piece"),
    ],
)
def test_a_broken_sentencepiece_model_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "albert"}')
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(ZooError, match=message):
        tokenizer_of(tmp_path, Catalog.installed())


def test_an_option_that_is_not_true_or_false_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": "yes"}')
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    with pytest.raises(ZooError, match="do_lower_case should be true or false"):
        tokenizer_of(tmp_path, Catalog.installed())
