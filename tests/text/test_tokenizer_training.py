"""Vocabularies learned from texts: the same files each time, of the size asked for, with every character that fits."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from tests.text.conftest import FAMILIES, SENTENCES, cuts, pieces
from zoo import ZooError
from zoo.text import unigram
from zoo.text.rust_tokenizer import RustTokenizer
from zoo_albert.tokenizer import Unigram
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.tokenizer import ByteLevelBPE

TRAIN = """
import sys
from pathlib import Path
from zoo_albert.tokenizer import Unigram
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.tokenizer import ByteLevelBPE
texts = Path(sys.argv[1]).read_text(encoding="utf-8").split("\\n")
for family in (WordPiece, ByteLevelBPE, Unigram):
    family.train(texts, 400).save(Path(sys.argv[2]) / family.__name__)
"""


@pytest.mark.slow
def test_two_processes_with_other_hash_seeds_train_the_same_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    words = ["".join(rng.choice(list("abcdefgh"), rng.integers(2, 9))) for _ in range(400)]  # full of ties
    text = "\n".join(" ".join(rng.choice(words, 12)) for _ in range(300))
    (tmp_path / "text").write_text(text, encoding="utf-8")
    folders = {"1": tmp_path / "one", "2": tmp_path / "two"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN, str(tmp_path / "text"), str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for seed, folder in folders.items()
    ]
    assert [run.wait() for run in runs] == [0, 0]
    for family in FAMILIES:
        one, two = ((folder / family.__name__ / "tokenizer.json").read_bytes() for folder in folders.values())
        assert one == two, family.__name__


def test_training_makes_whole_words_of_a_small_vocabulary(family: type[RustTokenizer]) -> None:
    tokenizer = family.train(SENTENCES, 1_000)
    made = pieces(tokenizer, SENTENCES[0])
    assert [piece.strip("\u2581\u0120") for piece in made] == SENTENCES[0].split()


def test_a_vocabulary_is_no_larger_than_asked(family: type[RustTokenizer]) -> None:
    texts = [*SENTENCES, "".join(map(chr, range(0x4E00, 0x4E00 + 500)))]
    for size in (270, 300):
        tokenizer = family.train(texts, size)
        assert 50 < tokenizer.vocab_size <= size
        assert max(int(ids.max()) for ids in tokenizer.encode(texts)) < tokenizer.vocab_size


HAN = [chr(0x4E00 + index) for index in range(900)]


@pytest.mark.parametrize("family", [WordPiece, Unigram])
def test_text_without_spaces_gets_every_character_that_there_is_room_for(family: type[RustTokenizer]) -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(HAN, 60)) for _ in range(300)]
    tokenizer = family.train(texts, 1_000)
    ids = np.concatenate(tokenizer.encode(texts))
    assert tokenizer.unk_id not in ids
    assert len(set(ids.tolist())) > 0.99 * (tokenizer.vocab_size - len(tokenizer.names))


@pytest.mark.parametrize("family", [WordPiece, Unigram])
def test_of_too_many_characters_the_rarest_are_unknown(family: type[RustTokenizer]) -> None:
    texts = ["".join(HAN[:900]), "".join(HAN[:50]) * 3]
    tokenizer = family.train(texts, 105)
    assert tokenizer.vocab_size == 105
    assert tokenizer.unk_id not in tokenizer.encode(["".join(HAN[:50])])[0]


def test_wordpiece_has_a_character_only_in_the_forms_that_occur() -> None:
    tokenizer = WordPiece.train(["ab ab xc 中文", "ab xc , 中国"], 200)
    pieces = set(tokenizer._rust.get_vocab())
    assert {"a", "##b", "x", "##c", "中", "文", "国", ","} <= pieces
    assert not {"b", "##a", "c", "##x", "##中", "##,"} & pieces


def test_unigram_learns_words_from_text_without_spaces() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(HAN[:60], 3)) for _ in range(40)]
    tokenizer = Unigram.train(["".join(rng.choice(words, 30)) for _ in range(200)], 300)
    assert np.mean([len(tokenizer.encode([word])[0]) for word in words]) < 2.2


def test_chinese_names_and_posts_are_known(shared_data: Path) -> None:
    lines = (shared_data / "ner" / "ResumeNER" / "train.char.bmes").read_text().splitlines()
    texts = ["".join(line[0] for line in group) for filled, group in groupby(lines, bool) if filled]
    for family in (WordPiece, Unigram):
        tokenizer = family.train(texts, 4_000)
        ids = np.concatenate(tokenizer.encode(texts))
        assert np.mean(ids == tokenizer.unk_id) <= 0.0001


def test_fresh_special_tokens_have_the_ids_of_their_family() -> None:
    sizes = {"pad_id": (0, 1, 0), "unk_id": (1, 3, 1), "cls_id": (2, 0, 2), "sep_id": (3, 2, 3)}
    tokenizers = [family.train(SENTENCES, 300) for family in FAMILIES]
    for name, wanted in sizes.items():
        assert tuple(getattr(tokenizer, name) for tokenizer in tokenizers) == wanted
    assert [tokenizer.mask_id for tokenizer in tokenizers] == [4, tokenizers[1].vocab_size - 1, 4]


def test_a_vocabulary_too_small_for_the_bytes_is_refused() -> None:
    with pytest.raises(ZooError, match="at least 261"):
        ByteLevelBPE.train(SENTENCES, 260)


@pytest.mark.parametrize("family", [WordPiece, Unigram])
def test_no_text_is_refused(family: type[RustTokenizer]) -> None:
    with pytest.raises(ZooError, match="no text"):
        family.train(["", "  "], 300)


def test_expected_counts_are_those_of_all_cuts() -> None:
    counts = {"abab": 3, "bab": 2, "a": 5}
    learned = ["a", "b", "ab", "ba", "abab"]
    chances = np.array([0.3, 0.2, 0.25, 0.15, 0.1])
    expected = dict.fromkeys(learned, 0.0)
    for word, count in counts.items():
        weights = {
            cut: np.prod([chances[learned.index(piece)] for piece in cut])
            for cut in cuts(word)
            if set(cut) <= set(learned)
        }
        for cut, weight in weights.items():
            for piece in cut:
                expected[piece] += count * weight / sum(weights.values())
    groups = unigram._lattices(sorted(counts), counts, learned)
    made = unigram._expected_counts(groups, np.append(chances, 0.0))
    np.testing.assert_allclose(made[:-1], list(expected.values()), rtol=1e-12)


def test_unigram_needs_no_more_tokens_than_wordpiece_on_real_text(shared_data: Path) -> None:
    texts = (shared_data / "corpus" / "us_speeches_pd.txt").read_text(encoding="utf-8").split("\n")[:1_000]
    n_tokens = {family: sum(map(len, family.train(texts, 2_000).encode(texts))) for family in (WordPiece, Unigram)}
    assert n_tokens[Unigram] <= 1.02 * n_tokens[WordPiece]
