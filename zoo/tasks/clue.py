"""Tasks of CLUE, the Chinese benchmark (Xu et al. 2020, COLING), from its JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.core.errors import ZooError
from zoo.tasks.files import SplitFile
from zoo.tasks.glue import CONTRADICTS, ENTAILS, THREE_WAY
from zoo.tasks.objects import ObjectsTask, Row
from zoo.tasks.tagging import CHARACTERS, OUTSIDE, tags_of

HERE = "zoo.tasks.clue"
TOPICS = (
    *("100 news_story", "101 news_culture", "102 news_entertainment", "103 news_sports", "104 news_finance"),
    *("106 news_house", "107 news_car", "108 news_edu", "109 news_tech", "110 news_military", "112 news_travel"),
    *("113 news_world", "114 news_stock", "115 news_agriculture", "116 news_game"),
)
"""TNEWS's topics, by the number in its files, and what they mean."""

NO_GOLD = "-"
"""The label of an item on which the annotators did not agree."""

TYPES = ("address", "book", "company", "game", "government", "movie", "name", "organization", "position", "scene")
"""CLUENER's kinds of entity."""


def sentence(row: Row) -> Iterator[Mapping[str, Any]]:
    """A sentence, as TNEWS has it; its keywords are not read."""
    yield {"text": row["sentence"], "label": row.get("label")}


def pair(row: Row) -> Iterator[Mapping[str, Any]]:
    """Two sentences; nothing if they have no gold label."""
    label = row.get("label")
    if label != NO_GOLD:
        yield {"text": row["sentence1"], "text_pair": row["sentence2"], "label": label}


def cluener(row: Row) -> Iterator[Mapping[str, Any]]:
    """The characters of a text, with a tag for each; spans are by type and words, first and last character included."""
    text = row.text("text")
    tags: list[str] | None = None
    if "label" in row:
        tags = [OUTSIDE] * len(text)
        for kind, words in row.row("label").items():
            for word, places in _objects(kind, words).items():
                for start, end in _spans(word, places, text):
                    if any(tag != OUTSIDE for tag in tags[start : end + 1]):
                        raise ZooError(f"{kind} {word!r:.40} at {start} overlaps another span")
                    tags[start : end + 1] = [f"B-{kind}", *[f"I-{kind}"] * (end - start)]
    yield {"tokens": list(text), "tags": tags}


def _objects(kind: str, words: Any) -> Mapping[str, Any]:
    if not isinstance(words, dict):
        raise ZooError(f"label of {kind} should be an object of words and their places, and is {words!r:.60}")
    return words


def _spans(word: str, places: Any, text: str) -> Iterator[tuple[int, int]]:
    """Each first and last character of a word. Raises ZooError if the word is not there."""
    if not isinstance(places, list):
        raise ZooError(f"the places of {word!r:.40} should be a list, and are {places!r:.60}")
    for place in places:
        if not (isinstance(place, list) and [type(part) for part in place] == [int, int]):
            raise ZooError(f"a place of {word!r:.40} should be a first and a last character, and is {place!r:.60}")
        if place[0] < 0 or text[place[0] : place[1] + 1] != word:
            raise ZooError(f"{word!r:.40} is not at {place[0]} to {place[1]} of its text")
        yield place[0], place[1]


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
    _task(
        *("cluener", ("cluener", "CLUENER", "cluener_public"), "cluener", tags_of(TYPES, "BIO")),
        kind="token-classification",
        options={"words": CHARACTERS},
        metrics=("entity-f1",),
        citation="Xu et al. 2020, arXiv:2001.04351",
    ),
)
