"""Tasks of named entities in their official layouts: CoNLL-2003, WNUT 2017, and the Chinese resumes.

Tags are converted to the scheme of the record, whatever the file has. Types are in the order in which models of the
data sets library have them, where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.tasks.conll import ConllTask
from zoo.tasks.tagged_text import ConllFile
from zoo.tasks.tagging import tags_of

METRICS = ("entity-f1",)


def _task(name: str, scheme: str, types: tuple[str, ...], files: dict[str, ConllFile], **more: Any) -> ConllTask:
    labels = tags_of(types, scheme)
    record = {"name": name, "suite": "ner", "scheme": scheme, "labels": labels, "metrics": METRICS, "files": files}
    return ConllTask.model_validate(record | more)


def _files(folder: str, *names: str, also: Sequence[str] = (), **more: Any) -> dict[str, ConllFile]:
    """Training, development and test file, the last optional; and other names under which they are found."""
    others = also or names
    return {
        split: ConllFile(path=f"{folder}/{name}", also=(f"{folder}/{other}",), optional=split == "test", **more)
        for split, name, other in zip(("train", "dev", "test"), names, others, strict=True)
    }


TASKS: tuple[ConllTask, ...] = (
    _task(
        "conll2003",
        "BIO",
        ("PER", "ORG", "LOC", "MISC"),
        _files("CoNLL2003", "eng.train", "eng.testa", "eng.testb", also=("train.txt", "valid.txt", "test.txt")),
        citation="Tjong Kim Sang and De Meulder 2003, CoNLL",
    ),
    _task(
        "wnut17",
        "BIO",
        ("corporation", "creative-work", "group", "location", "person", "product"),
        _files(
            "WNUT17",
            "wnut17train.conll",
            "emerging.dev.conll",
            "emerging.test.annotated",
            also=("train.conll", "dev.conll", "test.conll"),
        ),
        citation="Derczynski et al. 2017, W-NUT",
    ),
    _task(
        "resume-ner",
        "BIOES",
        ("NAME", "CONT", "RACE", "TITLE", "EDU", "ORG", "PRO", "LOC"),
        # One line of the training file has lost its character.
        _files("ResumeNER", "train.char.bmes", "dev.char.bmes", "test.char.bmes", skip_malformed=True),
        options={"words": "characters"},
        citation="Zhang and Yang 2018, ACL",
    ),
)
