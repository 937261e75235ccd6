"""What each kind of task makes of items, labels and logits, against rules and numbers worked out by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from zoo import IGNORE, Example, Tokenizer, ZooError
from zoo.core.specs import HeadConfig, Reading
from zoo.heads import LABEL
from zoo.tasks.kinds import BUILT_IN, TaskKind, make_head, task_kind
from zoo.tasks.metrics import metrics_of
from zoo.tasks.tsv import TsvFile, TsvTask
from zoo.testing import DIMS
from zoo.testing.material import Pieces
from zoo.train.finetune import training_parts

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
ROOT = Path(__file__).resolve().parents[2]


def kind(name: str, *labels: str, pair: bool = False) -> TaskKind:
    return task_kind(HeadConfig(kind=name, labels=labels, pair=pair))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Pieces()


def test_the_first_piece_of_each_word_carries_its_tag(tokenizer: Tokenizer) -> None:
    tagging = kind("token-classification", *TAGS)
    (item,), n_cut = tagging.encode([Example("Ann lives in Paris .", None, (1, 0, 0, 3, 0))], tokenizer, 32)
    targets = tagging.batch([item], [(1, 0, 0, 3, 0)]).targets.tolist()
    # pieces of three letters between [CLS] and [SEP]: Ann liv es in Par is .
    assert targets == [IGNORE, 1, 0, IGNORE, 0, 3, IGNORE, 0, IGNORE]
    assert n_cut == 0


def test_a_long_text_is_read_in_windows_and_each_word_is_learnt_and_predicted_once(tokenizer: Tokenizer) -> None:
    tagging = kind("token-classification", *TAGS)
    text = "Ann lives in Paris now and Bob sees Rome often ."
    label = tuple(range(4)) * 2 + (0, 1, 2)
    (item,), n_cut = tagging.encode([Example(text, None, label)], tokenizer, 8)  # six pieces in each window
    assert n_cut == 0 and len(item.parts) > 2 and max(map(len, item.parts)) == 8
    parts, labels = training_parts([item], [label])
    learned = [tagging.batch([part], [its]).targets for part, its in zip(parts, labels, strict=True)]
    assert sorted(tag for row in learned for tag in row.tolist() if tag != IGNORE) == sorted(label)
    # Logits that are the right tag exactly where it is learned, and another one elsewhere.
    logits = torch.zeros(len(item), len(TAGS))
    together = torch.cat(learned)
    logits[torch.arange(len(item)), torch.where(together == IGNORE, 4, together)] = 1.0
    assert tagging.decode(item, logits) == list(label)
    rows = list(tagging.rows(Example(text), item, logits))
    assert [row[2] for row in rows] == text.split()
    assert tagging.fits_probabilities(list(label), tagging.probabilities(item, logits))


def test_a_word_in_two_windows_is_read_where_it_has_most_context(tokenizer: Tokenizer) -> None:
    tagging = kind("token-classification", *TAGS)
    (item,), _ = tagging.encode([Example("a b c d e f g h", None, (0,) * 8)], tokenizer, 8)
    assert [len(part) for part in item.parts] == [8, 7]  # [CLS] a b c d e f [SEP], [CLS] d e f g h [SEP]
    # e has one word after it in the first window and one before it in the second: the longer window has it.
    assert [part.places.tolist() for part in item.parts if part.places is not None] == [
        [1, 2, 3, 4, 5, -1, -1, -1],
        [-1, -1, -1, -1, -1, 3, 4, 5],
    ]
    assert item.places is not None and item.places.tolist() == [1, 2, 3, 4, 5, 11, 12, 13]


def test_a_word_without_a_piece_has_no_target_and_is_predicted_as_outside(tokenizer: Tokenizer) -> None:
    tagging = task_kind(HeadConfig(kind="token-classification", labels=TAGS, options={"words": "characters"}))
    (item,), _ = tagging.encode([Example("a b", None, (3, 3, 3))], tokenizer, 8)  # the space has no piece
    assert tagging.batch([item], [(3, 3, 3)]).targets.tolist() == [IGNORE, 3, 3, IGNORE]
    logits = torch.zeros(4, 5)
    logits[:, 3] = 1.0
    assert tagging.decode(item, logits) == [3, 0, 3]
    without = task_kind(HeadConfig(kind="token-classification", labels=("X", "Y"), options={"words": "characters"}))
    assert without.decode(item, logits[:, 2:4]) == [1, 0, 1]


def test_tags_of_another_scheme_are_read_in_that_of_the_labels() -> None:
    tagging = kind("token-classification", *TAGS)
    assert tagging.gold(["S-PER", "O", "B-LOC", "E-LOC"]) == (1, 0, 3, 4)
    assert tagging.read("I-PER B-PER") == (1, 1)  # IOB1, or BIO with a wrong beginning
    assert tagging.gold([2, 1]) == (2, 1)  # ids stay as they are
    assert kind("token-classification", "O", "I-PER").read("I-PER I-PER O I-PER") == (1, 1, 0, 1)
    with pytest.raises(ZooError, match="'B-ORG' is not a label"):
        tagging.gold(["S-ORG"])


def test_an_answer_is_found_among_the_tokens_of_its_text_alone(tokenizer: Tokenizer) -> None:
    answering = kind("question-answering", pair=True)
    example = Example("Paris ?", "Ann saw Paris .", ((8, "Paris"),))
    (item,), _ = answering.encode([example], tokenizer, 32)
    # [CLS] Par is ? [SEP] Ann saw Par is . [SEP]
    assert answering.batch([item], [example.label]).labels[LABEL].tolist() == [[7, 8]]
    logits = torch.full((2, 11), -torch.inf)
    logits[0, 7] = logits[1, 8] = 5.0
    logits[:, 5:10] = torch.where(logits[:, 5:10] == 5.0, 5.0, 0.0)
    assert answering.decode(item, logits) == [[8, "Paris"]]


def test_a_long_text_is_read_in_windows_and_its_answer_learnt_and_found_where_it_is_whole(tokenizer: Tokenizer) -> None:
    answering = task_kind(HeadConfig(kind="question-answering", pair=True), Reading(stride=2))
    example = Example("who", "Ann saw Paris and Rom", ((8, "Paris"),))
    (item,), n_cut = answering.encode([example], tokenizer, 8)
    # [CLS] who [SEP] and [SEP] around: Ann saw Par is, Par is and Rom
    assert n_cut == 0 and [len(part) for part in item.parts] == [8, 8]
    targets = {
        label: [answering.target(part, (label,)) for part in item.parts]
        for label in ((8, "Paris"), (8, "Paris "), (0, "Ann"), (4, "saw Paris and"))
    }
    # The first token is the target where an answer is not, or not whole.
    assert list(targets.values()) == [[[5, 6], [3, 4]], [[5, 6], [3, 4]], [[3, 3], [0, 0]], [[0, 0], [0, 0]]]
    logits = torch.full((2, 8), -torch.inf)
    logits[:, 3:7] = 0.0
    second = logits.clone()
    second[0, 3], second[0, 5], second[1, 6] = 1.0, 0.5, 9.0  # Par has more context in the first window: no start here
    assert answering.decode(item, answering.join_logits([logits, second])) == [[14, "and Rom"]]
    second[0, 4] = 8.0
    assert answering.decode(item, answering.join_logits([logits, second])) == [[11, "is and Rom"]]
    one = task_kind(HeadConfig(kind="question-answering", pair=True), Reading(stride=2, longest_answer=1))
    assert one.decode(item, one.join_logits([logits, second])) == [[18, "Rom"]]


def test_choices_of_an_item_stay_together_in_every_micro_batch(tokenizer: Tokenizer) -> None:
    choosing = kind("multiple-choice")
    examples = [
        Example("a b", None, 1, ("c", "d e f g", "h")),
        Example("b", None, 0, ("a", "b")),
        Example("c", None, 2, ("x", "y", "zz zz")),
    ]
    items, _ = choosing.encode(examples, tokenizer, 32)
    batch = choosing.batch(items, [example.label for example in examples])
    head = make_head(DIMS, HeadConfig(kind="multiple-choice")).eval()
    hidden = torch.randn(len(batch.ids), DIMS.hidden_width)
    assert head.targets(batch).tolist() == [1, 0, 2]
    assert [len(its) for its in head.by_item(head.logits(hidden, batch), batch)] == [3, 2, 3]
    assert {len(set(batch.micro_batch(index, 3).items)) for index in range(3)} == {1}


def test_answers_are_judged_each_by_itself_and_those_of_a_question_stay_together(tokenizer: Tokenizer) -> None:
    judging = kind("multiple-answers")
    examples = [Example("a b", None, (0, 2), ("c", "d e f g", "h")), Example("b", None, (), ("a",))]
    items, _ = judging.encode(examples, tokenizer, 32)
    batch = judging.batch(items, [example.label for example in examples])
    head = make_head(DIMS, HeadConfig(kind="multiple-answers")).eval()
    hidden = torch.randn(len(batch.ids), DIMS.hidden_width)
    assert head.targets(batch).tolist() == [[1, 0, 1], [0, IGNORE, IGNORE]]
    assert batch.n_items == 2 and {len(set(batch.micro_batch(index, 2).items)) for index in range(2)} == {1}
    with torch.no_grad():
        output = head(hidden, batch, hidden)
    logits = head.by_item(output.logits, batch)
    assert [len(its) for its in logits] == [3, 1]
    # The mean over the four answers of the log loss of each, by scikit-learn.
    chances = torch.cat(logits).sigmoid().tolist()
    assert float(output.loss) == pytest.approx(sklearn_metrics.log_loss([1, 0, 1, 0], chances), rel=1e-5)
    assert output.hits()[1] == 4 and judging.decode(items[0], torch.tensor([0.1, -1.0, 2.0])) == [0, 2]


def test_answers_of_all_questions_together_and_of_each_are_scored_as_scikit_learn_scores_them() -> None:
    rng = np.random.default_rng(0)
    gold, made = rng.integers(0, 2, (2, 40, 5))
    judging = kind("multiple-answers")
    sides = [judging.side([row.nonzero()[0].tolist() for row in rows]) for rows in (gold, made)]
    metrics = metrics_of("multiple-answers")
    assert metrics["f1a"].value(*sides) == pytest.approx(sklearn_metrics.f1_score(gold.ravel(), made.ravel()))
    assert metrics["exact-match"].value(*sides) == pytest.approx(sklearn_metrics.accuracy_score(gold, made))


def test_a_label_is_read_from_a_cell_and_shown_as_one() -> None:
    cells: dict[str, tuple[TaskKind, str, Any]] = {
        "classification": (kind("classification", "no", "yes"), "yes", 1),
        "multi-label": (kind("multi-label", "a", "b", "c"), "a,c", [0, 2]),
        "regression": (kind("regression"), "2.5000", 2.5),
        "token-classification": (kind("token-classification", *TAGS), "B-PER I-PER O", [1, 2, 0]),
        "question-answering": (kind("question-answering", pair=True), "3:Ann", [[3, "Ann"]]),
        "multiple-choice": (kind("multiple-choice"), "2", 2),
        "multiple-answers": (kind("multiple-answers"), "0,2", [0, 2]),
        "minimal-pairs": (kind("minimal-pairs"), "1", 1),
        "span-classification": (kind("span-classification", "no", "yes"), "yes", 1),
    }
    assert set(cells) == set(BUILT_IN)
    for its, cell, label in cells.values():
        assert its.to_json(its.read(cell)) == label
        assert its.shown(label) == cell
        assert its.fits(label) and its.same(label, label)


@pytest.mark.parametrize(
    ("name", "labels", "wrong"),
    [
        ("classification", ("a", "b"), (2, -1, 0.0, True, "a", None, [0])),
        ("multi-label", ("a", "b"), ([1, 0], [0, 0], [2], [True], 1, (0,), None)),
        ("regression", (), (float("nan"), float("inf"), "1", None, True, [1.0])),
        ("token-classification", ("O", "X"), ([2], [0.0], 0, "O", None)),
        ("question-answering", (), ([3, 2], [], [[-1, "a"]], [["a", 1]], [[0, "a"], 1.0], 4, None)),
        ("multiple-choice", (), (-1, 0.5, False, None)),
        ("multiple-answers", (), ([1, 0], [0, 0], [-1], [True], 1, None)),
        ("span-classification", ("a", "b"), (2, -1, True, "a", None)),
    ],
)
def test_what_is_no_prediction_of_a_kind_is_told_apart(name: str, labels: tuple[str, ...], wrong: Any) -> None:
    assert not [value for value in wrong if kind(name, *labels).fits(value)]


def test_the_same_answer_to_everything_is_seen_whatever_is_asked() -> None:
    assert kind("classification", "a", "b").is_constant([1, 1]) and not kind("classification", "a", "b").is_constant(
        [1, 0]
    )
    assert kind("multi-label", "a", "b").is_constant([[0], [0]])
    tagging = kind("token-classification", *TAGS)
    assert tagging.is_constant([[0, 0], [0]]) and not tagging.is_constant([[0, 0], [0, 1]])


def test_a_regression_predicts_the_same_but_for_rounding() -> None:
    assert kind("regression").same(2.5, 2.50001) and not kind("regression").same(2.5, 2.51)


def read(folder: Path, name: str, labels: tuple[str, ...], text: str) -> list[Any]:
    (folder / "train.tsv").write_text(text)
    task = TsvTask(
        name="own", suite="own", kind=name, labels=labels, metrics=("accuracy",), citation="none",
        files={"train": TsvFile(path="train.tsv", first="text", label="label")}, dev_splits=(),
    )  # fmt: skip
    return [item.label for item in task.load(folder).splits["train"]]


def test_tags_and_lists_of_labels_are_read_from_tables(tmp_path: Path) -> None:
    tags = read(tmp_path, "token-classification", TAGS, "text\tlabel\nAnn is here\tB-PER O O\nin Paris\tO B-LOC\n")
    assert tags == [(1, 0, 0), (0, 3)]
    labels = read(tmp_path, "multi-label", ("x", "y", "z"), "text\tlabel\nboth\tz, x\nnone\t\n")
    assert labels == [(0, 2), ()]
    with pytest.raises(ZooError, match=r"train.tsv:2: the label of a token-classification task is a list of tag ids"):
        read(tmp_path, "token-classification", TAGS, "text\tlabel\nAnn is here\tB-PER O\n")
    with pytest.raises(ZooError, match=r"train.tsv:2: 'B-PRE' is not a label; did you mean 'B-PER'"):
        read(tmp_path, "token-classification", TAGS, "text\tlabel\nAnn\tB-PRE\n")


def test_what_trains_scores_and_verifies_knows_no_kind_by_name() -> None:
    rooms = ("train", "inference", "experiments")
    files = [path for room in rooms for path in (ROOT / "zoo" / room).rglob("*.py")]
    names = re.compile("|".join(f"['\"]{name}['\"]" for name in BUILT_IN))
    assert not [path for path in files if names.search(path.read_text())]


@dataclass(frozen=True)
class Asked:
    """What has a kind."""

    kind: str
    labels: tuple[str, ...] = ()
    pair: bool = False


def test_an_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(ZooError, match="'regresion' is not a task kind; did you mean 'regression'"):
        task_kind(Asked("regresion"))
