from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from zoo.core.errors import ZooError
from zoo.tasks.glue import TASKS
from zoo.tasks.scoring import score
from zoo.tasks.task import Example

BY_NAME = {task.name: task for task in TASKS}
# Counted in the official files by hand: train, dev, and the majority class on dev with its count.
COUNTED = {
    "cola": (8551, 1043, 1, 721),
    "sst2": (67349, 872, 1, 444),
    "mrpc": (3668, 408, 1, 279),
    "rte": (2490, 277, 0, 146),
    "wnli": (635, 71, 0, 40),
}
FOLDERS = {"cola": "CoLA", "sst2": "SST-2", "mrpc": "MRPC", "stsb": "STS-B", "rte": "RTE", "wnli": "WNLI"}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


def row(*cells: str) -> str:
    return "\t".join(cells) + "\n"


@pytest.fixture
def glue(shared_data: Path) -> Path:
    return shared_data / "glue"


def test_the_ten_tasks_of_glue_are_there() -> None:
    assert list(BY_NAME) == ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli", "ax"]
    assert all(task.suite == "glue" and task.citation and not task.synthetic for task in TASKS)


def test_class_ids_follow_the_usual_order() -> None:
    assert {name: task.labels for name, task in BY_NAME.items()} == {
        **dict.fromkeys(["cola", "sst2", "mrpc", "qqp", "wnli"], ("0", "1")),
        **dict.fromkeys(["rte", "qnli"], ("entailment", "not_entailment")),
        **dict.fromkeys(["mnli", "ax"], ("entailment", "neutral", "contradiction")),
        "stsb": (),
    }


def test_cola_has_no_header_in_training_and_one_in_test(tmp_path: Path) -> None:
    train = row("gj04", "1", "", "They left.") + row("gj04", "0", "*", "Them left.")
    files = {
        "CoLA/train.tsv": train,
        "CoLA/dev.tsv": train,
        "CoLA/test.tsv": row("index", "sentence") + row("0", "Ok."),
    }
    splits = BY_NAME["cola"].load(write(tmp_path, files)).splits
    assert splits["train"] == (Example("They left.", None, 1), Example("Them left.", None, 0))
    assert splits["test"] == (Example("Ok.", None, None),)


def test_cola_with_a_header_is_refused(tmp_path: Path) -> None:
    body = row("gj04", "1", "", "They left.") + row("gj04", "0", "*", "Them left.")
    for header in (
        row("source", "label", "annotation", "sentence"),
        row("sentence_source", "label", "notes", "sentence"),
    ):
        with pytest.raises(ZooError, match=r"train\.tsv:1: is a header"):
            BY_NAME["cola"].load(write(tmp_path, {"CoLA/train.tsv": header + body, "CoLA/dev.tsv": body}))


def test_rte_without_a_header_is_refused(tmp_path: Path) -> None:
    body = row("0", "A premise.", "A claim.", "entailment")
    with pytest.raises(ZooError, match=r"train\.tsv:1: must be a header that names the columns sentence1, sentence2"):
        BY_NAME["rte"].load(write(tmp_path, {"RTE/train.tsv": body, "RTE/dev.tsv": body}))


def test_sst2_sentences_lose_their_trailing_space(tmp_path: Path) -> None:
    train = row("sentence", "label") + row("it 's fine . ", "1") + row("it 's not . ", "0")
    files = {
        "SST-2/train.tsv": train,
        "SST-2/dev.tsv": train,
        "SST-2/test.tsv": row("index", "sentence") + row("0", "so ."),
    }
    splits = BY_NAME["sst2"].load(write(tmp_path, files)).splits
    assert [item.first for item in splits["dev"]] == ["it 's fine .", "it 's not ."]
    assert splits["test"][0] == Example("so .", None, None)


def test_mrpc_has_a_byte_order_mark_and_stray_quotes(tmp_path: Path) -> None:
    header = row("\ufeffQuality", "#1 ID", "#2 ID", "#1 String", "#2 String")
    train = header + row("1", "5", "6", 'He said "no.', "No, he said.") + row("0", "7", "8", 'Yes."', "Not so.")
    test = row("index", "#1 ID", "#2 ID", "#1 String", "#2 String") + row("0", "5", "6", "One.", "Two.")
    files = {"MRPC/train.tsv": train, "MRPC/dev.tsv": train, "MRPC/test.tsv": test}
    splits = BY_NAME["mrpc"].load(write(tmp_path, files)).splits
    assert splits["train"] == (Example('He said "no.', "No, he said.", 1), Example('Yes."', "Not so.", 0))
    assert splits["test"] == (Example("One.", "Two.", None),)


def test_stsb_scores_run_from_0_to_5(tmp_path: Path) -> None:
    names = ("index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1", "sentence2")
    filling = ("0", "main-news", "f", "2012", "1", "none", "none")
    train = row(*names, "score") + row(*filling, "A", "B", "0.000") + row(*filling, "C", "D", "5.000")
    test = row(*names) + row(*filling, "E", "F")
    files = {"STS-B/train.tsv": train, "STS-B/dev.tsv": train, "STS-B/test.tsv": test}
    splits = BY_NAME["stsb"].load(write(tmp_path, files)).splits
    assert splits["train"] == (Example("A", "B", 0.0), Example("C", "D", 5.0))
    assert splits["test"] == (Example("E", "F", None),)
    write(tmp_path, {"STS-B/dev.tsv": row(*names, "score") + row(*filling, "A", "B", "5.2")})
    with pytest.raises(ZooError, match=r"dev\.tsv:2: the score 5.2 is not a number from 0 to 5"):
        BY_NAME["stsb"].load(tmp_path)


def test_qqp_leaves_out_broken_lines_and_counts_them(tmp_path: Path) -> None:
    header = row("id", "qid1", "qid2", "question1", "question2", "is_duplicate")
    good = row("1", "2", "3", "Why?", "How so?", "1") + row("4", "5", "6", "When?", "", "0")
    broken = row("7", "8", "9", "Where") + row(" is it?", "Where to?", "0")
    test = row("id", "question1", "question2") + row("0", "Who?", "Whom?")
    files = {"QQP/train.tsv": header + good + broken, "QQP/dev.tsv": header + good, "QQP/test.tsv": test}
    data = BY_NAME["qqp"].load(write(tmp_path, files))
    assert data.splits["train"] == (Example("Why?", "How so?", 1), Example("When?", "", 0))
    assert data.splits["test"] == (Example("Who?", "Whom?", None),)
    assert data.notes == (
        "QQP/train.tsv: left out 2 lines that do not have 6 columns",
        "QQP/train.tsv: 1 items have an empty text",
        "QQP/dev.tsv: 1 items have an empty text",
    )


def test_mnli_has_two_development_sets_of_another_width_than_training(tmp_path: Path) -> None:
    names = "index promptID pairID genre sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse"
    header, filling = (*names.split(), "sentence1", "sentence2"), ("x",) * 8
    train = row(*header, "label1", "gold_label") + "".join(
        row(*filling, "P", "H", "neutral", label) for label in ("contradiction", "neutral", "entailment")
    )
    votes = ("label1", "label2", "label3", "label4", "label5")
    dev = row(*header, *votes, "gold_label") + row(*filling, "P", "H", *["neutral"] * 5, "entailment")
    other = row(*header, *votes, "gold_label") + row(*filling, "P", "H", *["entailment"] * 5, "contradiction")
    test = row(*header) + row(*filling, "P", "H")
    files = {"train": train, "dev_matched": dev, "dev_mismatched": other, "test_matched": test, "test_mismatched": test}
    data = BY_NAME["mnli"].load(write(tmp_path, {f"MNLI/{name}.tsv": text for name, text in files.items()}))
    assert {split: [item.label for item in items] for split, items in data.splits.items()} == {
        "train": [2, 1, 0],
        "dev": [0],
        "dev_mismatched": [2],
        "test": [None],
        "test_mismatched": [None],
    }


def test_qnli_and_wnli_are_read(tmp_path: Path) -> None:
    qnli = row("index", "question", "sentence", "label") + row("0", "Q", "S", "entailment")
    qnli += row("1", "Q", "T", "not_entailment")
    wnli = row("index", "sentence1", "sentence2", "label") + row("0", "A", "B", "1") + row("1", "A", "C", "0")
    files = {"QNLI/train.tsv": qnli, "QNLI/dev.tsv": qnli, "WNLI/train.tsv": wnli, "WNLI/dev.tsv": wnli}
    write(tmp_path, files)
    assert BY_NAME["qnli"].load(tmp_path).splits["dev"] == (Example("Q", "S", 0), Example("Q", "T", 1))
    assert BY_NAME["wnli"].load(tmp_path).splits["dev"] == (Example("A", "B", 1), Example("A", "C", 0))


def test_ax_is_unlabelled_unless_the_full_file_is_there(tmp_path: Path) -> None:
    ax = row("index", "sentence1", "sentence2") + row("0", "The cat sat.", "The cat did not sit.")
    assert BY_NAME["ax"].load(write(tmp_path / "flat", {"AX.tsv": ax})).splits["test"][0].label is None
    names = ("Lexical Semantics", "Predicate-Argument Structure", "Logic", "Knowledge", "Domain")
    full = row(*names, "Premise", "Hypothesis", "Label") + row(
        "", "", "Negation", "", "News", "P", "H", "contradiction"
    )
    files = {"diagnostic/diagnostic.tsv": ax, "diagnostic/diagnostic-full.tsv": full}
    splits = BY_NAME["ax"].load(write(tmp_path / "zip", files)).splits
    assert splits["dev"] == (Example("P", "H", 2, groups=("Logic", "Logic: Negation")),)
    assert splits["test"] == (Example("The cat sat.", "The cat did not sit.", None),)


@pytest.mark.parametrize("name", COUNTED)
def test_the_real_files_have_the_published_sizes_and_majorities(glue: Path, name: str) -> None:
    n_train, n_dev, majority, n_majority = COUNTED[name]
    data = BY_NAME[name].load(glue)
    assert (len(data.splits["train"]), len(data.splits["dev"])) == (n_train, n_dev)
    assert Counter(item.label for item in data.splits["dev"]).most_common(1) == [(majority, n_majority)]
    assert data.notes == ()


def test_the_majority_class_scores_what_the_facts_say(glue: Path) -> None:
    def constant(name: str, label: int) -> dict[str, float]:
        targets = [item.label for item in BY_NAME[name].load(glue).splits["dev"]]
        return score(BY_NAME[name], targets, [label] * len(targets))

    assert constant("mrpc", 1) == pytest.approx({"f1": 0.8122, "accuracy": 0.6838}, abs=5e-5)
    assert constant("cola", 1) == {"matthews": 0.0}
    assert constant("stsb", 3) == {"pearson": 0.0, "spearman": 0.0}


def test_the_real_stsb_runs_from_0_to_5(glue: Path) -> None:
    data = BY_NAME["stsb"].load(glue)
    assert (len(data.splits["train"]), len(data.splits["dev"])) == (5749, 1500)
    assert min(item.label or 0.0 for item in data.splits["dev"]) == 0.0
    assert max(item.label or 0.0 for item in data.splits["dev"]) == 5.0


def test_the_real_mrpc_test_split_is_unlabelled(glue: Path) -> None:
    test = BY_NAME["mrpc"].load(glue).splits["test"]
    assert len(test) == 1725
    assert {item.label for item in test} == {None}


def test_wnlis_development_set_turns_the_labels_of_training_round(glue: Path) -> None:
    splits = BY_NAME["wnli"].load(glue).splits
    seen = {item.second: item.label for item in splits["train"]}
    shared = [item for item in splits["dev"] if item.second in seen]
    assert len(shared) == 5
    assert all(item.label != seen[item.second] for item in shared)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_real_files_split_at_tabs_and_newlines_and_nothing_else(glue: Path, name: str) -> None:
    places = {"cola": (3, None, 1), "sst2": (0, None, 1), "mrpc": (3, 4, 0), "stsb": (7, 8, 9)}
    first, second, label = places.get(name, (1, 2, 3))
    task = BY_NAME[name]
    items = task.load(glue).splits["train"]
    lines = (glue / FOLDERS[name] / "train.tsv").read_bytes().decode().removesuffix("\n").split("\n")
    rows = [line.split("\t") for line in lines[0 if name == "cola" else 1 :]]
    assert [item.first for item in items] == [cells[first].strip() for cells in rows]
    assert [item.second for item in items] == [second and cells[second].strip() for cells in rows]
    if task.labels:
        assert [task.labels[int(item.label or 0)] for item in items] == [cells[label] for cells in rows]
    else:
        assert [item.label for item in items] == [float(cells[label]) for cells in rows]


def test_the_real_sizes_are_those_of_the_machine_readable_facts(glue: Path) -> None:
    facts = glue.parents[1] / "facts" / "facts.json"
    if not facts.is_file():
        pytest.skip("needs shared/facts/facts.json beside the checkout")
    sizes = {row["task"]: (row["train"], row["dev"]) for row in json.loads(facts.read_text())["glue"]["tasks"]}
    for name, folder in FOLDERS.items():
        splits = BY_NAME[name].load(glue).splits
        assert (len(splits["train"]), len(splits["dev"])) == sizes[folder]
