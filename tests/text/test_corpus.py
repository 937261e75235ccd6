from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo import ZooError
from zoo.text import tokenizing
from zoo.text.tokenizing import tokenize
from zoo_bert.tokenizer import WordPiece

DOCUMENTS = [["a b c", "d"], ["e f"], ["g", "h a b", "c d e"]]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.train(["a b c d e f g h"] * 2, 100)


def test_sentences_and_documents_come_back_as_they_were(tokenizer: WordPiece) -> None:
    corpus = tokenize(DOCUMENTS, tokenizer)
    assert [tokenizer.decode(corpus.document(i)) for i in range(3)] == [" ".join(texts) for texts in DOCUMENTS]
    sentences = [text for texts in DOCUMENTS for text in texts]
    assert [tokenizer.decode(corpus.sentence(i)) for i in range(6)] == sentences
    assert tokenizer.decode(corpus.run(1, 4)) == "d e f g"
    assert (corpus.n_documents, corpus.n_tokens, corpus.separator) == (3, 13, tokenizer.sep_id)


def test_a_sentence_is_a_view_of_the_one_array(tokenizer: WordPiece) -> None:
    corpus = tokenize(DOCUMENTS, tokenizer)
    assert np.shares_memory(corpus.document(2), corpus.ids)
    assert corpus.ids.dtype == np.int32


def test_what_holds_no_token_is_left_out(tokenizer: WordPiece) -> None:
    corpus = tokenize([[""], ["a b c", " ", "d"], [], ["e f", "\u200b"], *DOCUMENTS[2:]], tokenizer)
    assert corpus.content_hash == tokenize(DOCUMENTS, tokenizer).content_hash


@pytest.mark.parametrize("documents", [[], [[]], [["", "  "]]])
def test_a_corpus_without_text_is_refused(tokenizer: WordPiece, documents: list[list[str]]) -> None:
    with pytest.raises(ZooError, match="holds no text"):
        tokenize(documents, tokenizer)


def test_encoding_in_portions_changes_nothing(tokenizer: WordPiece, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tokenize(DOCUMENTS, tokenizer).content_hash
    monkeypatch.setattr(tokenizing, "SENTENCES_AT_ONCE", 4)
    assert tokenize(iter(DOCUMENTS), tokenizer).content_hash == whole


def test_counts_are_those_of_the_words(tokenizer: WordPiece) -> None:
    corpus = tokenize(DOCUMENTS, tokenizer)
    counts = corpus.counts(tokenizer.vocab_size)
    assert len(counts) == tokenizer.vocab_size
    found = {word: int(counts[tokenizer.encode([word])[0][0]]) for word in "abcdefgh"}
    assert found == {"a": 2, "b": 2, "c": 2, "d": 2, "e": 2, "f": 1, "g": 1, "h": 1}
    assert counts.sum() == corpus.n_tokens


def test_documents_in_another_order_keep_their_sentences(tokenizer: WordPiece) -> None:
    one = tokenize(DOCUMENTS, tokenizer)
    other = tokenize([DOCUMENTS[2], DOCUMENTS[0], DOCUMENTS[1]], tokenizer)
    assert one.documents([2, 0, 1]).content_hash == other.content_hash


def test_the_hash_sees_words_and_both_kinds_of_border(tokenizer: WordPiece) -> None:
    variations = [
        [["a b", "c"], ["d"]],
        [["a b", "c"], ["e"]],
        [["a", "b c"], ["d"]],
        [["a b", "c", "d"]],
        [["a b"], ["c", "d"]],
    ]
    hashes = [tokenize(documents, tokenizer).content_hash for documents in variations]
    assert len(set(hashes)) == len(hashes)
    corpus = tokenize(variations[0], tokenizer)
    assert replace(corpus, separator=corpus.separator + 1).content_hash != corpus.content_hash
    assert tokenize(variations[0], tokenizer).content_hash == hashes[0]
