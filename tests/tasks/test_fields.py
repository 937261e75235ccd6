"""How each kind makes an item of a row's fields: cells of a table, or values of JSON and Parquet."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.core.errors import ZooError
from zoo.core.specs import HeadConfig
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.task import Example

SQUAD = {"question": "who ?", "context": "Ann met Ann .", "answers": {"text": ["Ann", "met"], "answer_start": [8, 4]}}


def kind(name: str, *labels: str, pair: bool = False) -> TaskKind:
    return task_kind(HeadConfig(kind=name, labels=labels, pair=pair))


CLASSES = kind("classification", "bad", "good")
NUMBERED = kind("classification", "1", "2")
PAIRS = kind("classification", "no", "yes", pair=True)
SEVERAL = kind("multi-label", "cheap", "fast", "good")
NUMBER = kind("regression")
TAGS = kind("token-classification", "O", "B-PER")
ANSWER = kind("question-answering", pair=True)
MAYBE = task_kind(HeadConfig(kind="question-answering", pair=True, options={"no_answer": True}))
CHOICE = kind("multiple-choice")


@pytest.mark.parametrize(
    ("of", "row", "item"),
    [
        (CLASSES, {"text": "fine", "label": "good"}, Example("fine", None, 1)),
        (CLASSES, {"text": "fine", "label": 0}, Example("fine", None, 0)),
        (CLASSES, {"text": "fine", "label": -1}, Example("fine")),
        (CLASSES, {"text": "fine"}, Example("fine")),
        (NUMBERED, {"text": "fine", "label": 1}, Example("fine", None, 0)),
        (kind("classification", "false", "true"), {"text": "so", "label": True}, Example("so", None, 1)),
        (PAIRS, {"text": "a", "text_pair": "b", "label": "yes"}, Example("a", "b", 1)),
        (SEVERAL, {"text": "a", "label": ["good", "cheap"]}, Example("a", None, (0, 2))),
        (SEVERAL, {"text": "a", "label": "fast,cheap"}, Example("a", None, (0, 1))),
        (SEVERAL, {"text": "a", "label": []}, Example("a", None, ())),
        (NUMBER, {"text": "a", "label": 2}, Example("a", None, 2)),
        (NUMBER, {"text": "a", "label": "2.5"}, Example("a", None, 2.5)),
        (TAGS, {"tokens": ["Ann", "sings"], "tags": [1, 0]}, Example("Ann sings", None, (1, 0))),
        (TAGS, {"tokens": "Ann sings", "tags": "B-PER O"}, Example("Ann sings", None, (1, 0))),
        (TAGS, {"tokens": ["Ann"], "tags": None}, Example("Ann")),
        (ANSWER, SQUAD, Example("who ?", "Ann met Ann .", ((8, "Ann"), (4, "met")))),
        (MAYBE, SQUAD | {"answers": {"text": [], "answer_start": []}}, Example("who ?", "Ann met Ann .", ())),
        (ANSWER, SQUAD | {"answers": "met"}, Example("who ?", "Ann met Ann .", ((4, "met"),))),
        (ANSWER, SQUAD | {"answers": "Ann", "answer_start": "8"}, Example("who ?", "Ann met Ann .", ((8, "Ann"),))),
        (CHOICE, {"text": "a", "choices": ["b", "c"], "label": 1}, Example("a", None, 1, ("b", "c"))),
        (CHOICE, {"text": "a", "choices": ["b", "c"], "label": "0"}, Example("a", None, 0, ("b", "c"))),
        (CHOICE, {"text": "a", "choices": ["b", "c"], "label": -1}, Example("a", None, None, ("b", "c"))),
    ],
)
def test_the_fields_of_a_row_become_an_item(of: TaskKind, row: dict[str, Any], item: Example) -> None:
    made = of.item(row)
    assert made == item
    assert made.label is None or of.fits_item(made)


@pytest.mark.parametrize(
    ("of", "row", "said"),
    [
        (CLASSES, {"text": "fine", "label": "goood"}, "'goood' is not a label; did you mean 'good'"),
        (CLASSES, {"text": "fine", "label": 2}, "2 is not a class id; there are 2 labels, from 0"),
        (CLASSES, {"text": "fine", "label": 0.5}, "'0.5' is not a label"),
        (NUMBERED, {"text": "fine", "label": 0}, "'0' is not a label"),
        (CLASSES, {"text": None, "label": 1}, "text should be a text, and is None"),
        (CLASSES, {"text": "fi\0ne", "label": 1}, "text holds a NUL at character 3"),
        (PAIRS, {"text": "a", "text_pair": 3, "label": "yes"}, "text_pair should be a text, and is 3"),
        (SEVERAL, {"text": "a", "label": ["slow"]}, "'slow' is not a label"),
        (
            TAGS,
            {"tokens": ["a", "b c"], "tags": [0]},
            "word 2: tokens should be words without spaces",
        ),
        (ANSWER, SQUAD | {"answers": []}, "the question has no answer; the kind's option no_answer allows that"),
        (ANSWER, SQUAD | {"answers": "Bob"}, "the answer 'Bob' is not in its context"),
        (ANSWER, SQUAD | {"answers": {"text": ["met"], "answer_start": [5]}}, "'met' is not in its context at char"),
        (CHOICE, {"text": "a", "choices": "b", "label": 1}, "choices should be a list of texts, and is 'b'"),
    ],
)
def test_an_unfit_field_is_refused(of: TaskKind, row: dict[str, Any], said: str) -> None:
    with pytest.raises((ZooError, ValueError), match=said):
        of.item(row)


@pytest.mark.parametrize("of", [CLASSES, PAIRS, SEVERAL, NUMBER, TAGS, ANSWER, CHOICE])
def test_every_kind_says_which_fields_are_the_label(of: TaskKind) -> None:
    fields = of.fields()
    assert any(field.gold for field in fields) and not all(field.gold for field in fields)
    assert len({field.name for field in fields}) == len(fields)
