"""The two baseline rows, against counts by hand and scikit-learn itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from zoo.core.errors import RunFailed
from zoo.core.lazy import imported
from zoo.tasks.baselines import Predictions
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Dataset, Example, Task, content_hash


class Toy(Task):
    """A task whose items are given by hand."""

    suite: str = "toy"
    citation: str = "none"

    def load(self, folder: Path | None) -> Dataset:
        raise NotImplementedError


def majority(data: Dataset, task: Task) -> Predictions:
    made: Predictions = imported(task_kind(task).baselines["majority"])(data, task, 0)
    return made


def bag_of_words(data: Dataset, task: Task, seed: int) -> Predictions:
    made: Predictions = imported(task_kind(task).baselines["bag-of-words"])(data, task, seed)
    return made


def toy(kind: Literal["classification", "regression"] = "classification", pair: bool = False) -> Toy:
    labels = ("no", "yes") if kind == "classification" else ()
    return Toy(name="toy", kind=kind, pair=pair, labels=labels, metrics=("accuracy",), dev_splits=("dev", "dev2"))


def dataset(train: Sequence[Example], dev: Sequence[Example], dev2: Sequence[Example] = ()) -> Dataset:
    splits = {"train": tuple(train), "dev": tuple(dev), "dev2": tuple(dev2 or dev)}
    return Dataset(splits, content_hash(splits))


def praise(n: int, seed: int) -> list[Example]:
    """Texts whose label is one word among noise."""
    rng = np.random.default_rng(seed)
    noise = [" ".join(rng.choice(["the", "cook", "ship", "rose"], 4)) for _ in range(n)]
    return [Example(f"{text} is {('bad', 'good')[i % 2]} .", None, i % 2) for i, text in enumerate(noise)]


def test_the_majority_is_counted_on_train_and_not_on_dev() -> None:
    data = dataset([Example("a", None, label) for label in (1, 1, 0)], [Example("b", None, 0)] * 2, [Example("c")])
    assert majority(data, toy()) == {"dev": [1, 1], "dev2": [1]}


def test_a_tie_goes_to_the_lowest_class_id() -> None:
    data = dataset([Example("a", None, label) for label in (1, 0)], [Example("b", None, 1)])
    assert majority(data, toy())["dev"] == [0]


def test_the_majority_of_scores_is_their_mean() -> None:
    data = dataset([Example("a", "b", score) for score in (1.0, 2.0, 4.5)], [Example("b", "c", 0.0)])
    assert majority(data, toy("regression", pair=True))["dev"] == [2.5]


def test_items_without_a_label_are_left_out_of_train_and_answered_in_dev() -> None:
    data = dataset([Example("a", None, None), Example("a", None, 1)], [Example("b", None, None)])
    assert majority(data, toy())["dev"] == bag_of_words(data, toy(), 0)["dev"] == [1]


def test_a_train_split_without_labels_is_refused() -> None:
    with pytest.raises(RunFailed, match=r"toy: split 'train' has no labelled items"):
        majority(dataset([Example("a")], [Example("b")]), toy())


def test_a_telling_word_is_found() -> None:
    dev = praise(50, 1)
    made = bag_of_words(dataset(praise(200, 0), dev, dev[:3]), toy(), 0)
    assert made == {"dev": [item.label for item in dev], "dev2": [item.label for item in dev[:3]]}
    assert {type(answer) for answer in made["dev"]} == {int}


def test_word_order_within_two_words_is_seen() -> None:
    train = [Example(("good ship", "ship good")[i % 2], None, i % 2) for i in range(20)]
    assert bag_of_words(dataset(train, train[:2]), toy(), 0)["dev"] == [0, 1]


def test_overlap_tells_pairs_of_unknown_words_apart() -> None:
    def pairs(prefix: str) -> list[Example]:
        words = [f"{prefix}{i} x{i % 7} y{i % 5}" for i in range(60)]
        return [Example(words[i], words[i] if i % 2 else words[(i + 21) % 60], i % 2) for i in range(60)]

    dev = pairs("q")
    assert bag_of_words(dataset(pairs("p"), dev), toy(pair=True), 0)["dev"] == [item.label for item in dev]


def test_the_classifier_is_scikit_learns_on_the_same_counts() -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(list("abcdefgh"), 5)) for _ in range(300)]
    items = [Example(text, None, int(text.count("a") + rng.integers(2) > 1)) for text in texts]
    train, dev = items[:200], items[200:]
    count = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+").fit([item.first for item in train])
    folds = StratifiedKFold(3, shuffle=True, random_state=5)
    drawn = np.random.default_rng(5).permutation(200)
    rows = count.transform([train[i].first for i in drawn])
    targets = [train[i].label for i in drawn]
    options = {"l1_ratios": (0.0,), "use_legacy_attributes": True}
    reference = LogisticRegressionCV(
        Cs=[0.01, 0.1, 1.0, 10.0], cv=folds, max_iter=5_000, scoring="accuracy", **options
    ).fit(rows, targets)
    expected = reference.predict(count.transform([item.first for item in dev])).tolist()
    assert bag_of_words(dataset(train, dev), toy(), 5)["dev"] == expected


def test_scores_are_regressed() -> None:
    train = [Example("a " * k, "b", float(k)) for k in range(1, 9)] * 5
    made = bag_of_words(dataset(train, train[:8]), toy("regression", pair=True), 0)["dev"]
    assert np.corrcoef(made, range(1, 9))[0, 1] > 0.99
    assert {type(answer) for answer in made} == {float}


def test_the_same_seed_gives_the_same_answers() -> None:
    data = dataset(praise(60, 0), praise(30, 1))
    assert bag_of_words(data, toy(), 4) == bag_of_words(data, toy(), 4)


def test_dev_labels_change_nothing() -> None:
    dev = praise(30, 1)
    hidden = [Example(item.first) for item in dev]
    train = praise(60, 0)
    assert bag_of_words(dataset(train, dev), toy(), 0) == bag_of_words(dataset(train, hidden), toy(), 0)


def test_one_item_a_class_is_enough() -> None:
    data = dataset([Example("good", None, 1), Example("bad", None, 0)], [Example("good"), Example("bad")])
    assert bag_of_words(data, toy(), 0)["dev"] == [1, 0]
