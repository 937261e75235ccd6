"""Running text of the microworld, for pre-training."""

from __future__ import annotations

from dataclasses import replace

from zoo.tasks.microworld.grammar import say, state
from zoo.tasks.microworld.lexicon import CATEGORIES, REACTIONS, TOPICS
from zoo.tasks.microworld.morphology import article, plural
from zoo.tasks.microworld.narrator import Narrator


def documents(n: int, seed: int, sentences_per_document: int = 8) -> list[list[str]]:
    """`n` documents, each on one topic; the same seed gives the same text everywhere."""
    narrator = Narrator("text", seed)
    return [_document(narrator, sentences_per_document) for _ in range(n)]


def _document(narrator: Narrator, length: int) -> list[str]:
    topic = narrator.dice.pick(TOPICS)
    sentences: list[str] = []
    while len(sentences) < length:
        sentences += narrator.dice.pick(_UNITS)(narrator, topic)
    return sentences[:length]


def _event(narrator: Narrator, topic: str) -> list[str]:
    """What happens; often once more in other words, sometimes in more general ones."""
    dice, clause = narrator.dice, narrator.clause(topic)
    wording = narrator.wording(clause, passive=0.2, fronted=0.3)
    told = [say(clause, wording)]
    if dice.chance(0.7):
        told.append(say(clause, narrator.reworded(clause, wording)))
    if dice.chance(0.3):
        general = replace(clause, subject=CATEGORIES[clause.subject.category], trait=None)
        if narrator.owns(general):
            told.append(say(general, replace(wording, definite=True)))
    return told


def _judgement(narrator: Narrator, topic: str) -> list[str]:
    """What is thought of something, and often what comes of it."""
    statement = narrator.statement(narrator.dice.chance(0.5), topic)
    told = [state(statement)]
    if narrator.dice.chance(0.7):
        told.append(f"so {narrator.dice.pick(REACTIONS[statement.good])} .")
    return told


def _fact(narrator: Narrator, topic: str) -> list[str]:
    """What kind of thing something is."""
    noun = narrator.dice.pick(narrator.nouns[topic])
    name, category = noun.names[0], noun.category
    if narrator.dice.chance(0.5):
        return [f"every {name} is {article(category)} {category} ."]
    return [f"{plural(name)} are {plural(category)} ."]


_UNITS = (_event, _event, _event, _event, _judgement, _judgement, _fact)
