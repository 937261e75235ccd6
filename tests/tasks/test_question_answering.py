"""Metrics of answers, against torchmetrics' SQuAD and thresholds tried one by one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from torchmetrics.functional.text import squad as their_squad

from zoo.core.specs import HeadConfig
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.metrics import metrics_of
from zoo.tasks.metrics.question_answering import best_threshold

WORDS = ("The", "a", "an", "cat", "cat's", "Cat,", "(dog)", "dog", "1,000", "naïve", "and", "-", "theatre", "A.")
METRICS = metrics_of("question-answering")
SURE = task_kind(HeadConfig(kind="question-answering", pair=True))
UNSURE = task_kind(HeadConfig(kind="question-answering", pair=True, options={"no_answer": True}))


def drawn(draw: random.Random) -> str:
    """A few words, apart by one space or more; never articles and marks alone, which no answer is."""
    words = [draw.choice(WORDS) for _ in range(draw.randint(0, 3))] + [
        "cat",
        *draw.choices(WORDS, k=draw.randint(0, 2)),
    ]
    return draw.choice((" ", "  ", "\n")).join(words)


def theirs(gold: list[list[str]], made: list[str]) -> dict[str, float]:
    """By torchmetrics, as shares."""
    predictions = [{"prediction_text": text, "id": str(place)} for place, text in enumerate(made)]
    right = [
        {"answers": {"text": texts, "answer_start": [0] * len(texts)}, "id": str(n)} for n, texts in enumerate(gold)
    ]
    return {name: value.item() / 100 for name, value in their_squad(predictions, right).items()}


def values(texts: list[list[str]]) -> list[Any]:
    return [[[0, text] for text in its] for its in texts]


def found(kind: TaskKind, gold: list[Any], made: list[Any], name: str) -> float:
    return METRICS[name].value(kind.side(gold), kind.side(made))


@pytest.mark.parametrize("seed", range(3))
def test_exact_match_and_f1_are_those_of_another_implementation(seed: int) -> None:
    draw = random.Random(seed)
    gold = [[drawn(draw) for _ in range(draw.randint(1, 4))] for _ in range(60)]
    made = [draw.choice((*its, drawn(draw), drawn(draw))) for its in gold]
    expected = theirs(gold, made)
    assert 0 < expected["exact_match"] < expected["f1"] < 1
    ours, answers = values(gold), values([[text] for text in made])
    assert found(SURE, ours, answers, "exact-match") == pytest.approx(expected["exact_match"], abs=1e-6)
    assert found(SURE, ours, answers, "f1") == pytest.approx(expected["f1"], abs=1e-6)


@pytest.mark.parametrize(
    ("gold", "made", "exact", "f1"),
    [
        (["the Broncos", "Denver Broncos"], "Broncos", 1.0, 1.0),
        (["Denver Broncos"], "the denver  broncos!", 1.0, 1.0),
        (["Denver Broncos"], "Broncos of Denver", 0.0, 0.8),
        (["cat cat dog"], "cat cat cat", 0.0, 2 / 3),
        (["anthem"], "them", 0.0, 0.0),
        ([], "", 1.0, 1.0),
        ([], "Paris", 0.0, 0.0),
        (["Paris"], "", 0.0, 0.0),
    ],
)
def test_answers_by_hand(gold: list[str], made: str, exact: float, f1: float) -> None:
    sides = values([gold]), values([[made]])
    assert found(UNSURE, *sides, "exact-match") == exact
    assert found(UNSURE, *sides, "f1") == pytest.approx(f1)


def unsure(seed: int) -> tuple[list[list[str]], list[str], list[float]]:
    """Right answers, none for a third of the questions; predicted ones, and how much likelier none is."""
    draw = random.Random(seed)
    gold = [[drawn(draw)] if draw.random() < 0.7 else [] for _ in range(40)]
    made = [draw.choice((*its, drawn(draw))) for its in gold]
    return gold, made, [draw.choice((-1.5, 0.0, draw.gauss(0.5 if not its else -0.5, 1.0))) for its in gold]


def at(threshold: float, gold: list[list[str]], made: list[str], margins: list[float]) -> dict[str, float]:
    """Scores with a threshold; an answer to a question without one is wrong, and to say none is right."""
    said = ["" if margin > threshold else text for text, margin in zip(made, margins, strict=True)]
    each = [
        theirs([its], [text]) if its and text else dict.fromkeys(("exact_match", "f1"), float(bool(its) == bool(text)))
        for its, text in zip(gold, said, strict=True)
    ]
    return {name: float(np.mean([scores[name] for scores in each])) for name in ("exact_match", "f1")}


@pytest.mark.parametrize("seed", range(3))
def test_the_best_threshold_is_the_best_of_all_that_tell_items_apart(seed: int) -> None:
    gold, made, margins = unsure(seed)
    scores = {threshold: at(threshold, gold, made, margins) for threshold in [-99.0, *margins]}
    predictions = [[[0, text], margin] for text, margin in zip(made, margins, strict=True)]
    for name, other in (("best-exact-match", "exact_match"), ("best-f1", "f1")):
        best = max(each[other] for each in scores.values())
        assert found(UNSURE, values(gold), predictions, name) == pytest.approx(best)
    chosen = best_threshold(UNSURE.side(values(gold)), UNSURE.side(predictions))
    assert UNSURE.chosen(values(gold), predictions) == {"threshold": chosen}
    assert at(chosen, gold, made, margins)["f1"] == pytest.approx(max(each["f1"] for each in scores.values()))
    told = task_kind(HeadConfig(kind="question-answering", pair=True, options={"no_answer": True, "threshold": chosen}))
    assert found(told, values(gold), predictions, "f1") == pytest.approx(
        found(UNSURE, values(gold), predictions, "best-f1")
    )
    assert found(UNSURE, values(gold), predictions, "f1") == pytest.approx(at(0.0, gold, made, margins)["f1"])


@pytest.mark.parametrize("name", METRICS)
def test_draws_of_items_are_scored_as_if_the_items_were_given(name: str) -> None:
    gold, made, margins = unsure(5)
    predictions = [[[0, text], margin] for text, margin in zip(made, margins, strict=True)]
    weights = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), size=5).astype(float)
    sides = UNSURE.side(values(gold)), UNSURE.side(predictions)
    drawn_values = METRICS[name].resampled(sides[0], [sides[1]], weights)[:, 0]
    for row, value in zip(weights.astype(int), drawn_values, strict=True):
        places = np.repeat(np.arange(40), row).tolist()
        again = [values(gold)[place] for place in places], [predictions[place] for place in places]
        assert value == pytest.approx(found(UNSURE, *again, name))


def test_without_a_right_threshold_nothing_is_answered() -> None:
    gold, predictions = values([[], []]), [[[0, "x"], -1.0], [[0, "y"], 2.0]]
    assert found(UNSURE, gold, predictions, "best-f1") == 1.0
    assert UNSURE.chosen(gold, predictions) == {"threshold": -2.0}
    assert SURE.chosen(values([["x"]]), values([["x"]])) == {}
