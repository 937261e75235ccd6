"""SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016 and 2018) in the layout of their official JSON files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from zoo.core.errors import ZooError
from zoo.core.files import read_regular
from zoo.core.json_files import read_object
from zoo.tasks.files import FilesTask, SplitFile
from zoo.tasks.kinds import task_kind
from zoo.tasks.kinds.question_answering import QuestionAnswering
from zoo.tasks.task import Dataset, Example, content_hash

LARGEST = 1_000_000_000
"""The most bytes of a file; SQuAD's largest has 42 MB."""

PREDICTIONS, NO_ANSWER = ".json", ".na_prob.json"
"""How the names of the files that the official evaluation reads end here: texts by id, and chances of no answer."""


class _Layout(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Answer(_Layout):
    text: str
    answer_start: int


class _Question(_Layout):
    id: str
    question: str
    answers: list[_Answer] | None = None
    is_impossible: bool = False


class _Paragraph(_Layout):
    context: str
    qas: list[_Question]


class _Article(_Layout):
    title: str = ""
    paragraphs: list[_Paragraph]


class _File(_Layout):
    data: list[_Article]


class SquadFile(SplitFile):
    """One split's file, or some of its articles: those from `first_article` on, `n_articles` of them or all."""

    first_article: int = 0
    n_articles: int | None = None


class _Asked(NamedTuple):
    """A question with its text, and where in the file it is."""

    where: str
    context: str
    question: _Question


class SquadTask(FilesTask):
    """Questions on paragraphs of articles, in files of SQuAD's layout, and predictions in that of its evaluation."""

    kind: str = "question-answering"
    pair: bool = True
    files: Mapping[str, SquadFile]

    def load(self, folder: Path | None) -> Dataset:
        """Read every split that is there.

        Raises ZooError with the file, and where in it, if a file is missing or malformed.
        """
        notes: list[str] = []
        splits = {split: self._read(self.files[split], path, notes) for split, path in self.find(folder).items()}
        return Dataset(splits=splits, content_hash=content_hash(splits), notes=tuple(notes))

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of all articles of one file, with answers or without. Raises ZooError as `load` does."""
        return self._read(SquadFile(path=str(path)), path, [])

    def _read(self, file: SquadFile, path: Path, notes: list[str]) -> tuple[Example, ...]:
        end = None if file.n_articles is None else file.first_article + file.n_articles
        asked = list(_questions(_parsed(path).data[file.first_article : end], file.first_article, path))
        if not asked:
            raise ZooError(f"{path} holds no questions" + " in these articles" * bool(file.first_article or end))
        moved: list[str] = []
        items = tuple(self._item(each, moved) for each in asked)
        if moved:
            notes.append(
                f"{file.path}: {len(moved)} answers are not where they are said to begin; the nearest are taken"
            )
        if len(unlabelled := [item for item in items if item.label is None]) not in (0, len(items)):
            raise ZooError(
                f"{path}: {len(unlabelled)} of {len(items)} questions have no field answers; all have it or none"
            )
        return items

    def _item(self, asked: _Asked, moved: list[str]) -> Example:
        where, context, question = asked
        if question.answers is None:
            return Example(question.question, context, id=question.id)
        if question.answers and question.is_impossible:
            raise ZooError(f"{where}: the question is impossible, and yet has answers")
        if not question.answers and not self._answering.no_answer:
            raise ZooError(f"{where}: the question has no answer, and task {self.name!r} needs one; squad2 needs none")
        label = tuple(_placed(answer, context, where, moved) for answer in question.answers)
        return Example(question.question, context, label, id=question.id)

    @property
    def _answering(self) -> QuestionAnswering:
        kind = task_kind(self)
        assert isinstance(kind, QuestionAnswering)
        return kind

    def official(self, items: Sequence[Example], predictions: Sequence[Any]) -> dict[str, str]:
        """Texts by id, empty where there is no answer; and where there may be none, the chances of that by id."""
        kind = self._answering
        texts = {
            item.id: "" if kind.is_none(made) else made[0][1] for item, made in zip(items, predictions, strict=True)
        }
        files = {PREDICTIONS: json.dumps(texts, ensure_ascii=False, indent=1) + "\n"}
        if kind.no_answer:
            chances = {item.id: _chance(made[-1]) for item, made in zip(items, predictions, strict=True)}
            files[NO_ANSWER] = json.dumps(chances, indent=1) + "\n"
        return files

    def read_official(self, path: Path, items: Sequence[Example]) -> list[Any]:
        """Predictions from a file of texts by id, and of one of chances of no answer if it lies beside it.

        Raises ZooError if one is malformed, or lacks a question.
        """
        texts = _by_id(path, items, str, "a text")
        made: list[Any] = [[[max(0, (item.second or "").find(texts[item.id])), texts[item.id]]] for item in items]
        beside = path.with_suffix(NO_ANSWER)
        if not self._answering.no_answer:
            return made
        chances = _by_id(beside, items, float, "a number") if beside.is_file() else {item.id: 0.5 for item in items}
        return [[*answer, _log_odds(chances[item.id])] for item, answer in zip(items, made, strict=True)]


def _parsed(path: Path) -> _File:
    content = read_regular(path, LARGEST)
    if not content.strip():
        raise ZooError(f"{path} is empty; it should hold the JSON of SQuAD, an object with the list data")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ZooError(
            f"{path}:{line}: byte {error.start + 1} of the file, {content[error.start]:#04x}, is not UTF-8"
        ) from None
    try:
        return _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = "is missing" if first["type"] == "missing" else first["msg"][0].lower() + first["msg"][1:200]
        raise ZooError(f"{path}: {_place(first['loc'])}{said}") from None


def _place(steps: Sequence[str | int]) -> str:
    """Where in a file, as data[3].paragraphs[0]."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return f"{words.removeprefix('.')}: " if words else ""


def _questions(articles: Sequence[_Article], first: int, path: Path) -> Iterator[_Asked]:
    """In order. Raises ZooError if an id is given twice."""
    seen: dict[str, str] = {}
    for number, article in enumerate(articles, first):
        for place, paragraph in enumerate(article.paragraphs):
            for index, question in enumerate(paragraph.qas):
                where = f"data[{number}].paragraphs[{place}].qas[{index}]"
                if (before := seen.setdefault(question.id, where)) != where:
                    raise ZooError(f"{path}: {where}: the id {question.id!r:.60} is that of {before} too")
                yield _Asked(f"{path}: {where}", paragraph.context, question)


def _placed(answer: _Answer, context: str, where: str, moved: list[str]) -> tuple[int, str]:
    """Where an answer lies. Raises ZooError if it is nowhere in its context."""
    start, text = answer.answer_start, answer.text
    if not text.strip():
        raise ZooError(f"{where}: an answer is empty")
    if start >= 0 and context.startswith(text, start):
        return start, text
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    if not places:
        raise ZooError(f"{where}: the answer {text!r:.60} is not in its context, at character {start} or elsewhere")
    moved.append(where)
    return min(places, key=lambda place: abs(place - start)), text


def _by_id(path: Path, items: Sequence[Example], kind: type, what: str) -> dict[str, Any]:
    """A value of this kind for each question."""
    found = read_object(path)
    missing = [item.id for item in items if item.id not in found]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ZooError(f"{path}: has no prediction for question {missing[0]!r:.60}{more}")
    for item in items:
        value = found[item.id]
        if isinstance(value, bool) or not isinstance(value, kind | int if kind is float else kind):
            raise ZooError(f"{path}: predicts {value!r:.60} for question {item.id!r:.60}, which is not {what}")
    return found


def _chance(margin: float) -> float:
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, margin))))


def _log_odds(chance: float) -> float:
    """Back from a chance; any other number, which ranks as well, is taken as it is."""
    return math.log(chance / (1 - chance)) if 0 < chance < 1 else float(chance)


def _files(version: str) -> dict[str, SquadFile]:
    return {
        split: SquadFile(path=f"squad/{split}-{version}.json", also=(f"{split}-{version}.json",))
        for split in ("train", "dev")
    }


_DEV = SquadFile(path="squad/dev-v1.1.json", also=("dev-v1.1.json",))

TASKS = (
    SquadTask(
        name="squad",
        suite="squad",
        metrics=("exact-match", "f1"),
        files=_files("v1.1"),
        citation="Rajpurkar et al. 2016, EMNLP",
    ),
    SquadTask(
        name="squad2",
        suite="squad",
        options={"no_answer": True},
        metrics=("best-exact-match", "best-f1"),
        files=_files("v2.0"),
        citation="Rajpurkar, Jia and Liang 2018, ACL",
    ),
    # The development file alone, for those who have no other: its first 40 articles to learn from, its last 8 to score.
    SquadTask(
        name="squad-by-article",
        suite="squad",
        metrics=("exact-match", "f1"),
        files={
            "train": _DEV.model_copy(update={"n_articles": 40}),
            "dev": _DEV.model_copy(update={"first_article": 40}),
        },
        citation="Rajpurkar et al. 2016, EMNLP; its development set, divided by article",
    ),
)
