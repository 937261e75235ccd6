"""Tasks of CLUE, the Chinese benchmark (Xu et al. 2020, COLING), from its JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.tasks.files import SplitFile
from zoo.tasks.glue import CONTRADICTS, ENTAILS, THREE_WAY
from zoo.tasks.objects import ObjectsTask, Row

HERE = "zoo.tasks.clue"
TOPICS = (
    *("100 news_story", "101 news_culture", "102 news_entertainment", "103 news_sports", "104 news_finance"),
    *("106 news_house", "107 news_car", "108 news_edu", "109 news_tech", "110 news_military", "112 news_travel"),
    *("113 news_world", "114 news_stock", "115 news_agriculture", "116 news_game"),
)
"""TNEWS's topics, by the number in its files, and what they mean."""

NO_GOLD = "-"
"""The label of an item on which the annotators did not agree."""


def sentence(row: Row) -> Iterator[Mapping[str, Any]]:
    """A sentence, as TNEWS has it; its keywords are not read."""
    yield {"text": row["sentence"], "label": row.get("label")}


def pair(row: Row) -> Iterator[Mapping[str, Any]]:
    """Two sentences; nothing if they have no gold label."""
    label = row.get("label")
    if label != NO_GOLD:
        yield {"text": row["sentence1"], "text_pair": row["sentence2"], "label": label}


def _task(name: str, folders: tuple[str, ...], layout: str, labels: tuple[str, ...], **fields: Any) -> ObjectsTask:
    files = {
        split: SplitFile(
            path=f"{folders[0]}/{split}.json",
            also=tuple(f"{folder}/{split}.json" for folder in folders[1:]),
            optional=split == "test",
        )
        for split in ("train", "dev", "test")
    }
    common = {"name": name, "suite": "clue", "kind": "classification", "layout": f"{HERE}:{layout}", "labels": labels}
    return ObjectsTask.model_validate({**common, "files": files, "metrics": ("accuracy",), **fields})


TASKS: tuple[ObjectsTask, ...] = (
    _task(
        *("tnews", ("tnews", "TNEWS", "tnews_public"), "sentence", tuple(topic.split()[0] for topic in TOPICS)),
        label_aliases=tuple((topic.split()[1],) for topic in TOPICS),
        citation="Xu et al. 2020, COLING",
    ),
    _task(
        *("afqmc", ("afqmc", "AFQMC", "afqmc_public"), "pair", ("0", "1")),
        pair=True,
        label_aliases=(("different", "not_duplicate"), ("same", "duplicate")),
        citation="Xu et al. 2020, COLING",
    ),
    _task(
        *("cmnli", ("cmnli", "CMNLI", "cmnli_public"), "pair", THREE_WAY),
        pair=True,
        label_aliases=(ENTAILS[1:], (), CONTRADICTS[1:]),
        citation="Xu et al. 2020, COLING; translated from Williams et al. 2018 and Conneau et al. 2018",
    ),
    _task(
        *("ocnli", ("ocnli", "OCNLI", "ocnli_public"), "pair", THREE_WAY),
        pair=True,
        label_aliases=(ENTAILS[1:], (), CONTRADICTS[1:]),
        citation="Hu et al. 2020, Findings of EMNLP",
    ),
)
