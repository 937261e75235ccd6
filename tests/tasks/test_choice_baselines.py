"""The baselines of multiple choice, against answers found by hand."""

from __future__ import annotations

import random
from pathlib import Path

from zoo.core.lazy import imported
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Dataset, Example, Task


class Quiz(Task):
    """Questions given by hand."""

    name: str = "quiz"
    suite: str = "toy"
    citation: str = "none"
    kind: str = "multiple-choice"
    metrics: tuple[str, ...] = ("accuracy",)

    def load(self, folder: Path | None) -> Dataset:
        raise NotImplementedError


def answers(baseline: str, train: list[Example], dev: list[Example]) -> list[int]:
    predict = imported(task_kind(Quiz()).baselines[baseline])
    made: list[int] = predict(Dataset({"train": tuple(train), "dev": tuple(dev)}, ""), Quiz(), 0)["dev"]
    return made


def question(*choices: str, right: int | None = None) -> Example:
    return Example("what ?", None, right, choices)


def test_the_majority_is_the_place_that_is_most_often_right_among_those_that_an_item_has() -> None:
    train = [question("a", "b", "c", right=place) for place in (2, 2, 1, 1, 2, 0)]
    assert answers("majority", train, [question("a", "b", "c"), question("a", "b")]) == [2, 1]


def test_the_longest_choice_has_the_most_characters_and_is_the_first_of_equals() -> None:
    dev = [question("aa", "b b b", "cccc"), question("aa", "bb"), question("a", "b", "cc", "")]
    assert answers("longest", [question("a", "b", right=0)], dev) == [1, 0, 2]


def test_a_bag_of_words_finds_the_choice_with_the_word_that_is_right_wherever_it_stands() -> None:
    rng = random.Random(0)

    def made(n_choices: int) -> Example:
        right = rng.randrange(n_choices)
        noise = [" ".join(rng.choices(["cook", "ship", "rose", "lamp"], k=4)) for _ in range(n_choices)]
        return question(
            *(f"{text} {'yes' if place == right else 'no'}" for place, text in enumerate(noise)), right=right
        )

    dev = [made(n) for n in (2, 5, 3) * 10]
    assert answers("bag-of-words", [made(n) for n in (2, 3, 4) * 20], dev) == [item.label for item in dev]
    few = [made(2) for _ in range(3)]
    assert answers("bag-of-words", few, dev) == answers("bag-of-words", few, dev)  # too few to choose a strength on


def test_what_a_choice_shares_with_its_text_counts() -> None:
    words = ["cook", "ship", "rose", "lamp", "book", "tree", "door", "moon"]
    rng = random.Random(1)

    def made() -> Example:
        one, other = rng.sample(words, 2)
        right = rng.randrange(2)
        return Example(f"the {one}", None, right, (f"a {one}", f"a {other}")[:: 1 if right == 0 else -1])

    dev = [made() for _ in range(40)]
    assert answers("bag-of-words", [made() for _ in range(120)], dev) == [item.label for item in dev]
