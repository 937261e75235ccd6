"""Items of every kind of task, read from data files of every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.strangers import ordinal
from tests.tasks.record_task import WRITERS, Rows
from zoo.registry.catalog import Catalog
from zoo.registry.offers import Offers
from zoo.tasks.record_file import read_task_file
from zoo.tasks.task import Example

KINDS: dict[str, tuple[dict[str, Any], Rows, tuple[Example, ...]]] = {
    "classification": (
        {"labels": ["bad", "good"]},
        [{"text": 'so "so', "label": "good"}, {"text": "poor", "label": "bad"}],
        (Example('so "so', None, 1), Example("poor", None, 0)),
    ),
    "stranger.ordinal": (
        {"labels": ["low", "high"], "columns": {"text_pair": "text_pair"}, "metrics": ["stranger.distance"]},
        [{"text": "a", "text_pair": "b", "label": "high"}, {"text": "c", "text_pair": "d", "label": "low"}],
        (Example("a", "b", 1), Example("c", "d", 0)),
    ),
    "multi-label": (
        {"labels": ["cheap", "fast"]},
        [{"text": "a", "label": "fast,cheap"}, {"text": "b", "label": ""}],
        (Example("a", None, (0, 1)), Example("b", None, ())),
    ),
    "regression": (
        {"metrics": ["spearman"]},
        [{"text": "a", "label": 0.5}, {"text": "b", "label": 2.0}],
        (Example("a", None, 0.5), Example("b", None, 2.0)),
    ),
    "token-classification": (
        {"labels": ["O", "B-PER"]},
        [{"tokens": "Ann sings", "tags": "B-PER O"}, {"tokens": "no", "tags": "O"}],
        (Example("Ann sings", None, (1, 0)), Example("no", None, (0,))),
    ),
    "token-classification by characters": (
        {"labels": ["O", "B-PER"], "options": {"words": "characters"}},
        [{"tokens": "安唱", "tags": "B-PER O"}, {"tokens": "不", "tags": "O"}],
        (Example("安唱", None, (1, 0)), Example("不", None, (0,))),
    ),
    "question-answering": (
        {},
        [{"question": "who ?", "context": "Ann met Ann .", "answers": "Ann", "answer_start": 8}] * 2,
        (Example("who ?", "Ann met Ann .", ((8, "Ann"),)),) * 2,
    ),
    "multiple-choice": (
        {},
        [{"text": "a", "choices": ["b", "c"], "label": 1}, {"text": "d", "choices": ["e", "f"], "label": 0}],
        (Example("a", None, 1, ("b", "c")), Example("d", None, 0, ("e", "f"))),
    ),
}
STRANGER = Offers(
    api_version=1,
    task_kinds={"stranger.ordinal": ordinal.Ordinal},
    metrics={"stranger.distance": ordinal.DISTANCE},
)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_items_of_every_kind_are_read_from_every_format(kind: str, suffix: str, tmp_path: Path) -> None:
    Catalog.of(stranger=STRANGER)
    fields, rows, items = KINDS[kind]
    for split in ("train", "dev"):
        WRITERS[suffix](tmp_path / f"{split}.{suffix}", rows)
    cells = {"columns": {"choices": ["choices0", "choices1"]}} if "choices" in rows[0] and len(suffix) == 3 else {}
    files = {split: f"{split}.{suffix}" for split in ("train", "dev")}
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"name": "mine", "kind": kind.split()[0], "files": files} | fields | cells))
    task = read_task_file(path)
    assert task.load(None).splits == {"train": items, "dev": items}
    assert task.read(tmp_path / files["dev"]) == items
