"""SQuAD's files: items read from them, predictions in the official layout, the sentence baseline, and bad input."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo import Catalog, Example, ZooError
from zoo.tasks.kinds import task_kind
from zoo.tasks.sentence_baseline import best_sentence, sentence_places
from zoo.tasks.squad import SquadTask

CONTEXT = "Ann lives in Rome. Bob lives in Paris, and Paris is large."


def asked(id: str, question: str, *answers: tuple[int, str], **more: Any) -> dict[str, Any]:
    return {
        "id": id, "question": question, "answers": [{"answer_start": start, "text": text} for start, text in answers]
    } | more  # fmt: skip


FILE: dict[str, Any] = {
    "version": "1.1",
    "data": [
        {
            "title": "Cities",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        asked("q1", "Where does Ann live?", (13, "Rome"), (10, "in Rome")),
                        asked("q2", "Which is large?", (43, "Paris")),
                    ],
                }
            ],
        },
        {"title": "Other", "paragraphs": [{"context": "A cat sat.", "qas": [asked("q3", "Who sat?", (2, "cat"))]}]},
    ],
}

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(content: Any, name: str = "dev-v1.1.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return save


def task(name: str = "squad") -> SquadTask:
    found = Catalog.installed().task(name)
    assert isinstance(found, SquadTask)
    return found


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The file with one thing changed."""
    content = copy.deepcopy(FILE)
    inner: Any = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return content


FIRST = ("data", 0, "paragraphs", 0, "qas", 0)


def test_questions_texts_answers_and_ids_are_read(save: Save) -> None:
    items = task().read(save(FILE))
    assert items[0] == Example("Where does Ann live?", CONTEXT, ((13, "Rome"), (10, "in Rome")), id="q1")
    assert [item.id for item in items] == ["q1", "q2", "q3"]


def test_a_byte_order_mark_is_dropped_and_unknown_fields_are_ignored(save: Save) -> None:
    assert task().read(save(b"\xef\xbb\xbf" + json.dumps(FILE | {"more": 1}).encode())) == task().read(save(FILE))


def test_articles_divide_one_file(save: Save) -> None:
    files = task("squad-by-article").files
    own = task("squad-by-article").model_copy(
        update={
            "files": {
                "train": files["train"].model_copy(update={"n_articles": 1}),
                "dev": files["dev"].model_copy(update={"first_article": 1}),
            }
        }
    )
    splits = own.load(save(FILE).parent).splits
    assert [[item.id for item in splits[name]] for name in ("train", "dev")] == [["q1", "q2"], ["q3"]]
    wrong = changed("data", 1, "paragraphs", 0, "qas", 0, "answers", to=[{"text": "dog", "answer_start": 2}])
    with pytest.raises(ZooError, match=r"data\[1\].paragraphs\[0\].qas\[0\]: the answer 'dog' is not in its context"):
        own.load(save(wrong).parent)


def test_files_lie_in_the_folder_or_in_one_below_it(save: Save, tmp_path: Path) -> None:
    (tmp_path / "squad").mkdir()
    for split in ("train", "dev"):
        save(FILE, f"squad/{split}-v1.1.json")
    assert task().load(tmp_path).content_hash == task().load(tmp_path / "squad").content_hash


def test_a_question_may_have_no_answer_in_squad_2_alone(save: Save) -> None:
    none = changed(*FIRST, to=asked("q1", "Why?", is_impossible=True, plausible_answers=[]))
    assert task("squad2").read(save(none))[0].label == ()
    with pytest.raises(ZooError, match=r"qas\[0\]: the question has no answer, and task 'squad' needs one"):
        task().read(save(none))


def test_questions_without_the_field_are_unlabelled(save: Save) -> None:
    content = copy.deepcopy(FILE)
    questions = [q for article in content["data"] for paragraph in article["paragraphs"] for q in paragraph["qas"]]
    for question in questions:
        del question["answers"]
    assert {item.label for item in task().read(save(content))} == {None}
    questions[0]["answers"] = [{"text": "Rome", "answer_start": 13}]
    with pytest.raises(ZooError, match="2 of 3 questions have no field answers; all have it or none"):
        task().read(save(content))


def test_an_answer_that_begins_elsewhere_is_taken_from_the_nearest_place_and_noted(save: Save) -> None:
    moved = changed(*FIRST, to=asked("q1", "Which?", (42, "Paris")))
    for split in ("train", "dev"):
        path = save(moved, f"{split}-v1.1.json")
    dataset = task().load(path.parent)
    assert dataset.splits["dev"][0].label == ((43, "Paris"),)
    assert dataset.notes[0] == (
        "squad/train-v1.1.json: 1 answers are not where they are said to begin; the nearest are taken"
    )


BAD: dict[str, tuple[Any, str]] = {
    "empty": (b"", r"dev-v1.1.json is empty; it should hold the JSON of SQuAD"),
    "broken": (json.dumps(FILE).encode()[:-9], r"dev-v1.1.json: invalid JSON: EOF while parsing .* at line 1 column"),
    "not UTF-8": (b'{"data":\n["\xff"]}', r"dev-v1.1.json:2: byte 12 of the file, 0xff, is not UTF-8"),
    "a list": ([], r"dev-v1.1.json: input should be an object"),
    "no articles": ({"data": []}, r"dev-v1.1.json holds no questions"),
    "no context": (
        changed("data", 1, "paragraphs", 0, to={"qas": []}),
        r"data\[1\].paragraphs\[0\].context: is missing",
    ),
    "a number": (changed(*FIRST, "question", to=3), r"data\[0\].paragraphs\[0\].qas\[0\].question: input should be a"),
    "twice": (
        changed("data", 1, "paragraphs", 0, "qas", 0, "id", to="q1"),
        r"data\[1\].paragraphs\[0\].qas\[0\]: the id 'q1' is that of data\[0\].paragraphs\[0\].qas\[0\] too",
    ),
    "elsewhere": (
        changed(*FIRST, to=asked("q1", "Who?", (4, "Madrid"))),
        r"dev-v1.1.json: data\[0\].paragraphs\[0\].qas\[0\]: the answer 'Madrid' is not in its context, at character 4",
    ),
    "blank": (changed(*FIRST, to=asked("q1", "Who?", (3, " "))), r"qas\[0\]: an answer is empty"),
    "impossible": (
        changed(*FIRST, to=asked("q1", "Who?", (0, "Ann"), is_impossible=True)),
        r"qas\[0\]: the question is impossible, and yet has answers",
    ),
}


@pytest.mark.parametrize("wrong", BAD)
def test_bad_files_are_refused_with_the_place(wrong: str, save: Save) -> None:
    content, said = BAD[wrong]
    with pytest.raises(ZooError, match=said) as raised:
        task("squad2" if wrong == "impossible" else "squad").read(save(content))
    assert "\n" not in str(raised.value)


def test_predictions_are_written_and_read_in_the_official_layout(save: Save, tmp_path: Path) -> None:
    items = task("squad2").read(save(FILE))
    told = task("squad2").model_copy(update={"options": {"no_answer": True, "threshold": 0.5}})
    made = [[[13, "Rome"], -2.0], [[43, "Paris"], 0.6], [[2, "cat"], 0.4]]
    files = told.official(items, made)
    assert json.loads(files[".json"]) == {"q1": "Rome", "q2": "", "q3": "cat"}
    chances = json.loads(files[".na_prob.json"])
    assert [chances[name] for name in ("q1", "q2", "q3")] == pytest.approx([0.119203, 0.645656, 0.598688], abs=1e-6)
    for ending, text in files.items():
        (tmp_path / "mine.json").with_suffix(ending).write_text(text)
    again = told.read_official(tmp_path / "mine.json", items)
    assert [value[:1] for value in again] == [[[13, "Rome"]], [[0, ""]], [[2, "cat"]]]
    assert [task_kind(told).shown(value) for value in again] == ["13:Rome", "", "2:cat"]
    assert [value[1] for value in again] == pytest.approx([-2.0, 0.6, 0.4])
    (tmp_path / "mine.na_prob.json").unlink()
    assert told.read_official(tmp_path / "mine.json", items)[0] == [[13, "Rome"], 0.0]
    plain = task().official(items, [value[:1] for value in made])
    assert list(plain) == [".json"] and json.loads(plain[".json"])["q2"] == "Paris"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"q1": "a"}, "mine.json: has no prediction for question 'q2' and 1 more"),
        ({"q1": "a", "q2": 3, "q3": "b"}, "mine.json: predicts 3 for question 'q2', which is not a text"),
        (b"{", "mine.json: "),
        ([], "mine.json: should hold a JSON object, not a list"),
    ],
)
def test_bad_predictions_are_refused(content: Any, said: str, save: Save) -> None:
    with pytest.raises(ZooError, match=said):
        task().read_official(save(content, "mine.json"), task().read(save(FILE)))


def test_the_baseline_answers_with_the_sentence_most_like_the_question(save: Save) -> None:
    for split in ("train", "dev"):
        path = save(FILE, f"{split}-v1.1.json")
    dataset = task().load(path.parent)
    made = best_sentence(dataset, task(), 0)["dev"]
    assert made == [[[0, "Ann lives in Rome."]], [[19, "Bob lives in Paris, and Paris is large."]], [[0, "A cat sat."]]]
    unsure = best_sentence(dataset, task("squad2"), 0)["dev"]
    assert [value[:1] for value in unsure] == made
    assert unsure[1][1] < 0 and all(value[1] <= 0 for value in unsure)


def test_sentences_are_found_at_their_characters() -> None:
    text = "  One is\n here.  Two  is there! "
    assert [text[start:end] for start, end in sentence_places(text)] == ["One is\n here.", "Two  is there!"]
    assert sentence_places(" ") == [(0, 0)]


def test_the_real_development_file_is_read_whole(shared_data: Path) -> None:
    dataset = task("squad-by-article").load(shared_data)
    assert {split: len(items) for split, items in dataset.splits.items()} == {"train": 9_155, "dev": 1_415}
    assert not dataset.notes
    assert all(item.label for items in dataset.splits.values() for item in items)
