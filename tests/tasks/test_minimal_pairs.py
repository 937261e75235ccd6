"""Minimal pairs: files as BLiMP's, and those of the microworld."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from zoo.core.errors import ZooError
from zoo.tasks.microworld.documents import documents
from zoo.tasks.microworld.pairs import PHENOMENA, pairs
from zoo.tasks.minimal_pairs import MinimalPair, content_hash, read_pairs

LINE = {
    "sentence_good": "Who should Derek hug after shocking Richard?",
    "sentence_bad": "Who should Derek hug Richard after shocking?",
    "field": "syntax", "linguistics_term": "island_effects", "UID": "adjunct_island",
    "simple_LM_method": True, "one_prefix_method": False, "two_prefix_method": False, "lexically_identical": True,
    "pairID": "0",
}  # fmt: skip
"""A line of BLiMP's adjunct_island.jsonl."""


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_a_line_of_blimp_says_what_it_tests(tmp_path: Path) -> None:
    (pair,) = read_pairs(written(tmp_path / "adjunct_island.jsonl", LINE))
    assert pair == MinimalPair(
        LINE["sentence_good"], LINE["sentence_bad"], "adjunct_island", "island_effects", "syntax"
    )


def test_a_folder_holds_a_phenomenon_per_file(tmp_path: Path) -> None:
    written(tmp_path / "b.jsonl", {"sentence_good": "a", "sentence_bad": "b"})
    written(tmp_path / "a.jsonl", "", LINE)
    assert [pair.phenomenon for pair in read_pairs(tmp_path)] == ["adjunct_island", "b"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"sentence_good": "a"}, "pairs.jsonl:2: has no sentence_bad; a pair needs"),
        ({"sentence_good": "a", "sentence_badd": "b"}, "has no sentence_bad; is it called 'sentence_badd'?"),
        ({"sentence_good": "a", "sentence_bad": "a"}, "pairs.jsonl:2: both sentences are 'a'"),
        ({"sentence_good": " ", "sentence_bad": "a"}, "pairs.jsonl:2: sentence_good is ' '; it should be a sentence"),
        ({"sentence_good": 3, "sentence_bad": "a"}, "pairs.jsonl:2: sentence_good is 3"),
        ({"sentence_good": "a", "sentence_bad": "b", "UID": 3}, "pairs.jsonl:2: UID is 3; it should be text"),
        ("[1]", "pairs.jsonl:2: should hold a JSON object, not a list"),
        ("{", "pairs.jsonl:2: not valid JSON"),
    ],
)
def test_a_line_that_is_no_pair_is_refused_by_its_number(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(ZooError, match=r"^[^\n]+$") as error:
        read_pairs(written(tmp_path / "pairs.jsonl", LINE, line))
    assert said in str(error.value)


def test_an_empty_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"no file of this folder ends with [.]jsonl"):
        read_pairs(tmp_path)
    with pytest.raises(ZooError, match="holds no pairs"):
        read_pairs(written(tmp_path / "pairs.jsonl"))


def test_the_microworlds_pairs_are_those_of_their_seed() -> None:
    assert content_hash(pairs(5, 0)) == "38340144addc1f01c33c14c713b850a23e9adc3419d10f87824566ecbb5bf914"
    assert {pair.good for pair in pairs(20, 0)} != {pair.good for pair in pairs(20, 1)}


def test_a_pair_differs_in_one_place_and_no_bad_sentence_is_a_good_one() -> None:
    made = pairs(60, 0)
    assert [sum(pair.phenomenon == name for pair in made) for name in PHENOMENA] == [60] * len(PHENOMENA)
    for pair in made:
        good, bad = pair.good.split(), pair.bad.split()
        changes = [change for change in SequenceMatcher(None, good, bad).get_opcodes() if change[0] != "equal"]
        assert len(good) == len(bad) and len(changes) <= 2, pair
        assert sorted(good) == sorted(bad) or len(changes) == 1, pair
    assert not {pair.bad for pair in made} & {pair.good for pair in made}


def test_the_running_text_holds_the_sentence_of_no_pair_but_facts_which_it_states() -> None:
    text = {sentence for document in documents(2_000, seed=0) for sentence in document}
    for pair in pairs(60, 0):
        if pair.phenomenon == "category-fact":
            assert pair.bad not in text
        else:
            assert pair.good not in text and pair.bad not in text


def test_a_good_sentence_says_what_its_phenomenon_is_about() -> None:
    first = {pair.phenomenon: pair for pair in reversed(pairs(3, 0))}
    assert first["verb-number"].good.split()[2] == first["verb-number"].bad.split()[2] + "s"
    assert {first["article-sound"].good[:2], first["article-sound"].bad[:2]} == {"a ", "an"}
    assert first["category-fact"].good.startswith("every ")
    assert " truly " in first["polarity"].good + first["polarity"].bad
