"""A model's own words for a task's classes, in any of their common spellings and any order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
import torch
import transformers
from pydantic import ValidationError

import zoo

Make = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]

FILES = {
    "sst2": "sentence\tlabel\nthe capital\t{}\n",
    "cola": "s\t{}\t\tthe capital\n",
    "mrpc": "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n{}\t1\t2\ta\tb\n",
    "qqp": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t1\t2\ta\tb\t{}\n",
    "wnli": "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t{}\n",
    "rte": "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t{}\n",
    "qnli": "index\tquestion\tsentence\tlabel\n0\ta\tb\t{}\n",
    "mnli": "sentence1\tsentence2\tgold_label\na\tb\t{}\n",
    "stsb": "sentence1\tsentence2\tscore\na\tb\t{}\n",
}

# The words of GLUE's own data sets (the datasets library's features), each beside the label in the official file.
MEANT = {
    "sst2": {"negative": "0", "positive": "1"},
    "cola": {"unacceptable": "0", "acceptable": "1"},
    "mrpc": {"not_equivalent": "0", "equivalent": "1"},
    "qqp": {"not_duplicate": "0", "duplicate": "1"},
    "wnli": {"not_entailment": "0", "entailment": "1"},
    "rte": {"entailment": "entailment", "not_entailment": "not_entailment"},
    "qnli": {"entailment": "entailment", "not_entailment": "not_entailment"},
    "mnli": {"entailment": "entailment", "neutral": "neutral", "contradiction": "contradiction"},
}

SPELLINGS: list[Callable[[str], str]] = [
    str, str.upper, str.title, lambda word: word.replace("_", "-"), lambda word: word.replace("_", " ").capitalize(),
    lambda word: word.title().replace("_", ""),
]  # fmt: skip


@pytest.mark.parametrize("task", MEANT)
def test_words_mean_a_tasks_labels_in_any_order_and_spelling(task: str) -> None:
    found = zoo.Catalog.installed().task(task)
    for spelling in SPELLINGS:
        for words in permutations(MEANT[task]):
            ids = found.ids_of([spelling(word) for word in words])
            assert ids is not None
            assert [found.labels[index] for index in ids] == [MEANT[task][word] for word in words]
    assert found.ids_of(list(found.labels)) == list(range(len(found.labels)))


@pytest.mark.parametrize(
    "words", [["negative"], ["negative", "negative"], ["negative", "neutral"], ["negative", "neutral", "positive"], []]
)
def test_other_words_mean_nothing(words: list[str]) -> None:
    assert zoo.Catalog.installed().task("sst2").ids_of(words) is None


@pytest.mark.parametrize("labels", [("-1", "1"), ("a_b", "ab"), ("A", "a"), ("_", "-")])
def test_labels_that_differ_in_little_are_told_apart(labels: tuple[str, str]) -> None:
    sst2 = zoo.Catalog.installed().task("sst2")
    task = type(sst2).model_validate({**dict(sst2), "labels": labels, "label_aliases": ()})
    assert task.ids_of(labels) == [0, 1] and task.ids_of(labels[::-1]) == [1, 0]
    assert task.ids_of(["neg", labels[0]]) is None


def saying(make: Make, answer: int, labels: list[str]) -> Path:
    """A folder whose head says one of its classes of every text."""
    head = "BertForSequenceClassification"
    folder = make(head, id2label=dict(enumerate(labels)))
    model = getattr(transformers, head).from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(5.0 * (torch.arange(len(labels)) == answer))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("task", MEANT)
def test_predictions_are_scored_in_the_tasks_own_words(task: str, make: Make, tmp_path: Path, zoo_command: Run) -> None:
    words = list(reversed(MEANT[task]))
    for answer, word in enumerate(words):
        file = tmp_path / "items.tsv"
        file.write_text(FILES[task].format(MEANT[task][word]))
        folder = saying(make, answer, [word.replace("_", " ").title() for word in words])
        status, said, told = zoo_command("predict", folder, file, "--task", task)
        assert (status, said) == (0, f"index\tprediction\n0\t{MEANT[task][word]}\n")
        assert "accuracy 1.0000" in told if task != "cola" else "matthews" in told


def test_an_order_that_had_to_be_assumed_is_said_and_another_can_be_given(
    make: Make, tmp_path: Path, zoo_command: Run
) -> None:
    file = tmp_path / "items.tsv"
    file.write_text(FILES["mnli"].format("entailment"))
    folder = saying(make, 1, ["LABEL_0", "LABEL_1", "LABEL_2"])
    status, said, told = zoo_command("predict", folder, file, "--task", "mnli")
    assert (status, said.splitlines()[1]) == (0, "0\tneutral")
    assert told.splitlines() == [
        "the model calls its labels LABEL_0, LABEL_1, LABEL_2; they are taken for entailment, neutral, contradiction; "
        "--labels gives another order",
        "accuracy 0.0000",
    ]
    order = ("--labels", "contradiction, Entailment,neutral")
    status, said, told = zoo_command("predict", folder, file, "--task", "mnli", *order)
    assert (status, said.splitlines()[1], told) == (0, "0\tentailment", "accuracy 1.0000\n")
    file.write_text("a b\n")
    assert zoo_command("predict", folder, file, *order)[1].splitlines()[1].startswith("0\tEntailment\t")


def test_what_numbers_are_taken_for_is_said_in_words(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    file = tmp_path / "items.tsv"
    file.write_text(FILES["sst2"].format(1))
    folder = saying(make, 1, ["LABEL_0", "LABEL_1"])
    told = zoo_command("predict", folder, file, "--task", "sst2")[2]
    assert "LABEL_0, LABEL_1; they are taken for 0 (negative), 1 (positive); --labels" in told


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("entailment,neutral", r"the model has 3 labels (LABEL_0, LABEL_1, LABEL_2); name each once, in that order"),
        ("entailment,neutral,neutral", "name each once"),
        (
            "entailment,neutral,other",
            "labels are entailment, neutral, other, and those of task 'mnli' are entailment, n",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    labels: str, message: str, make: Make, tmp_path: Path, zoo_command: Run
) -> None:
    file = tmp_path / "items.tsv"
    file.write_text(FILES["mnli"].format("entailment"))
    folder = saying(make, 1, ["LABEL_0", "LABEL_1", "LABEL_2"])
    status, said, told = zoo_command("predict", folder, file, "--task", "mnli", "--labels", labels)
    assert (status, said, told.count("\n")) == (2, "", 1) and message in told


def test_a_score_has_no_labels_to_name(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    file = tmp_path / "items.tsv"
    file.write_text("a b\n")
    folder = make("BertForSequenceClassification", num_labels=1)
    status, _, told = zoo_command("predict", folder, file, "--labels", "one")
    assert status == 2 and "the model has 0 labels (none, as its answers are no classes)" in told


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ((("bad",),), "label_aliases should have an entry for each of the 2 labels"),
        ((("bad",), ("B-A-D",)), "two labels have a word in common"),
        ((("1",), ()), "two labels have a word in common"),
    ],
)
def test_a_tasks_aliases_must_be_clear(aliases: tuple[tuple[str, ...], ...], message: str) -> None:
    sst2 = zoo.Catalog.installed().task("sst2")
    with pytest.raises(ValidationError, match=message):
        type(sst2).model_validate({**dict(sst2), "label_aliases": aliases})
