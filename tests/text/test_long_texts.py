"""Of a very long text the beginning alone is read; what is kept of it is what the library's truncation keeps."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import transformers

from zoo.core.batch import Ids
from zoo.core.interfaces import Tokenizer
from zoo.registry.catalog import Catalog
from zoo.testing.material import Pieces, sentences
from zoo.text.encoding import LONG, encode_texts

MOST = 9
WORDS = ["the", "old", "sailor", "", "été", "中文", "don't", "\t", "a\x00b", "!!", "12.5", "\u200b", "x" * 70, "ΟΔΟΣ"]


def long_texts() -> list[str]:
    """Texts of which some are long, and some of those have few tokens at their beginning, or no space."""
    rng = random.Random(0)
    mixed = [" ".join(rng.choices(WORDS, k=rng.choice([3, 40, 500]))) for _ in range(60)]
    return [*mixed, "\u200b " * LONG * MOST + "sailor", "x" * 70 * LONG, " " * LONG * MOST + "the old sailor"]


@pytest.fixture(params=["bert.wordpiece", "roberta.bytes", "albert.unigram"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    part: type[Tokenizer] = Catalog.installed().part("tokenizer", request.param)
    return part.train(sentences(), 400)


@pytest.mark.parametrize("most", [MOST, MOST + 1])
def test_sequences_are_those_of_the_library(tokenizer: Tokenizer, most: int, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    library = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    texts = long_texts()
    encodings, n_cut = encode_texts(tokenizer, texts, most)
    assert [its.ids.tolist() for its in encodings] == [
        library(text, truncation=True, max_length=most)["input_ids"] for text in texts
    ]
    assert n_cut == sum(len(library(text)["input_ids"]) > most for text in texts)
    shorter, longer = "old " * LONG * most, "sailor " * LONG * most  # an odd place is the longer one's
    pairs = [*zip(texts, reversed(texts), strict=True), (shorter, longer), (longer, shorter)]
    encodings, _ = encode_texts(tokenizer, pairs, most)
    wanted = [tokenizer.join(*tokenizer.encode(pair), most).ids.tolist() for pair in pairs]
    assert [its.ids.tolist() for its in encodings] == wanted


@pytest.mark.parametrize("splits", [True, False])
def test_the_end_is_read_only_where_the_beginning_may_not_be_enough(
    tokenizer: Tokenizer, splits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, text, read = tokenizer if splits else Pieces(), "the old sailor " * 10_000, []
    encode = reader.encode

    def watched(texts: Sequence[str]) -> list[Ids]:
        read.extend(map(len, texts))
        return encode(texts)

    monkeypatch.setattr(reader, "encode", watched)
    encode_texts(reader, [text], MOST)
    assert reader.splits_at_spaces == splits
    assert max(read) <= LONG * MOST if splits else read == [len(text)]
