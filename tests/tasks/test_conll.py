"""Files of tagged words: what is read of them, and what is refused, with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from zoo import Catalog, ConllFile, ConllTask, Example, ZooError
from zoo.tasks.kinds import task_kind
from zoo.tasks.record_file import read_task_file
from zoo.tasks.tagging import tags_of

ROOT = Path(__file__).resolve().parents[2]
NER = ROOT.parent / "shared" / "data" / "ner"
DEV = "Ann B-PER\n"
Write = Callable[..., Path]


def task(scheme: str | None = "BIO", **fields: Any) -> ConllTask:
    given: dict[str, Any] = {
        "name": "toy",
        "suite": "own",
        "scheme": scheme,
        "labels": tags_of(("PER", "LOC"), scheme or "BIO"),
        "metrics": ("entity-f1",),
        "files": {"train": ConllFile(path="train.txt"), "dev": ConllFile(path="dev.txt")},
        "citation": "nobody",
    }
    return ConllTask(**given | fields)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the two files of the toy task, and return their folder."""

    def files(train: str | bytes, dev: str | bytes = DEV) -> Path:
        for name, content in (("train", train), ("dev", dev)):
            (tmp_path / f"{name}.txt").write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return files


def read(of: ConllTask, folder: Path) -> list[tuple[str, str]]:
    """The texts of the training file, and their tags."""
    kind = task_kind(of)
    return [(item.first, kind.shown(item.label)) for item in of.load(folder).splits["train"]]


@pytest.mark.parametrize(
    "content",
    [
        "Ann B-PER\nsleeps O\n\nIn O\nRome B-LOC\n",
        "Ann\tB-PER\nsleeps\tO\n\t\nIn\tO\nRome\tB-LOC",  # tabs, a line of white space, no end
        "-DOCSTART- X O\n\nAnn N B-PER\nsleeps V O\n\n\n-DOCSTART- X O\n\nIn P O\nRome N B-LOC\n",
        "\ufeff# a comment of words\n# another\nAnn B-PER\r\nsleeps O\r\n\r\n# text = In Rome\nIn O\nRome B-LOC\r\n",
        "# sent_id = 1\nAnn\t_\tB-PER\nsleeps\t_\tO\n\nIn\t_\tO\nRome\t_\tB-LOC\n",
        "Ann I-PER\nsleeps O\n\nIn O\nRome I-LOC\n",  # IOB1
        "Ann S-PER\nsleeps O\n\nIn O\nRome S-LOC\n",  # BIOES
    ],
)
def test_texts_are_the_same_however_a_file_is_laid_out(content: str, write: Write) -> None:
    assert read(task(), write(content)) == [("Ann sleeps", "B-PER O"), ("In Rome", "O B-LOC")]


def test_a_word_that_begins_with_a_hash_is_a_word(write: Write) -> None:
    assert read(task(), write("#Rome B-LOC\n# O\n\n# O\n#Ann B-PER\n")) == [
        ("#Rome #", "B-LOC O"),
        ("# #Ann", "O B-PER"),
    ]


def test_tags_are_converted_to_the_scheme_of_the_labels(write: Write) -> None:
    folder = write("Ann B-PER\nLee M-PER\nRay E-PER\nJo S-PER\n")
    assert read(task("BIO"), folder)[0][1] == "B-PER I-PER I-PER B-PER"
    assert read(task("BIOES"), folder)[0][1] == "B-PER I-PER E-PER S-PER"
    assert read(task("BMES"), folder)[0][1] == "B-PER M-PER E-PER S-PER"


def test_without_a_scheme_tags_are_taken_as_they_are(write: Write) -> None:
    tags = task(None, labels=("NNP", "VB"), metrics=("accuracy",), files={
        "train": ConllFile(path="train.txt", tag_column=1), "dev": ConllFile(path="dev.txt", tag_column=1)
    })  # fmt: skip
    assert read(tags, write("Ann NNP B-PER\nruns VB O\n", "Ann NNP B-PER\n")) == [("Ann runs", "NNP VB")]


def test_one_character_a_line_is_joined_without_spaces(write: Write) -> None:
    chinese = task("BIOES", options={"words": "characters"})
    assert read(chinese, write("吴 B-PER\n阳 E-PER\n在 O\n京 S-LOC\n", "京 S-LOC\n")) == [
        ("吴阳在京", "B-PER E-PER O S-LOC")
    ]
    with pytest.raises(ZooError, match=r"train.txt:2: '在京' is not one character"):
        chinese.load(write("吴 S-PER\n在京 S-LOC\n"))


def test_a_wrong_sequence_is_repaired_and_said_or_refused_with_its_line(write: Write) -> None:
    folder = write("Ann B-PER\nin O\nRome I-LOC\n\nAnn B-PER\n")
    dataset = task().load(folder)
    assert dataset.splits["train"][0].label == (1, 0, 3)
    assert dataset.notes == ("train.txt: 1 texts have wrong sequences of BIO; repaired as seqeval reads them",)
    with pytest.raises(ZooError, match=r"train.txt:3: I-LOC after O is wrong in BIO"):
        task(wrong_sequences="refuse").load(folder)


def test_words_with_white_space_in_them_stay_one_word(write: Write) -> None:
    dataset = task().load(write("New\u00a0York\tB-LOC\n\u3000\tO\nAnn\tB-PER\n"))
    assert dataset.splits["train"] == (Example("New_York _ Ann", label=(3, 0, 1)),)
    assert "1 texts have words with white space" in dataset.notes[0]


def test_a_file_without_tags_is_read_for_its_words(write: Write) -> None:
    folder = write("Ann B-PER\nin O\n", "Ann\nsleeps\n\nAnn\n")
    assert task().read(folder / "dev.txt") == (Example("Ann sleeps"), Example("Ann"))


def test_lines_of_another_width_can_be_left_out_and_are_counted(write: Write) -> None:
    files = {"train": ConllFile(path="train.txt", skip_malformed=True), "dev": ConllFile(path="dev.txt")}
    dataset = task(files=files).load(write("Ann B-PER\n-PER\nin O\n"))
    assert dataset.splits["train"][0].first == "Ann in"
    assert dataset.notes == ("train.txt: left out 1 lines that do not have 2 columns",)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("Ann B-PER\nin\n", r"train.txt:2: has 1 columns, and the lines before have 2"),
        ("Ann B-PER\nin O O\n", r"train.txt:2: has 3 columns, and the lines before have 2"),
        ("1 Ann _ _ B-PER\n", r"train.txt:1: has 5 columns; a word, its tag and at most two others"),
        ("\tO\n", r"train.txt:1: has no word in column 1"),
        ("Ann B-PRE\nin O\n", r"train.txt:1: 'PRE' is not an entity type; did you mean 'PER'\?"),
        ("Ann B-PER\nin o\n", r"train.txt:2: the tag 'o' is neither O nor a letter and a type"),
        ("Ann B-PER\nin M-LOC\nit I-LOC\n", r"train.txt: tags with the letters B, I, M are of no one scheme"),
        ("", r"train.txt holds no items"),
        ("\n-DOCSTART- O\n\n", r"train.txt holds no items"),
        ("Ann O\nin O\n", r"train.txt: all words have the tag O; nothing can be learned from it"),
        (b"Ann B-PER\nM\xfcnchen B-LOC\n", r"train.txt:2: byte 2 of the line, 0xfc, is not UTF-8"),
        ("Ann B-PER\nin\0 O\n", r"train.txt:2: a NUL at character 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_line(train: str | bytes, message: str, write: Write) -> None:
    with pytest.raises(ZooError, match=message):
        task().load(write(train))


def test_an_unknown_tag_without_a_scheme_is_told_with_its_line(write: Write) -> None:
    with pytest.raises(ZooError, match=r"train.txt:2: 'VBB' is not a tag; did you mean 'VB'\?"):
        task(None, labels=("NNP", "VB"), metrics=("accuracy",)).load(write("Ann NNP\nruns VBB\n"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": ("O", "B-PER", "E-PER")}, "the label 'E-PER' is no tag of the scheme BIO"),
        ({"options": {"words": "letters"}}, "'letters' is not a way to divide words"),
        (
            {"options": {"wrods": "characters"}},
            "'wrods' is not an option of token-classification; did you mean 'words'",
        ),
        ({"kind": "classification"}, "read for token-classification, not for classification"),
        ({"pair": True}, "has one text per item"),
    ],
)
def test_a_record_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        task(**fields)


def test_files_are_found_in_a_folder_below_but_not_in_two(write: Write, tmp_path: Path) -> None:
    (tmp_path / "ner").mkdir()
    write("Ann B-PER\nin O\n")
    for name in ("train.txt", "dev.txt"):
        (tmp_path / name).rename(tmp_path / "ner" / name)
    assert len(task().load(tmp_path).splits["train"]) == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "dev.txt").write_text(DEV)
    with pytest.raises(ZooError, match=r"ner/dev.txt and .*other/dev.txt are both there"):
        task().load(tmp_path)


def test_a_task_file_reads_tagged_words_in_the_scheme_of_its_labels(tmp_path: Path) -> None:
    record = tmp_path / "own.toml"
    record.write_text(
        'name = "own"\nkind = "token-classification"\noptions = { words = "characters" }\n'
        'labels = ["O", "B-PER", "I-PER", "E-PER", "S-PER"]\n[files]\ntrain = "train.char.bmes"\ndev = "dev.conll"\n'
    )
    (tmp_path / "train.char.bmes").write_text("吴 B-PER\n重 M-PER\n阳 E-PER\n\n在 O\n")
    (tmp_path / "dev.conll").write_text("吴 B-PER\n阳 I-PER\n")
    splits = read_task_file(record).load(None).splits
    assert splits["train"] == (Example("吴重阳", label=(1, 2, 3)), Example("在", label=(0,)))
    assert splits["dev"] == (Example("吴阳", label=(1, 3)),)
    for wrong, said in (
        ("在 O\n\n京 B-LOC\n", "3: word 1: 'B-LOC', in the scheme of the labels: 'S-LOC' is not a label"),
        ("在 O\n\n吴 B-PER\n在 O\n京 S-LOC\n", "5: word 3: 'S-LOC' is not a label"),
        ("在 O\n北京 S-PER\n", "2: word 2: tokens should be characters, and this is '北京'"),
    ):
        (tmp_path / "dev.conll").write_text(wrong)
        with pytest.raises(ZooError, match=f"dev.conll:{said}"):
            read_task_file(record).load(None)


@pytest.mark.skipif(not NER.is_dir(), reason=f"needs the files in {NER}")
def test_the_files_of_real_tasks_are_read_whole() -> None:
    counts = {"wnut17": (3394, 1009, 62730), "resume-ner": (3821, 463, 124098)}
    catalog = Catalog.installed()
    for name, (n_train, n_dev, n_words) in counts.items():
        of = catalog.task(name)
        dataset = of.load(NER)
        assert (len(dataset.splits["train"]), len(dataset.splits["dev"])) == (n_train, n_dev)
        assert sum(len(item.label) for item in dataset.splits["train"]) == n_words
        assert all(task_kind(of).fits_item(item) for items in dataset.splits.values() for item in items)
    assert dataset.notes[0] == "ResumeNER/train.char.bmes: left out 1 lines that do not have 2 columns"
