"""SuperGLUE (Wang et al. 2019, NeurIPS), from its JSON lines, without ReCoRD, whose answers are none of our kinds.

Texts are joined as the paper's BERT baselines join them (section 4): COPA's question is put into words, each of
MultiRC's answers is read after its question, and WiC reads the marked words beside the whole sequence. So does WSC
here, where the paper has a model of spans alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError
from zoo.tasks.averages import Average, Term
from zoo.tasks.files import SplitFile
from zoo.tasks.glue import CONTRADICTS, ENTAILS, NOT_ENTAILS, THREE_WAY, TWO_WAY
from zoo.tasks.objects import ObjectsTask, Row
from zoo.tasks.task import Dataset, Example

FALSE_TRUE = ("false", "true")
QUESTIONS = {"cause": "What was the cause of this?", "effect": "What happened as a result?"}
"""COPA's two questions in the words of jiant."""

PARITY = "gender-parity"
"""The share of pairs with equal predictions."""

PHENOMENA = ("lexical-semantics", "predicate-argument-structure", "logic", "knowledge")
"""The keys of the diagnostic that name phenomena, semicolons between them."""

HERE = "zoo.tasks.superglue"


def boolq(row: Row) -> Iterator[Mapping[str, Any]]:
    """A passage and a question."""
    yield {"text": row["passage"], "text_pair": row["question"], "label": row.get("label"), "id": row.get("idx")}


def entailment(row: Row) -> Iterator[Mapping[str, Any]]:
    """A premise and a hypothesis, as CB and RTE have them."""
    yield {"text": row["premise"], "text_pair": row["hypothesis"], "label": row.get("label"), "id": row.get("idx")}


def copa(row: Row) -> Iterator[Mapping[str, Any]]:
    """A premise with its question in words, and two choices."""
    if row["question"] not in QUESTIONS:
        raise ZooError(f"question should be cause or effect, and is {row['question']!r:.60}")
    text = f"{row.text('premise')} {QUESTIONS[row['question']]}"
    yield {"text": text, "choices": [row["choice1"], row["choice2"]], "label": row.get("label"), "id": row.get("idx")}


def multirc(row: Row) -> Iterator[Mapping[str, Any]]:
    """Every question of a passage, each answer after its question."""
    passage = row.row("passage")
    for question in passage.rows("questions"):
        answers = question.rows("answers")
        if unfit := [answer for answer in answers if answer.get("label") not in (0, 1, None)]:
            raise ZooError(f"the label of an answer should be 0 or 1, and is {unfit[0]['label']!r:.60}")
        known = all(answer.get("label") is not None for answer in answers)
        yield {
            "text": passage["text"],
            "choices": [f"{question.text('question')} {answer.text('text')}" for answer in answers],
            "label": [place for place, answer in enumerate(answers) if answer["label"]] if known else None,
            "id": json.dumps([row.get("idx"), question.get("idx"), [answer.get("idx") for answer in answers]]),
        }


def wic(row: Row) -> Iterator[Mapping[str, Any]]:
    """Two sentences with the same word marked."""
    spans = [[at, row.number(f"start{at + 1}"), row.number(f"end{at + 1}")] for at in (0, 1)]
    yield {
        "text": row["sentence1"],
        "text_pair": row["sentence2"],
        "spans": spans,
        "label": row.get("label"),
        "id": row.get("idx"),
    }


def wsc(row: Row) -> Iterator[Mapping[str, Any]]:
    """A text with a noun and a pronoun marked."""
    text, target = row.text("text"), row.row("target")
    spans = [[0, *_span(text, target.number(f"{at}_index"), target.text(f"{at}_text"))] for at in ("span1", "span2")]
    yield {"text": text, "spans": spans, "label": row.get("label"), "id": row.get("idx")}


def diagnostic(row: Row) -> Iterator[Mapping[str, Any]]:
    """A pair of the broad-coverage diagnostic, with the linguistic phenomena that it shows."""
    groups = [f"{key}: {name.strip()}" for key in PHENOMENA if row.get(key) for name in row.text(key).split(";")]
    pair = {"text": row["sentence1"], "text_pair": row["sentence2"], "label": row.get("label")}
    yield {**pair, "id": row.get("idx"), "groups": groups}


def _span(text: str, index: int, words: str) -> tuple[int, int]:
    """The characters of words that begin in the word of this number; punctuation around them is left out."""
    found = [match.span() for match in re.finditer(r"\S+", text)]
    last = index + max(1, len(words.split())) - 1
    if last >= len(found):
        raise ZooError(f"{words!r:.40} should begin at word {index}, and the text has {len(found)} words")
    start = text.casefold().find(words.casefold(), found[index][0])
    return (start, start + len(words)) if 0 <= start < found[index][1] else (found[index][0], found[last][1])


class SuperglueTask(ObjectsTask):
    """A task of SuperGLUE, whose predictions are written as its leaderboard takes them; `capitals` as in True."""

    capitals: bool = False

    def load(self, folder: Path | None) -> Dataset:
        """As ObjectsTask says. Raises ZooError, too, if items are no pairs where pairs are scored."""
        dataset = super().load(folder)
        if PARITY in self.metrics:
            for split in self.dev_splits:
                _refuse_no_pairs(self.find(folder)[split], dataset.splits[split])
        return dataset

    def official(self, items: Sequence[Example], predictions: Sequence[Any]) -> dict[str, str]:
        """An object per row, with its idx, or its number where it has none, and the predicted label."""
        answered = list(zip(items, predictions, strict=True))
        rows = (
            _passages(answered)
            if self.kind == "multiple-answers"
            else ({"idx": int(item.id or at), "label": self._word(made)} for at, (item, made) in enumerate(answered))
        )
        return {".jsonl": "".join(f"{json.dumps(row)}\n" for row in rows)}

    def _word(self, made: int) -> str | int:
        if not self.labels:
            return made
        return self.labels[made].capitalize() if self.capitals else self.labels[made]


def _refuse_no_pairs(path: Path, items: Sequence[Example]) -> None:
    for place, (one, other) in enumerate(zip_longest(items[::2], items[1::2])):
        if other is None or one.second != other.second:
            raise ZooError(f"{path}: item {2 * place + 1} and the next are no pair with the same hypothesis")


def _passages(answered: Iterable[tuple[Example, Any]]) -> Iterator[dict[str, Any]]:
    """MultiRC's passages, each with its questions and the label of every answer."""
    named = [(*json.loads(item.id), made) for item, made in answered]
    for idx, questions in groupby(named, key=lambda its: its[0]):
        made = [
            {"idx": question, "answers": [{"idx": idx, "label": int(at in right)} for at, idx in enumerate(answers)]}
            for _, question, answers, right in questions
        ]
        yield {"idx": idx, "passage": {"questions": made}}


def _task(name: str, folder: str, kind: str, layout: str, **fields: Any) -> SuperglueTask:
    files = {
        split: SplitFile(path=f"{folder}/{file}.jsonl", optional=split == "test")
        for split, file in (("train", "train"), ("dev", "val"), ("test", "test"))
    }
    common = {
        "name": name,
        "suite": "superglue",
        "kind": kind,
        "layout": f"{HERE}:{layout}",
        "files": files,
        "key": "idx",
    }
    return SuperglueTask.model_validate({"metrics": ("accuracy",), **common, **fields})


SEVEN = (
    _task(
        *("boolq", "BoolQ", "classification", "boolq"),
        pair=True,
        labels=FALSE_TRUE,
        citation="Clark et al. 2019, NAACL",
    ),
    _task(
        *("cb", "CB", "classification", "entailment"),
        pair=True,
        labels=THREE_WAY,
        label_aliases=(ENTAILS[1:], (), CONTRADICTS[1:]),
        metrics=("accuracy", "macro-f1"),
        citation="de Marneffe, Simons and Tonhauser 2019, Sinn und Bedeutung 23",
    ),
    _task(
        *("copa", "COPA", "multiple-choice", "copa"),
        options={"n_choices": 2},
        citation="Roemmele, Bejan and Gordon 2011, AAAI Spring Symposium",
    ),
    _task(
        *("multirc", "MultiRC", "multiple-answers", "multirc"),
        metrics=("f1a", "exact-match"),
        citation="Khashabi et al. 2018, NAACL",
    ),
    _task(
        *("superglue-rte", "RTE", "classification", "entailment"),
        pair=True,
        labels=TWO_WAY,
        label_aliases=(ENTAILS[1:], NOT_ENTAILS[1:]),
        citation="Dagan et al. 2006; Bar-Haim et al. 2006; Giampiccolo et al. 2007; Bentivogli et al. 2009",
    ),
    _task(
        *("wic", "WiC", "span-classification", "wic"),
        pair=True,
        labels=FALSE_TRUE,
        citation="Pilehvar and Camacho-Collados 2019, NAACL",
    ),
    _task(
        *("wsc", "WSC", "span-classification", "wsc"),
        labels=FALSE_TRUE,
        capitals=True,
        citation="Levesque, Davis and Morgenstern 2012, KR; as spans in Wang et al. 2019, NeurIPS",
    ),
)
"""Seven of SuperGLUE's eight tasks."""

DIAGNOSTICS = tuple(
    SuperglueTask(
        name=name,
        suite="superglue",
        kind="classification",
        layout=f"{HERE}:{layout}",
        files={"dev": SplitFile(path=f"{folder}/{folder}.jsonl")},
        key="idx",
        pair=True,
        labels=TWO_WAY,
        label_aliases=(ENTAILS[1:], NOT_ENTAILS[1:]),
        metrics=metrics,
        trained_on="superglue-rte",
        citation=citation,
    )
    for name, folder, layout, metrics, citation in (
        ("ax-b", "AX-b", "diagnostic", ("matthews",), "Wang et al. 2019, NeurIPS, section 3.3"),
        ("ax-g", "AX-g", "entailment", ("accuracy", PARITY), "Rudinger et al. 2018, NAACL"),
    )
)
"""What models of its RTE also answer; the pairs of AX-g, as its file has them, differ in a pronoun's gender."""

TASKS = (*SEVEN, *DIAGNOSTICS)

AVERAGES = (
    Average(
        name="superglue-without-record",
        source="after Wang et al. 2019, NeurIPS, section 3",
        note="the mean of seven tasks, the metrics of a task averaged first; the paper's has ReCoRD as its eighth",
        terms=tuple(Term(task=task.name) for task in SEVEN),
    ),
)
