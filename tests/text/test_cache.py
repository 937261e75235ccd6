"""A corpus on disk is the corpus in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from zoo import RunFailed, ZooError
from zoo.core.corpus import TokenCorpus
from zoo.text import pretraining_data, tokenizing
from zoo.text.cache import cached_corpus, hash_files
from zoo.text.documents import read_documents, text_files
from zoo.text.masking import TokenMasking
from zoo.text.pretraining_data import DataPosition, PretrainingData
from zoo.text.tokenizing import tokenize
from zoo_bert.masking import StaticMasking
from zoo_bert.packing import SegmentPair
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.tokenizer import ByteLevelBPE

WORDS = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(10) for j in range(10)]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.train([" ".join(WORDS)] * 2, 400)


def documents(n: int) -> list[list[str]]:
    rng = np.random.default_rng(0)
    made = [[" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(rng.integers(1, 9))] for _ in range(n)]
    return [[], ["\u200b"], *made[: n // 2], [made[0][0], "\u200b", "unheard-of"], *made[n // 2 :], ["\u200b"]]


def never() -> Iterator[list[str]]:
    raise AssertionError("the text was read again")
    yield []


def test_where_no_cache_can_be_the_error_says_how_to_name_another(tokenizer: WordPiece, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match=r"cannot make the folder .*/file/cache: .* give another folder with --cache"):
        cached_corpus(tmp_path / "file" / "cache", "text", documents(2), tokenizer)


def test_what_is_read_back_is_what_was_tokenized(
    tokenizer: WordPiece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenizing, "SENTENCES_AT_ONCE", 50)
    built = tokenize(documents(120), tokenizer)
    on_disk, facts = cached_corpus(tmp_path, "text", iter(documents(120)), tokenizer)
    assert isinstance(on_disk.ids, np.memmap)
    assert on_disk.content_hash == built.content_hash
    assert (facts.documents, facts.tokens) == (built.n_documents, built.n_tokens)
    assert facts.sentences == len(built.sentence_offsets) - 1
    assert facts.unknown == np.count_nonzero(built.ids == tokenizer.unk_id) > 0
    assert (on_disk.counts(400) == np.bincount(built.ids, minlength=400)).all()


def test_a_tokenizer_of_bytes_without_an_unknown_token_knows_every_text(tmp_path: Path) -> None:
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    pieces = ["<s>", "<pad>", "</s>", "<mask>", *sorted(alphabet)]
    rust = tokenizers.Tokenizer(tokenizers.models.BPE({piece: n for n, piece in enumerate(pieces)}, []))
    rust.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    rust.save(str(tmp_path / "tokenizer.json"))
    roles = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(roles), encoding="utf-8")
    tokenizer = ByteLevelBPE.load(tmp_path)
    corpus, facts = cached_corpus(tmp_path / "cache", "hash", [["Dogs ran.", "né 你"]], tokenizer)
    assert (facts.unknown, facts.tokens) == (0, len("Dogs ran.né 你".encode()))
    special = np.zeros(corpus.n_tokens, dtype=np.bool_)
    seen, _ = TokenMasking(None, mask_share=0.0, random_share=1.0).mask(
        corpus.ids, [corpus.n_tokens], special, tokenizer, np.random.default_rng(0)
    )
    assert seen.min() > 3


def test_text_is_tokenized_once_for_each_tokenizer(tokenizer: WordPiece, tmp_path: Path) -> None:
    first, _ = cached_corpus(tmp_path, "text", documents(20), tokenizer)
    again, _ = cached_corpus(tmp_path, "text", never(), tokenizer)
    assert again.content_hash == first.content_hash
    other = WordPiece.train([" ".join(WORDS[:50])] * 2, 300)
    for corpus_hash, which in (("text", other), ("other text", tokenizer)):
        with pytest.raises(AssertionError, match="read again"):
            cached_corpus(tmp_path, corpus_hash, never(), which)
    assert len(list(tmp_path.iterdir())) == 1


def test_training_batches_are_the_same_from_disk_and_block_by_block(
    tokenizer: WordPiece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk, _ = cached_corpus(tmp_path, "text", documents(120), tokenizer)

    def read(corpus: TokenCorpus, place: DataPosition) -> PretrainingData:
        return PretrainingData(
            corpus, tokenizer, SegmentPair(), {}, StaticMasking(2), sequence_length=40, batch_tokens=200, seed=1
        )

    in_memory = tokenize(documents(120), tokenizer)
    pairs = zip(read(on_disk, DataPosition()).epoch(0), read(in_memory, DataPosition()).epoch(0), strict=True)
    assert all(bool((a.ids == b.ids).all()) and a.documents == b.documents for a, b in pairs)

    monkeypatch.setattr(pretraining_data, "BLOCK_TOKENS", 900)
    data = read(on_disk, DataPosition())
    placed = [pair for pair, _ in zip(data.starting_at(DataPosition()), range(150), strict=False)]
    assert {place.block for _, place in placed} > {0, 1, 2} and placed[-1][1].epoch > 0
    seen = {document for batch in data.epoch(0) for document in batch.documents}
    assert seen == set(range(on_disk.n_documents))
    for cut in (1, 17, 40, 90):
        going_on = data.starting_at(placed[cut - 1][1])
        assert all(
            bool((batch.ids == again.ids).all()) and place == place_again
            for (batch, place), (again, place_again) in zip(placed[cut:], going_on, strict=False)
        )


def test_documents_can_be_left_out(tokenizer: WordPiece) -> None:
    corpus = tokenize(documents(60), tokenizer)
    kept = np.arange(0, corpus.n_documents, 3)
    data = PretrainingData(
        corpus, tokenizer, SegmentPair(), {}, StaticMasking(2), sequence_length=40, batch_tokens=200, seed=1,
        documents=kept,
    )  # fmt: skip
    assert {document for batch in data.epoch(0) for document in batch.documents} <= set(kept.tolist())


def test_a_broken_cache_is_named(tokenizer: WordPiece, tmp_path: Path) -> None:
    cached_corpus(tmp_path, "text", documents(20), tokenizer)
    (place,) = tmp_path.iterdir()
    (place / "ids.bin").write_bytes(b"1234")
    with pytest.raises(ZooError, match=r"is a broken cache .*; delete it"):
        cached_corpus(tmp_path, "text", never(), tokenizer)


def test_nothing_is_left_of_a_cache_that_could_not_be_written(tokenizer: WordPiece, tmp_path: Path) -> None:
    def full() -> Iterator[list[str]]:
        yield ["waa wbb"]
        raise OSError(28, "No space left on device")

    with pytest.raises(RunFailed, match=r"cannot write .*: No space left on device"):
        cached_corpus(tmp_path, "text", full(), tokenizer)
    with pytest.raises(ZooError, match="the corpus holds no text"):
        cached_corpus(tmp_path, "text", [["\u200b"]], tokenizer)
    assert not list(tmp_path.iterdir())


def test_a_pattern_means_the_files_that_match(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(f"Text {name}.\n")
    assert [path.name for path in text_files([tmp_path / "*.txt"])] == ["a.txt", "b.txt"]
    assert list(read_documents([tmp_path / "?.md"])) == [["Text c.md."]]
    with pytest.raises(ZooError, match="there is no file or folder"):
        text_files([tmp_path / "*.html"])


def test_the_hash_of_files_is_that_of_their_contents(tmp_path: Path) -> None:
    for name, content in (("a.txt", "one"), ("b.txt", "one"), ("c.txt", "two")):
        (tmp_path / name).write_text(content)
    a, b, c = (tmp_path / f"{name}.txt" for name in "abc")
    assert hash_files([a]) == hash_files([b]) != hash_files([c])
    assert hash_files([a, c]) != hash_files([c, a])
