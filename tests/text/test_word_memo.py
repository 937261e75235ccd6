"""Words from memory, against the Rust library on the whole text."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from zoo import ZooError
from zoo.core.batch import Ids
from zoo.text import word_memo
from zoo.text.rust_tokenizer import RustTokenizer
from zoo.text.word_memo import ReadWords, WordMemo
from zoo_albert.tokenizer import Unigram
from zoo_bert.tokenizer import WordPiece
from zoo_gpt.tokenizer import GPT2Bytes
from zoo_modernbert.tokenizer import ByteLevelBPE as NormalizedBytes
from zoo_roberta.tokenizer import ByteLevelBPE

SENTENCES = [f"The {noun}s don't {verb} 1{number}   Cafés,   and we've e\u0301t\xe9 !" for number in range(9)
             for noun in ("farmer", "sailor") for verb in ("follow", "watch")]  # fmt: skip

ODD = (
    " ", " ", " ", "  ", "   ", "\t", "\n", "\r", "\xa0", "\u3000", "\u2028", "\x85", "\x1c", "\u200b", "\ufeff",
    "\x00", "a", "The", "farmer", "'s", "'", "don't", "12", "\xbd", "!", "...", "\u00e9", "e", "\u0301", "\u0323",
    "\u0345",
    "\u0130", "\u1fb3", "\u03a3", "\xdf", "\ufb01", "\uff21", "中", "文", "ねこ", "한", "\u1100\u1161", "हि", "\u0e44",
    "\U0001f469\u200d\U0001f469", "\U0001d15e", "\ufffd", "[MASK]", "<mask>", "<s>", "[UNK]", "\xa8", "\u2000",
    "x" * 70,
)  # fmt: skip


def made() -> list[RustTokenizer]:
    return [
        WordPiece.train(SENTENCES, 200),
        WordPiece.train(SENTENCES, 200, lowercase=False, split_chinese=False),
        ByteLevelBPE.train(SENTENCES, 400),
        ByteLevelBPE.train(SENTENCES, 400, add_prefix_space=True),
        GPT2Bytes.train(SENTENCES, 400),
        NormalizedBytes.train(SENTENCES, 400),
    ]


def texts(n: int) -> list[str]:
    draw = Random(7)
    return ["".join(draw.choices(ODD, k=draw.randrange(12))) for _ in range(n)] + SENTENCES


def whole(tokenizer: RustTokenizer, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """What the library makes of the text, the names of roles being text."""
    found = tokenizer._rust.encode(text, add_special_tokens=False)
    return tokenizer._as_text[found.ids].tolist(), found.offsets


@pytest.mark.parametrize("number", range(6))
def test_ids_and_places_are_the_librarys_for_odd_text(number: int) -> None:
    tokenizer, given = made()[number], texts(2_000)
    assert tokenizer._memo is not None
    expected = [whole(tokenizer, text) for text in given]
    for _ in range(2):  # as it learns words, and from memory
        assert [ids.tolist() for ids in tokenizer.encode(given)] == [ids for ids, _ in expected]
        located = tokenizer.encode_with_offsets(given)
        assert [(ids.tolist(), [*map(tuple, places.tolist())]) for ids, places in located] == expected
    assert len(tokenizer._memo._later) > 10
    assert {array.dtype for pair in located for array in pair} == {np.dtype(np.int32)}


def test_memory_is_bounded_and_what_was_forgotten_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_memo, "MOST_WORDS", 20)
    tokenizer, given = ByteLevelBPE.train(SENTENCES, 400), texts(200)
    assert tokenizer._memo is not None
    for start in range(0, len(given), 10):
        part = given[start : start + 10]
        assert [ids.tolist() for ids in tokenizer.encode(part)] == [whole(tokenizer, text)[0] for text in part]
        assert max(len(memo) for memo in (tokenizer._memo._first, tokenizer._memo._later)) <= 20


def test_words_that_another_thread_forgets_meanwhile_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for tokenizer in (WordPiece.train(SENTENCES, 200), ByteLevelBPE.train(SENTENCES, 400)):
        memo, given = tokenizer._memo, ["the farmer", "sailor the farmer"]
        assert memo is not None
        tokenizer.encode(given[:1])
        read = memo._read_words

        def forgetting(words: list[str], memo: WordMemo = memo, read: ReadWords = read) -> list[Ids]:
            memo._first.clear()
            memo._later.clear()
            return read(words)

        monkeypatch.setattr(memo, "_read_words", forgetting)
        assert [ids.tolist() for ids in tokenizer.encode(given)] == [whole(tokenizer, text)[0] for text in given]


def test_what_is_handed_out_can_be_written_to_without_harm() -> None:
    tokenizer = WordPiece.train(SENTENCES, 200)
    first = tokenizer.encode(["the farmer"])[0]
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(tokenizer.encode(["the farmer"])[0], kept)


def test_a_unigram_model_reads_whole_texts_and_so_does_one_for_special_tokens() -> None:
    assert Unigram.train(SENTENCES, 200)._memo is None
    tokenizer = WordPiece.train(SENTENCES, 200)
    mask = tokenizer.mask_id
    assert mask not in tokenizer.encode(["the [MASK]"])[0]
    assert mask in tokenizer.parsing_special().encode(["the [MASK]"])[0]


def test_the_text_that_cannot_be_read_is_named() -> None:
    tokenizer = WordPiece.train(SENTENCES, 200)
    with pytest.raises(ZooError, match="text 2 holds half of a surrogate pair at character 5"):
        tokenizer.encode(["the farmer", "the \ud800", "watch"])
    with pytest.raises(ZooError, match="text 1 is not a text but a int"):
        tokenizer.encode([3])  # type: ignore[list-item]
