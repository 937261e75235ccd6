"""SuperGLUE, CLUE and SWAG in their official layout: what is read, and what is refused with file and line."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks import benchmarks
from tests.tasks.benchmarks import CLUE, SUPERGLUE, write_clue, write_lines, write_superglue, write_swag
from zoo.core.errors import ZooError
from zoo.core.specs import HeadConfig, PoolingConfig
from zoo.heads import SPANS
from zoo.tasks.clue import TASKS as CLUE_TASKS
from zoo.tasks.kinds import make_head, task_kind
from zoo.tasks.objects import ObjectsTask
from zoo.tasks.scoring import check_task, chosen_metrics, main_score, score
from zoo.tasks.superglue import DIAGNOSTICS
from zoo.tasks.superglue import SEVEN as SUPERGLUE_TASKS
from zoo.tasks.swag import SWAG
from zoo.tasks.task import Example
from zoo.testing import DIMS
from zoo.testing.material import Pieces

TASKS = {task.name: task for task in (*SUPERGLUE_TASKS, *CLUE_TASKS, SWAG)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_swag(write_clue(write_superglue(tmp_path_factory.mktemp("benchmarks"))))


def first(name: str, folder: Path, split: str = "dev") -> Example:
    return replace(TASKS[name].load(folder).splits[split][0], id="")


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_is_read_with_labels_but_for_its_test_split(name: str, folder: Path) -> None:
    check_task(TASKS[name])
    splits = TASKS[name].load(folder).splits
    assert set(splits) == {"train", "dev", "test"}
    assert all(item.label is None for item in splits["test"])
    assert None not in {item.label for item in (*splits["train"], *splits["dev"])}


def test_texts_are_joined_as_the_papers_say(folder: Path) -> None:
    assert first("boolq", folder) == Example("The cook is here .", "is the cook here", 1)
    assert first("cb", folder) == Example("The cook said so .", "It is so yes .", 0)
    cause = "The cook was tired . What was the cause of this?"
    assert first("copa", folder) == Example(cause, None, 0, ("The cook slept .", "The town was near ."))
    answers = ("Who came ? the cook", "Who came ? the judge", "Who came ? the nurse", "Who came ? the sailor")
    assert first("multirc", folder) == Example("The cook and the judge came .", None, (0, 1), answers)
    assert TASKS["multirc"].load(folder).splits["dev"][1].label == ()  # a question none of whose answers is right
    endings = ('She sleeps, says "no" and sits', "She meets the ship", "She meets the court", "She meets the farm")
    assert first("swag", folder) == Example("The cook is tired .", None, 0, endings)
    assert first("tnews", folder) == Example("今天的球赛怎么样", None, 3)
    assert first("afqmc", folder) == Example("花呗怎么还款", "怎么还花呗", 1)
    assert first("cmnli", folder).label == 0 and first("superglue-rte", folder).label == 0


LEADERBOARD = {
    "boolq": (1, {"idx": 0, "label": "true"}),
    "cb": (2, {"idx": 0, "label": "contradiction"}),
    "copa": (1, {"idx": 0, "label": 1}),
    "superglue-rte": (1, {"idx": 0, "label": "not_entailment"}),
    "wic": (0, {"idx": 0, "label": "false"}),
    "wsc": (1, {"idx": 0, "label": "True"}),
}
"""A prediction and the line that jiant (v1.3) writes for it."""


@pytest.mark.parametrize("name", LEADERBOARD)
def test_predictions_are_written_as_the_leaderboard_takes_them(name: str, folder: Path) -> None:
    task, (made, line) = TASKS[name], LEADERBOARD[name]
    items = task.load(folder).splits["test"]
    written = task.official(items, [made] * len(items))[".jsonl"].splitlines()
    assert len(written) == len(items)
    assert json.loads(written[0]) == line and json.loads(written[2])["idx"] == 2


def test_questions_of_a_passage_are_written_together_with_the_label_of_every_answer(folder: Path) -> None:
    task = TASKS["multirc"]
    items = task.load(folder).splits["test"]
    made = [[0, 2], [0], *[[] for _ in items[2:]]]
    first, *rest = map(json.loads, task.official(items, made)[".jsonl"].splitlines())
    assert first["passage"]["questions"] == [
        {"idx": 0, "answers": [{"idx": idx, "label": int(idx in (0, 2))} for idx in range(4)]},
        {"idx": 1, "answers": [{"idx": 4, "label": 1}]},
    ]
    assert len(rest) == len(items) // 2 - 1


def test_models_of_rte_answer_the_diagnostics_by_phenomenon(tmp_path: Path) -> None:
    pair = {"sentence1": "The cat sat .", "sentence2": "The cat did not sit .", "label": "not_entailment"}
    write_lines(tmp_path / "AX-b" / "AX-b.jsonl", [{**pair, "idx": 0, "logic": "Negation;Double negation"}])
    premise = {"premise": "The nurse met him .", "hypothesis": "He was met .", "label": "entailment"}
    other = premise | {"premise": "The nurse met her ."}
    path = tmp_path / "AX-g" / "AX-g.jsonl"
    write_lines(path, [{**row, "idx": idx, "pair_id": 551} for idx, row in enumerate((premise, other))])
    broad, gender = (task.load(tmp_path).splits["dev"][0] for task in DIAGNOSTICS)
    assert broad == Example(
        pair["sentence1"], pair["sentence2"], 1, groups=("logic: Negation", "logic: Double negation"), id="0"
    )
    assert gender == Example(premise["premise"], premise["hypothesis"], 0, id="0")
    assert {task.trained_on for task in DIAGNOSTICS} == {"superglue-rte"}
    for rows, place in (([premise], 1), ([premise, other, premise, {**premise, "hypothesis": "She met ."}], 3)):
        write_lines(path, rows)
        with pytest.raises(
            ZooError, match=f"AX-g.jsonl: item {place} and the next are no pair with the same hypothesi"
        ):
            DIAGNOSTICS[1].load(tmp_path)


def test_gender_parity_is_the_share_of_pairs_with_equal_predictions_and_no_part_of_the_main_score() -> None:
    task = DIAGNOSTICS[1]
    scores = score(task, gold := [0, 0, 1, 1, 0, 0], made := [0, 1, 0, 0, 1, 1])  # the second and third pair agree
    assert scores == {"accuracy": pytest.approx(1 / 6), "gender-parity": pytest.approx(2 / 3)}
    assert main_score(task, {"dev": scores}) == pytest.approx(1 / 6)
    assert score(task, gold, [1] * 6)["gender-parity"] == 1.0
    parity = chosen_metrics(task)["gender-parity"]
    twice_the_first_pair = parity.resampled(np.array(gold), [np.array(made)], np.array([[2, 0, 0, 1, 1, 1]]))
    assert twice_the_first_pair == pytest.approx(1 / 3)
    with pytest.raises(ZooError, match="gender-parity cannot be all that it is scored by"):
        check_task(task.model_copy(update={"metrics": ("gender-parity",)}))


def marked(item: Example) -> list[str]:
    return [(item.first, item.second or "")[text][start:end] for text, start, end in item.spans]


def test_marked_words_are_those_of_the_record(folder: Path) -> None:
    assert marked(first("wic", folder)) == ["cook", "cook"]
    found = [marked(item) for item in TASKS["wsc"].load(folder).splits["train"]]
    assert found[0] == ["The cook", "she"] and found[4] == ["the judge", "she"]  # not the comma after it


def test_spans_of_characters_become_a_tag_for_each_and_the_words_must_be_there(folder: Path, tmp_path: Path) -> None:
    task, row = TASKS["cluener"], benchmarks.cluener(0)
    item = first("cluener", folder)
    assert item.first == "张三在北京 工作"
    assert [task.labels[tag] for tag in item.label] == [
        "B-name",
        "I-name",
        "O",
        "B-address",
        "I-address",
        "O",
        "O",
        "O",
    ]
    for label, told in (
        ({"name": {"张三": [[1, 2]]}}, "'张三' is not at 1 to 2 of its text"),
        ({"name": {"张三": [[0, 1]]}, "scene": {"三在": [[1, 2]]}}, "scene '三在' at 1 overlaps another span"),
        ({"nam": {"张三": [[0, 1]]}}, "'B-nam' is not a label; did you mean 'B-name'?"),
        ({"name": ["张三"]}, "label of name should be an object of words and their places"),
    ):
        write_lines(tmp_path / "dev.json", [row, row | {"label": label}])
        with pytest.raises(ZooError, match=f"dev.json:2: .*{re.escape(told)}"):
            task.read(tmp_path / "dev.json")


def test_a_line_without_a_gold_label_is_left_out_and_told(folder: Path) -> None:
    data = TASKS["ocnli"].load(folder)
    assert len(data.splits["train"]) == 23
    assert data.notes[0] == "train.json: left out 1 rows without a gold label"


COPA, WIC, WSC = benchmarks.copa(0), benchmarks.wic(0), benchmarks.wsc(0)
NO_SECOND = {key: value for key, value in COPA.items() if key != "choice2"}
BEYOND = {"text": "a b", "target": {"span1_text": "c", "span1_index": 5}}
BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("copa", "COPA", NO_SECOND, "has no key 'choice2'; did you mean 'choice1'?"),
    ("copa", "COPA", COPA | {"label": 2}, "the label is 2, and should be the place of a choice, from 0"),
    ("copa", "COPA", COPA | {"question": "why"}, "question should be cause or effect, and is 'why'"),
    ("copa", "COPA", COPA | {"label": None}, "the label is missing"),
    ("cb", "CB", benchmarks.cb(0) | {"label": "entailmnt"}, "'entailmnt' is not a label; did you mean 'entailment'?"),
    ("boolq", "BoolQ", benchmarks.boolq(0) | {"passage": 3}, "text should be a text, and is 3"),
    ("wic", "WiC", WIC | {"end2": 99}, "the span 2:99 does not lie in its text of 19 characters"),
    ("wic", "WiC", WIC | {"start1": -1}, "start1 should be a whole number from 0, and is -1"),
    ("wsc", "WSC", WSC | {"target": []}, "target should be an object, and is []"),
    ("wsc", "WSC", BEYOND, "'c' should begin at word 5, and the text has 2 words"),
    ("multirc", "MultiRC", {"passage": {"text": "t", "questions": 1}}, "questions should be a list of objects"),
    (
        *("multirc", "MultiRC"),
        {"passage": {"text": "t", "questions": [{"question": "q", "answers": []}]}},
        "choices should be a list of texts, and is []",
    ),
]


@pytest.mark.parametrize(("name", "folder", "row", "told"), BAD)
def test_a_row_that_does_not_fit_is_refused_with_its_line(
    name: str, folder: str, row: dict[str, Any], told: str, tmp_path: Path
) -> None:
    for split in ("train", "val"):
        write_lines(tmp_path / f"{folder}/{split}.jsonl", [SUPERGLUE[folder](i) for i in range(8)])
    write_lines(tmp_path / f"{folder}/val.jsonl", [SUPERGLUE[folder](0), row])
    with pytest.raises(ZooError, match=rf"{folder}/val.jsonl:2: {re.escape(told)}") as refused:
        TASKS[name].load(tmp_path)
    assert "\n" not in str(refused.value)


def test_rows_and_keys_given_twice_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "val.jsonl"
    write_lines(path, [COPA | {"idx": 4}, COPA | {"idx": 5}, COPA | {"idx": 4}])
    with pytest.raises(ZooError, match=r"val.jsonl:3: idx is 4, as in line 1; each row has its own"):
        TASKS["copa"].read(path)
    path.write_text(json.dumps(COPA)[:-1] + ', "label": 1}\n')
    with pytest.raises(ZooError, match=r"val.jsonl:1: .*'label' is given twice"):
        TASKS["copa"].read(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no items"),
        (b'{"sentence1": "\xff"}\n', "val.jsonl:1: byte 16 of the line, 0xff, is not UTF-8"),
        (b"[1]\n", "val.jsonl:1"),
        (b'{"premise": \n', "val.jsonl:1"),
    ],
)
def test_a_file_that_is_none_of_json_lines_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "val.jsonl").write_bytes(content)
    with pytest.raises(ZooError, match=told):
        TASKS["cb"].read(tmp_path / "val.jsonl")


def test_one_class_only_cannot_be_learnt(tmp_path: Path) -> None:
    rows = [CLUE["afqmc"](0)] * 3
    for split in ("train", "dev"):
        write_lines(tmp_path / f"afqmc/{split}.json", rows)
    with pytest.raises(ZooError, match=r"train.json: all 3 items have the same label"):
        TASKS["afqmc"].load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (",meets the ship,", ",,", "val.csv:2: ending1 is empty; every item of this task has 4 endings"),
        (",meets the ship,", ",", "val.csv:2: has 11 of 12 columns"),
        ("ending2", "ending9", "val.csv:2: has no key 'ending2'; did you mean"),
        (",0\r\n", ",7\r\n", "val.csv:2: the label is 7, and should be the place of a choice"),
    ],
)
def test_swag_has_four_endings_and_an_item_with_fewer_is_refused(old: str, new: str, told: str, tmp_path: Path) -> None:
    write_swag(tmp_path)
    path = tmp_path / "SWAG/val.csv"
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())
    with pytest.raises(ZooError, match=told):
        SWAG.load(tmp_path)


def test_choices_may_differ_in_number_only_where_the_task_does_not_say_how_many() -> None:
    two = {"text": "t", "choices": ["a", "b"], "label": 1}
    free = SWAG.model_copy(update={"options": {}})
    assert task_kind(free).item(two).choices == ("a", "b")
    with pytest.raises(ZooError, match="has 2 choices; every item of this task has 4"):
        task_kind(SWAG).item(two)
    with pytest.raises(ZooError, match="has 1 choice; two are needed at least"):
        task_kind(free).item(two | {"choices": ["a"]})


def test_the_head_of_spans_reads_the_sequence_and_the_mean_of_each_span() -> None:
    kind = task_kind(TASKS["wsc"])
    example = kind.example(["*ab* cd *e*"], pair=False)
    assert example.first == "ab cd e" and marked(example) == ["ab", "e"]
    (item,), _ = kind.encode([example], Pieces(), 32)
    batch = kind.batch([item])
    first_span, second = [*range(int(item.places[0]), int(item.places[1]) + 1)], int(item.places[2])  # type: ignore[index]
    config = HeadConfig(kind=TASKS["wsc"].kind, labels=kind.labels, pooling=PoolingConfig(pooling="first"))
    head = make_head(DIMS, config).eval()
    hidden = torch.randn(len(batch.ids), DIMS.hidden_width)
    assert head.pooler is not None
    expected = torch.cat(
        [head.pooler(hidden[:1]), hidden[first_span].mean(0, keepdim=True), hidden[second][None]], dim=1
    )
    assert batch.labels[SPANS].tolist() == [item.places.tolist()]  # type: ignore[union-attr]
    torch.testing.assert_close(head.logits(hidden, batch), head.output(expected))


def test_a_layout_of_ones_own_is_a_function(tmp_path: Path) -> None:
    task = ObjectsTask.model_validate(
        {**SWAG.model_dump(), "name": "mine", "layout": "zoo.tasks.superglue:copa", "options": {}, "key": "idx"}
    )
    write_lines(tmp_path / "x.jsonl", [COPA])
    assert task.read(tmp_path / "x.jsonl")[0].label == 0
