"""Tiny files in the official layout of SuperGLUE, CLUE and SWAG, made by hand, with labels that can be learned."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

PEOPLE, PLACES = ("cook", "judge", "nurse", "sailor"), ("town", "ship", "court", "farm")
Made = Callable[[int], dict[str, Any]]


def boolq(i: int) -> dict[str, Any]:
    person, other = PEOPLE[i % 4], PEOPLE[(i // 4) % 4]
    return {"question": f"is the {other} here", "passage": f"The {person} is here .", "label": person == other}


def cb(i: int) -> dict[str, Any]:
    word, label = (("yes", "entailment"), ("maybe", "neutral"), ("never", "contradiction"))[i % 3]
    return {"premise": f"The {PEOPLE[i % 4]} said so .", "hypothesis": f"It is so {word} .", "label": label}


def copa(i: int) -> dict[str, Any]:
    right = i // 2 % 2
    choices = [f"The {PEOPLE[i % 4]} slept .", f"The {PLACES[i % 4]} was near ."][:: 1 if right == 0 else -1]
    return {
        "premise": f"The {PEOPLE[i % 4]} was tired .",
        "choice1": choices[0],
        "choice2": choices[1],
        "question": ("cause", "effect")[i % 2],
        "label": right,
    }


def multirc(i: int) -> dict[str, Any]:
    people = PEOPLE[i % 4], PEOPLE[(i + 1) % 4]
    answers = [{"text": f"the {name}", "idx": at, "label": int(name in people)} for at, name in enumerate(PEOPLE)]
    questions = [
        {"question": "Who came ?", "answers": answers, "idx": 0},
        {"question": "Who went ?", "answers": [{"text": f"the {people[1]}", "idx": 4, "label": 0}], "idx": 1},
    ]
    return {"version": 1.1, "passage": {"text": f"The {people[0]} and the {people[1]} came .", "questions": questions}}


def rte(i: int) -> dict[str, Any]:
    return {k: v for k, v in cb(i).items() if k != "label"} | {"label": ("entailment", "not_entailment")[i % 2]}


def wic(i: int) -> dict[str, Any]:
    first, second = f"She saw a {PEOPLE[i % 4]} .", f"A {PEOPLE[i % 4]} slept well ."
    starts = first.index(PEOPLE[i % 4]), second.index(PEOPLE[i % 4])
    ends = [start + len(PEOPLE[i % 4]) for start in starts]
    marks = {"start1": starts[0], "end1": ends[0], "start2": starts[1], "end2": ends[1]}
    return {"word": PEOPLE[i % 4], "sentence1": first, "sentence2": second, "label": i % 4 < 2, "version": 1.1, **marks}


def wsc(i: int) -> dict[str, Any]:
    one, other = PEOPLE[i % 4], PEOPLE[(i + 1) % 4]
    text = f"The {one} met the {other}, and she left."
    first = i // 4 % 2 == 0
    words = {"span1_text": f"The {one}" if first else f"the {other}", "span1_index": 0 if first else 3}
    target = {**words, "span2_text": "she", "span2_index": 6}
    return {"text": text, "target": target, "label": first}


SUPERGLUE: dict[str, Made] = {
    "BoolQ": boolq, "CB": cb, "COPA": copa, "MultiRC": multirc, "RTE": rte, "WiC": wic, "WSC": wsc,
}  # fmt: skip


def tnews(i: int) -> dict[str, Any]:
    label, desc, word = (("103", "news_sports", "球赛"), ("104", "news_finance", "股票"), ("108", "news_edu", "学校"))[
        i % 3
    ]
    return {"label": label, "label_desc": desc, "sentence": f"今天的{word}怎么样", "keywords": word}


def afqmc(i: int) -> dict[str, Any]:
    return {"sentence1": "花呗怎么还款", "sentence2": ("怎么还花呗", "借呗额度")[i % 2], "label": ("1", "0")[i % 2]}


def cmnli(i: int) -> dict[str, Any]:
    ends, label = (("是的", "entailment"), ("也许", "neutral"), ("不是", "contradiction"))[i % 3]
    return {"sentence1": "从概念上看有两个基本维度", "sentence2": f"维度有两个{ends}", "label": label}


def ocnli(i: int) -> dict[str, Any]:
    row = cmnli(i) | ({"label": "-"} if i == 5 else {})
    return {"level": "medium", **row, "label0": row["label"], "genre": "lit", "prem_id": "l-1", "id": i}


def cluener(i: int) -> dict[str, Any]:
    name, place = ("张三", "李四", "王五")[i % 3], ("北京", "上海")[i % 2]
    text = f"{name}在{place} 工作"
    return {"text": text, "label": {"name": {name: [[0, 1]]}, "address": {place: [[3, 4]]}}}


CLUE: dict[str, Made] = {"tnews": tnews, "afqmc": afqmc, "cmnli": cmnli, "ocnli": ocnli, "cluener": cluener}
SWAG_COLUMNS = (
    *("", "video-id", "fold-ind", "startphrase", "sent1", "sent2", "gold-source"),
    *(f"ending{place}" for place in range(4)),
    "label",
)


def swag(i: int) -> list[Any]:
    right = i // 4 % 4
    given = [f"meets the {PLACES[(i + place) % 4]}" for place in range(4)]
    given[right] = 'sleeps, says "no" and sits'
    sentence, begun = f"The {PEOPLE[i % 4]} is tired .", "She"
    return [i, "anetv_x", i, f"{sentence} {begun}", sentence, begun, "gold", *given, right]


def write_superglue(root: Path, n: int = 24) -> Path:
    """Every task with `n` training lines, and a third of them for development and test; test lines have no labels."""
    for folder, made in SUPERGLUE.items():
        for split, rows in (("train", range(n)), ("val", range(n // 3)), ("test", range(n // 3))):
            lines = [made(i) | {"idx": i} for i in rows]
            write_lines(root / folder / f"{split}.jsonl", [_bare(line) if split == "test" else line for line in lines])
    return root


def write_clue(root: Path, n: int = 24) -> Path:
    for folder, made in CLUE.items():
        for split, rows in (("train", range(n)), ("dev", range(n // 3)), ("test", range(n // 3))):
            lines = [made(i) for i in rows]
            write_lines(root / folder / f"{split}.json", [_bare(line) if split == "test" else line for line in lines])
    return root


def write_swag(root: Path, n: int = 32) -> Path:
    (root / "SWAG").mkdir(parents=True, exist_ok=True)
    for split, size in (("train", n), ("val", n // 2), ("test", 4)):
        width = len(SWAG_COLUMNS) - (split == "test")
        with (root / f"SWAG/{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([SWAG_COLUMNS[:width], *(swag(i)[:width] for i in range(size))])
    return root


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(part) for part in value]
    return {key: _bare(part) for key, part in value.items() if key != "label"} if isinstance(value, dict) else value
