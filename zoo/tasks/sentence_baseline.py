"""The baseline of question answering: the sentence of the text that is most like the question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer

from zoo.tasks.task import Dataset, Example, Task
from zoo.text.sentences import split_sentences


def best_sentence(dataset: Dataset, task: Task, seed: int) -> dict[str, list[Any]]:
    """By development split, the sentence nearest to each question by the cosine of TF-IDF vectors.

    Words are weighted by the texts of the train split, questions and contexts. Where a question may have no answer, the
    less like it the sentence, the likelier there is none.
    """
    training = dict.fromkeys(text for item in dataset.splits[task.train_split] for text in item.texts)
    vectors = TfidfVectorizer(token_pattern=r"\w+").fit([*training, "a"])  # never without a word
    return {split: _nearest(dataset.splits[split], vectors, task) for split in task.dev_splits}


def _nearest(items: Sequence[Example], vectors: Any, task: Task) -> list[Any]:
    places = {text: sentence_places(text) for text in dict.fromkeys(item.second or "" for item in items)}
    rows: dict[str, range] = {}
    sentences: list[str] = []
    for text, spans in places.items():
        rows[text] = range(len(sentences), len(sentences) + len(spans))
        sentences += [text[start:end] for start, end in spans]
    of_sentences, of_questions = vectors.transform(sentences), vectors.transform([item.first for item in items])
    pairs = [(number, row) for number, item in enumerate(items) for row in rows[item.second or ""]]
    asked, told = of_questions[[number for number, _ in pairs]], of_sentences[[row for _, row in pairs]]
    likeness = iter(asked.multiply(told).sum(axis=1).A1.tolist())
    made = []
    for item in items:
        text = item.second or ""
        among = [next(likeness) for _ in rows[text]]
        start, end = places[text][among.index(max(among))]
        answer = [start, text[start:end]]
        made.append([answer, -max(among)] if task.options.get("no_answer") else [answer])
    return made


def sentence_places(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text begin and end, in characters; of a text without any, its beginning."""
    visible = [place for place, character in enumerate(text) if not character.isspace()]
    lengths = [sum(not character.isspace() for character in sentence) for sentence in split_sentences(text)]
    return list(_spans(visible, filter(None, lengths))) or [(0, 0)]


def _spans(visible: Sequence[int], lengths: Iterable[int]) -> Iterable[tuple[int, int]]:
    done = 0
    for length in lengths:
        yield visible[done], visible[done + length - 1] + 1
        done += length
