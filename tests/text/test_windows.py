"""Windows over long texts, against the transformers library's overflowing tokens and rules worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from zoo import ZooError
from zoo.testing.material import Pieces, sentences
from zoo.text.windows import spans_of, widest_of, window_texts
from zoo_bert.tokenizer import WordPiece

QUESTIONS = ["who carried the boat ?", "who ?", "a sailor praised some ropes and who else did ?"]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.train(sentences(), 60)


@pytest.fixture(scope="module")
def theirs(tokenizer: WordPiece, tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"))


@pytest.mark.parametrize(("n_sentences", "overlap"), [(1, 3), (4, 3), (9, 5), (30, 1)])
def test_windows_of_a_pair_are_the_overflowing_tokens_of_the_transformers_library(
    n_sentences: int, overlap: int, tokenizer: WordPiece, theirs: PreTrainedTokenizerFast
) -> None:
    context = " ".join(sentences()[:n_sentences])
    for question in QUESTIONS:
        n_question = len(tokenizer.encode([question])[0])
        length = 2 * n_question + 16
        room = length - n_question - 3
        ((*windows,),), n_cut = window_texts(tokenizer, [(question, context)], length, room - overlap)
        expected = theirs(
            question, context, truncation="only_second", max_length=length, stride=overlap,
            return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True,
        )  # fmt: skip
        assert n_cut == 0
        assert [window.encoding.ids.tolist() for window in windows] == expected["input_ids"]
        assert [window.encoding.segments.tolist() for window in windows] == expected["token_type_ids"]
        assert [list(map(tuple, window.offsets.tolist())) for window in windows] == expected["offset_mapping"]


def test_a_text_alone_is_divided_in_the_same_way(tokenizer: WordPiece, theirs: PreTrainedTokenizerFast) -> None:
    text = " ".join(sentences()[:6])
    ((*windows,),), _ = window_texts(tokenizer, [text], 20, 18 - 4)
    expected = theirs(text, truncation=True, max_length=20, stride=4, return_overflowing_tokens=True)["input_ids"]
    assert [window.encoding.ids.tolist() for window in windows] == expected and len(expected) > 3


@pytest.mark.parametrize(("n", "room", "stride"), [(0, 5, 2), (5, 5, 2), (6, 5, 2), (23, 5, 3), (23, 5, 99), (7, 1, 1)])
def test_every_token_is_in_a_window_and_has_one_where_its_context_is_widest(n: int, room: int, stride: int) -> None:
    spans = spans_of(n, room, stride)
    assert {place for begin, end in spans for place in range(begin, end)} == set(range(n))
    assert all(0 < end - begin <= room for begin, end in spans) or n == 0
    for place, chosen in enumerate(widest_of(spans, n).tolist()):
        holding = [
            (min(place - begin, end - 1 - place) + 0.01 * (end - begin), -number)
            for number, (begin, end) in enumerate(spans)
            if begin <= place < end
        ]
        assert -chosen == max(holding)[1]


def test_each_token_of_a_text_is_widest_in_one_of_its_windows() -> None:
    ((*windows,),), _ = window_texts(Pieces(), [("who", " ".join("abcdefghij"))], 9, 2)
    counted = np.zeros(10, dtype=int)
    for window in windows:
        for (start, _), widest in zip(window.offsets.tolist(), window.widest.tolist(), strict=True):
            counted[start // 2] += widest
    assert counted.tolist() == [1] * 10
    assert not any(window.widest[window.encoding.special].any() for window in windows)


def test_a_long_question_leaves_half_of_the_room_and_is_counted_as_cut() -> None:
    question, text = " ".join("abcdefgh"), " ".join("klmnop")
    ((*windows,), short), n_cut = window_texts(Pieces(), [(question, text), ("a", "b")], 11, 4)
    assert n_cut == 1 and len(short) == 1
    assert [(window.encoding.segments == 0).sum() for window in windows] == [1 + 4 + 1] * 2
    (named,), n_cut = window_texts(Pieces(), [(question, text)], 11, 4, longest_first=2)
    assert n_cut == 1 and len(named) == 1


def test_no_room_for_text_is_an_error() -> None:
    with pytest.raises(ZooError, match="4 tokens leave no room for text"):
        window_texts(Pieces(), [("a", "b")], 4, 2)
