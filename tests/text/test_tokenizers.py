"""The three families' tokenizers, against hand-made vocabularies, the transformers library and brute force."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast, RobertaTokenizer
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from tests.text.conftest import FAMILIES, SENTENCES, cuts, pieces, real_lines
from zoo import ZooError
from zoo.text.rust_tokenizer import RustTokenizer
from zoo.text.words import begins_word
from zoo_albert.tokenizer import Unigram
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.tokenizer import ByteLevelBPE

TRICKY = [
    "",
    "   ",
    "Héllo, WÖRLD! naïve café",
    "don't  can't \t tab\nnew line",
    "中文字符 and 日本語テキスト",
    "a\u00a0b\u2028c\u0085d\u200be\ufeff",
    "\u0000\ufffd\u0001x",
    "\u0130stanbul \u01c5 ß \ufb01 ½ ²",
    "\U0001f600\U0001f469\u200d\U0001f469 flag \U0001f1e9\U0001f1ea",
    "x" * 120,
    "e\u0301 combining a\u0323\u0302",
    "$5.00 100% #hash @user http://a.b/c?d=e&f",
    "\u3000ideographic\uff0cfull",
    "``quoted'' \"text\"",
    "...---... A.B.C. U.S.A",
]


def wordpiece(folder: Path, *learned: str, **options: bool) -> WordPiece:
    (folder / "vocab.txt").write_text("\n".join([*WordPiece.names, *learned]), encoding="utf-8")
    return WordPiece.load(folder, **options)


# Hand-made vocabularies


def test_wordpiece_takes_the_longest_piece_first(tmp_path: Path) -> None:
    tokenizer = wordpiece(tmp_path, "want", "##want", "##ed", "wa", "un", "runn", "##ing", ",")
    assert tokenizer.encode(["UNw\u00e4nted,running x"])[0].tolist() == [9, 6, 7, 12, 10, 11, 1]


def test_wordpiece_keeps_case_and_accents_and_chinese_words_together_where_asked(tmp_path: Path) -> None:
    learned = ("Ä", "ä", "A", "a", "中", "中文", "文")
    assert pieces(wordpiece(tmp_path, *learned), "Ä 中文") == ["a", "中", "文"]
    assert pieces(wordpiece(tmp_path, *learned, lowercase=False), "Ä") == ["Ä"]
    assert pieces(wordpiece(tmp_path, *learned, strip_accents=False), "Ä") == ["ä"]
    assert pieces(wordpiece(tmp_path, *learned, lowercase=False, strip_accents=True), "Ä") == ["A"]
    assert pieces(wordpiece(tmp_path, *learned, split_chinese=False), "中文") == ["中文"]


def test_byte_level_bpe_merges_in_the_order_of_the_merges_file(tmp_path: Path) -> None:
    learned = ["l", "o", "w", "e", "r", "Ġ", "lo", "low", "er", "Ġlow"]
    vocabulary = {piece: index for index, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *learned, "<mask>"])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("#version: 0.2\nl o\nlo w\ne r\nĠ low\n", encoding="utf-8")
    tokenizer = ByteLevelBPE.load(tmp_path)
    assert pieces(tokenizer, "low lower") == ["low", "Ġlow", "er"]
    assert pieces(ByteLevelBPE.load(tmp_path, add_prefix_space=True), "low") == ["Ġlow"]
    assert tokenizer.special_ids == (1, 0, 2, 14)


def test_unigram_pieces_are_the_most_probable_cut_of_every_word() -> None:
    tokenizer = Unigram.train(SENTENCES, 200)
    scores = dict(json.loads(tokenizer._rust.to_str())["model"]["vocab"])
    for word in ("shepherds", "fowls", "complaint"):
        word = "\u2581" + word
        best = max(cuts(word), key=lambda cut: sum(scores.get(piece, -1e9) for piece in cut))
        assert pieces(tokenizer, word[1:]) == list(best)


def test_unigram_normalises_as_albert_does() -> None:
    tokenizer = Unigram.train(['a "b" c, fi e 1/2 ...'] * 3, 60)
    assert tokenizer.encode(["``B''"])[0].tolist() == tokenizer.encode(['"b"'])[0].tolist()
    assert tokenizer.encode([" \u00c9 \t \ufb01\n"])[0].tolist() == tokenizer.encode(["e fi"])[0].tolist()


# Other implementations


@pytest.mark.parametrize("options", [{}, {"lowercase": False}, {"strip_accents": False}, {"split_chinese": False}])
def test_wordpiece_agrees_with_the_pure_python_tokenizer_of_transformers(
    shared_data: Path, tmp_path: Path, options: dict[str, bool]
) -> None:
    shutil.copy(shared_data / "vocab" / "bert-base-uncased.vocab.txt", tmp_path / "vocab.txt")
    ours = WordPiece.load(tmp_path, **options)
    theirs = BertTokenizerLegacy(
        str(tmp_path / "vocab.txt"),
        do_lower_case=options.get("lowercase", True),
        tokenize_chinese_chars=options.get("split_chinese", True),
        strip_accents=options.get("strip_accents"),
    )
    texts = [*TRICKY, *real_lines(shared_data)[::4]]
    for text, ids in zip(texts, ours.encode(texts), strict=True):
        assert ids.tolist() == theirs.convert_tokens_to_ids(theirs.tokenize(text)), text
    assert (ours.vocab_size, ours.pad_id, ours.unk_id, ours.cls_id, ours.sep_id, ours.mask_id) == (
        30_522, 0, 100, 101, 102, 103,
    )  # fmt: skip


def test_byte_level_bpe_agrees_with_transformers(shared_data: Path, tmp_path: Path) -> None:
    vocabulary, merges = tmp_path / "vocab.json", tmp_path / "merges.txt"
    shutil.copy(shared_data / "vocab" / "roberta-base.vocab.json", vocabulary)
    shutil.copy(shared_data / "vocab" / "roberta-base.merges.txt", merges)
    ours = ByteLevelBPE.load(tmp_path)
    theirs = RobertaTokenizer(vocab=str(vocabulary), merges=str(merges))
    texts = [*TRICKY, *real_lines(shared_data)]
    for text, ids in zip(texts, ours.encode(texts), strict=True):
        assert ids.tolist() == theirs(text, add_special_tokens=False)["input_ids"], text
        assert ours.decode(ids.tolist()) == text
    assert ours.join(*ours.encode(["a b", "c"]), 20).ids.tolist() == theirs("a b", "c")["input_ids"]
    assert (ours.vocab_size, ours.cls_id, ours.pad_id, ours.sep_id, ours.unk_id, ours.mask_id) == (
        50_265, 0, 1, 2, 3, 50_264,
    )  # fmt: skip


@pytest.mark.parametrize("lengths", [(4, 4), (4, 5), (5, 4), (9, 2), (2, 9), (1, 1), (0, 9)])
def test_a_saved_file_gives_transformers_the_same_sequences_cut_longest_first(
    family: type[RustTokenizer], lengths: tuple[int, int], trained: dict[str, Path]
) -> None:
    folder = trained[family.__name__]
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ours = family.load(folder)
    first, second = ("the " * n for n in lengths)
    for max_length in (6, 7, 8, 9):
        cut = {"truncation": "longest_first", "max_length": max_length, "return_token_type_ids": True}
        wanted = theirs(first, second, **cut)
        made = ours.join(*ours.encode([first, second]), max_length)
        assert (made.ids.tolist(), made.segments.tolist()) == (wanted["input_ids"], wanted["token_type_ids"])
        alone = ours.join(ours.encode([first])[0], None, max_length)
        assert alone.ids.tolist() == theirs(first, **cut)["input_ids"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for family in FAMILIES:
        folders[family.__name__] = tmp_path_factory.mktemp(family.__name__)
        family.train(SENTENCES, 400).save(folders[family.__name__])
    return folders


# Sequences


def test_the_name_of_a_special_token_in_a_text_is_text(family: type[RustTokenizer], trained: dict[str, Path]) -> None:
    fresh = family.train([*SENTENCES, " ".join(family.names)] * 50, 400)
    for tokenizer in (fresh, family.load(trained[family.__name__])):
        for name in family.names:
            for text in (name, f"the {name} farmer", f"x{name}"):
                ids = tokenizer.encode([text])[0]
                assert len(ids) and not np.isin(ids, tokenizer.special_ids).any(), text


def test_a_special_piece_within_reach_of_a_unigram_model_is_unknown(tmp_path: Path) -> None:
    Unigram.train(SENTENCES, 300).save(tmp_path)
    path = tmp_path / "tokenizer.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    path.write_text(json.dumps(saved), encoding="utf-8")
    tokenizer = Unigram.load(tmp_path)
    assert pieces(tokenizer, "the<pad>") == ["\u2581the", "<unk>"]


def test_decoding_gives_the_text_back_and_leaves_special_tokens_out(family: type[RustTokenizer]) -> None:
    tokenizer = family.train(SENTENCES, 500)
    first, second = SENTENCES[:2]
    joined = tokenizer.join(*tokenizer.encode([first, second]), 512)
    assert "".join(tokenizer.decode(joined.ids.tolist()).split()) == "".join((first + second).split())


def test_segments_tell_which_text_a_token_is_of_and_separators_close_theirs() -> None:
    first, second = np.array([7, 8], dtype=np.int32), np.array([9], dtype=np.int32)
    for family, ids, segments in (
        (WordPiece, [2, 7, 8, 3, 9, 3], [0, 0, 0, 0, 1, 1]),
        (ByteLevelBPE, [0, 7, 8, 2, 2, 9, 2], [0, 0, 0, 0, 0, 1, 1]),
        (Unigram, [2, 7, 8, 3, 9, 3], [0, 0, 0, 0, 1, 1]),
    ):
        made = family.train(SENTENCES, 300).join(first, second, 20)
        assert made.ids.tolist() == ids
        assert made.segments.tolist() == segments
        assert made.special.tolist() == [index not in (7, 8, 9) for index in ids]


def test_a_sequence_without_room_for_text_is_refused(family: type[RustTokenizer]) -> None:
    tokenizer = family.train(SENTENCES, 300)
    with pytest.raises(ZooError, match="no room for text"):
        tokenizer.join(tokenizer.encode(["the"])[0], None, 2)


def test_words_begin_where_the_family_says_so() -> None:
    marks = {WordPiece: ("", "##"), ByteLevelBPE: ("\u0120", ""), Unigram: ("\u2581", "")}
    for family, (begin, go_on) in marks.items():
        tokenizer = family.train(SENTENCES, 500)
        vocabulary = tokenizer._rust.get_vocab()
        assert tokenizer.word_starts[vocabulary[begin + "the"]]
        assert not tokenizer.word_starts[vocabulary[go_on + "r"]]
        assert tokenizer.word_starts[tokenizer.unk_id]
        assert not tokenizer.word_starts[list(tokenizer.special_ids)].any()
        assert len(tokenizer.word_starts) == tokenizer.vocab_size
    begins = begins_word({"type": "Unigram"}, ["\u2581the", "ing"])
    assert [begins(piece) for piece in ("ing", "3", ",", "\u4e2d", "\u2581a")] == [False, False, True, True, True]
    assert begins_word({"type": "WordLevel"}, ["the", "ing"])("ing")


# Files


def test_a_loaded_file_does_not_bring_its_own_truncation_and_padding(tmp_path: Path) -> None:
    tokenizer = WordPiece.train(SENTENCES, 300)
    tokenizer._rust.enable_truncation(2)
    tokenizer._rust.enable_padding(length=50)
    tokenizer.save(tmp_path)
    assert len(WordPiece.load(tmp_path).encode([SENTENCES[0]])[0]) == len(SENTENCES[0].split())


@pytest.mark.parametrize("content", ["", "{", "[]", "\ud800".encode("utf-8", "surrogatepass"), '{"model": {}}'])
def test_a_broken_file_is_named(family: type[RustTokenizer], tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ZooError, match=r"tokenizer\.json: not a tokenizer") as caught:
        family.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(family: type[RustTokenizer], tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"tokenizer\.json: No such file"):
        family.load(tmp_path)


def test_a_folder_gives_the_tokenizer_that_it_holds_whoever_asks(family: type[RustTokenizer], tmp_path: Path) -> None:
    for other in FAMILIES:
        trained = other.train(SENTENCES, 300)
        trained.save(tmp_path)
        loaded = family.load(tmp_path)
        assert loaded.encode(SENTENCES)[0].tolist() == trained.encode(SENTENCES)[0].tolist()
        assert loaded.special_names == other.names._asdict()
        assert loaded.word_starts.tolist() == trained.word_starts.tolist()


def test_of_a_piece_that_is_there_twice_the_last_counts_and_no_other_moves(tmp_path: Path) -> None:
    tokenizer = wordpiece(tmp_path, "a", "", "", "a", "b")
    assert tokenizer.encode(["a b"])[0].tolist() == [8, 9]


def test_a_vocabulary_without_its_special_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\na\n", encoding="utf-8")
    with pytest.raises(ZooError, match=r"vocab\.txt: the vocabulary lacks \[SEP\];"):
        WordPiece.load(tmp_path)


def test_a_vocabulary_without_a_mask_reads_text_and_says_so_where_one_is_needed(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\na\n", encoding="utf-8")
    tokenizer = WordPiece.load(tmp_path)
    assert tokenizer.join(tokenizer.encode(["a b"])[0], None, 9).ids.tolist() == [1, 3, 0, 2]
    with pytest.raises(ZooError, match=r"vocab\.txt: the tokenizer has no mask token"):
        _ = tokenizer.mask_id


@pytest.mark.parametrize(
    ("vocabulary", "merges", "message"),
    [
        ("{", "", r"vocab\.json: not a JSON object of piece to id"),
        ('["a"]', "", r"vocab\.json: not a JSON object of piece to id"),
        ('{"a": true}', "", r"vocab\.json: 'a' has the id True"),
        ('{"a": 0}', "a\n", r"merges\.txt:1: 'a' is not two pieces"),
        (
            '{"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3}',
            "a b\n",
            r"vocab\.json: not a tokenizer that can be used \(.*`b`",
        ),
        ('{"a": 0}', "", r"vocab\.json: the vocabulary lacks <unk>, <s>, </s>"),
    ],
)
def test_broken_bpe_files_are_named(tmp_path: Path, vocabulary: str, merges: str, message: str) -> None:
    (tmp_path / "vocab.json").write_text(vocabulary, encoding="utf-8")
    (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
    with pytest.raises(ZooError, match=message):
        ByteLevelBPE.load(tmp_path)


def test_an_option_overrules_what_a_saved_tokenizer_does(tmp_path: Path) -> None:
    WordPiece.train(SENTENCES, 300).save(tmp_path / "bert")
    assert WordPiece.load(tmp_path / "bert", lowercase=True).encode(["THE"])[0].tolist() != [1]
    assert WordPiece.load(tmp_path / "bert", lowercase=False).encode(["THE"])[0].tolist() == [1]
    ByteLevelBPE.train(SENTENCES, 300).save(tmp_path / "roberta")
    with_space = ByteLevelBPE.load(tmp_path / "roberta", add_prefix_space=True)
    assert pieces(with_space, "the")[0].startswith("Ġ")
