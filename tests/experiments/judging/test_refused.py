"""What cannot be judged, in one line with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import zoo
from tests.experiments.judging.conftest import GOLD, jsonl, words, written
from tests.typed import typed

WRONG = {
    "fewer lines": (words(GOLD)[1:], "bert.txt: has 119 predictions for the 120 items of gold.txt"),
    "an unread header": (["Vorhersage", *words(GOLD)], "bert.txt: has 121 .*; is its first line a header"),
    "an unknown label": (["maybe", *words(GOLD)[1:]], "bert.txt:1: 'maybe' is not a label.*--labels"),
    "scores": (["0.83", *words(GOLD)[1:]], "bert.txt:1: '0.83' is not a label.*if these are scores"),
    "no number": (["nan", *words(GOLD)[1:]], "bert.txt:1: 'nan' is not a label"),
    "a missing item": (["id\tprediction", *(f"{n}\tyes" for n in range(1, 120))], "bert.txt: has 119 predictions"),
    "an item twice": (["id\tprediction", "0\tyes", *(f"{n}\tyes" for n in range(119))], "bert.txt:3: item '0' .*twice"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_one_line_with_its_place(here: Path, what: str) -> None:
    lines, message = WRONG[what]
    written("gold.txt", words(GOLD))
    written("bert.txt", lines)
    done = typed("judge", "bert=bert.txt", "--gold", "gold.txt")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert re.search(message, done.stderr), done.stderr
    assert not Path("runs").exists()


def test_ids_that_are_missing_or_not_known_are_named_with_their_places(here: Path) -> None:
    jsonl("gold.jsonl", [{"id": f"q{n}", "label": "yes" if n else "no"} for n in range(4)])
    jsonl("few.jsonl", [{"id": f"q{n}", "prediction": "yes"} for n in (0, 3)])
    jsonl("more.jsonl", [{"id": f"q{n}", "prediction": "yes"} for n in range(5)])
    with pytest.raises(
        zoo.ZooError, match=r"few.jsonl: has no prediction for item 'q1' \(gold.jsonl:2\), nor for 1 more"
    ):
        zoo.judge("bert=few.jsonl", gold="gold.jsonl")
    with pytest.raises(zoo.ZooError, match=r"more.jsonl:5: item 'q4' is not among the 4 of gold.jsonl"):
        zoo.judge("bert=more.jsonl", gold="gold.jsonl")
    with pytest.raises(zoo.ZooError, match=r"bert: 'none-[*].jsonl' matches no file"):
        zoo.judge("bert=none-*.jsonl", gold="gold.jsonl")
    with pytest.raises(zoo.ZooError, match="there are no gold labels; give them with --gold"):
        zoo.judge("bert=more.jsonl")
    with pytest.raises(zoo.ZooError, match=r"93.2 should be a score of at most 1.*--scale 100"):
        zoo.judge("bert=93.2,94.1")
    assert zoo.judge("bert=93.2,94.1", scale=100).run.results[0].main_score == pytest.approx(0.932)


def test_scores_of_whole_tasks_and_words_for_numbers_are_told_apart_from_answers(here: Path) -> None:
    Path("results_2026.json").write_text(json.dumps({"results": {"rte": {"acc,none": 0.5}}, "configs": {"rte": {}}}))
    with pytest.raises(zoo.ZooError, match=r"results_2026.json: holds .* scores of whole tasks; give the samples_"):
        zoo.judge("bert=results_2026.json")
    written("gold.txt", ["0.3", "1.5", "2.0"])
    written("bert.txt", ["yes", "no", "yes"])
    with pytest.raises(
        zoo.ZooError, match=r"gold.txt: the gold labels are numbers, such as '0.3', .* words, such as 'yes'"
    ):
        zoo.judge("bert=bert.txt", gold="gold.txt")


UNREADABLE = {
    "a folder.txt": None,
    "nothing.txt": b"",
    "bytes.csv": bytes(range(256)),
    "open.json": b"{",
    "deep.json": b"[" * 100_000,
    "nan.jsonl": b'{"prediction": NaN}',
    "ragged.tsv": b"prediction\tlogit\nyes\n",
    "quote.csv": b'prediction\n"yes\n',
    "job.json": b'{"job": {}, "predictions": {"dev": 3}}',
    "harness.jsonl": b'{"doc_id": 0, "filtered_resps": [], "mcc": [0]}',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_in_one_line(here: Path, name: str) -> None:
    content = UNREADABLE[name]
    Path(name).mkdir() if content is None else Path(name).write_bytes(content)
    with pytest.raises(zoo.ZooError, match=re.escape(name)) as error:
        zoo.judge(f"bert={name}")
    assert "\n" not in str(error.value)


def test_an_empty_file_is_called_empty(here: Path) -> None:
    written("a.txt", [])
    written("gold.tsv", ["index\tlabel", "0\tyes", "1\tno"])
    with pytest.raises(zoo.ZooError, match=r"^a\.txt: is empty"):
        zoo.judge("a=a.txt", gold="gold.tsv")


def test_gold_labels_of_several_tasks_in_python_are_told_to_be_files() -> None:
    with pytest.raises(zoo.ZooError, match="gold labels of several tasks are read from files"):
        zoo.judge({"one": [GOLD]}, gold={"task": GOLD})


def test_a_name_with_a_line_s_end_is_refused_in_words(here: Path) -> None:
    written("gold.txt", words(GOLD))
    done = typed("judge", "a\nb=gold.txt", "--gold", "gold.txt")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no line's end or other control character (given: 'a\\nb')" in done.stderr
