"""The items of the six tasks, classes and levels in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from zoo.core.errors import ZooError
from zoo.tasks.microworld.grammar import Clause, phrases, say, state
from zoo.tasks.microworld.lexicon import CATEGORIES
from zoo.tasks.microworld.narrator import Narrator
from zoo.tasks.task import Example

Form = Literal["acceptability", "sentiment", "paraphrase", "similarity", "entailment", "roles"]

ROLES = ("O", "B-agent", "I-agent", "B-patient", "I-patient", "B-place", "I-place")
"""Tags of the words of a sentence."""

SLOTS = ("subject", "verb", "object", "place")
MOST_TRIES = 20_000
"""Attempts in a row that bring nothing new, after which the world is taken to hold no more items."""


def items(form: Form, split: Literal["train", "dev"], n: int, seed: int, difficulty: float) -> tuple[Example, ...]:
    """`n` different items that are at home in a split. Raises ZooError if the world holds fewer."""
    narrator = Narrator(split, form, seed)
    make, tries = _FORMS[form], 0
    made: list[Example] = []
    seen: set[frozenset[str | None]] = set()
    while len(made) < n:
        item = make(narrator, len(made), difficulty)
        twins = frozenset((item.first, item.second)) if item else frozenset()
        tries += 1
        if item is not None and twins not in seen:
            seen.add(twins)
            made.append(item)
            tries = 0
        elif tries > MOST_TRIES:
            raise ZooError(f"the microworld holds no more than {len(made)} {form} items for {split}; ask for fewer")
    return tuple(made)


def _acceptability(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """A sentence as it is, or with the wrong number of its verb, neighbours exchanged, or a determiner displaced."""
    dice, clause = narrator.dice, narrator.clause()
    wording = narrator.wording(clause, passive=0.2, fronted=0.3)
    good = say(clause, wording)
    if index % 2:
        return Example(good, label=1)
    if dice.chance(difficulty):
        return Example(say(clause, wording, agree=False), label=0)
    words = good.split()[:-1]
    if dice.chance(0.5):
        at = dice.pick(range(len(words) - 1))
        words[at], words[at + 1] = words[at + 1], words[at]
    else:
        at = dice.pick([place for place, word in enumerate(words) if word in ("the", "a", "an", "some")])
        words.insert(at + 1, words.pop(at))
    return Example(" ".join([*words, "."]), label=0)


def _sentiment(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """One opinion or two; where they are opposed, the last decides."""
    good = bool(index % 2)
    return Example(state(narrator.statement(good, opposed=difficulty)), label=int(good))


def _paraphrase(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """A sentence with itself in other words, the verb always another; or with one that has another meaning.

    The easy negatives differ in two slots or more. In the others only the verb has another meaning, so that nothing
    but knowing which verbs mean the same tells them from paraphrases.
    """
    same, clause = bool(index % 2), narrator.clause()
    other: Clause | None = clause
    if not same:
        trap = narrator.dice.chance(difficulty)
        kept = ["subject", "object", "place"] if trap else []
        other = _mixed(narrator, clause, kept, narrator.clause(clause.subject.topic))
        if other is None or other.verb is clause.verb or (not trap and _n_common(clause, other)):
            return None
    assert other is not None
    plain = narrator.wording(clause, passive=0.0, fronted=0.0)
    reworded = narrator.reworded(other, plain)
    renamed = (plain.renamed ^ {"verb"}) & {"verb"} | reworded.renamed - {"verb"}
    return _pair(say(clause, plain), say(other, replace(reworded, renamed=renamed)), int(same))


def _similarity(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """The share of subject, verb, object and place that two sentences have in common: 0 to 1."""
    level, clause = index % 5, narrator.clause(full=True)
    plain = narrator.wording(clause, passive=0.0, fronted=0.0)
    kept = narrator.dice.order(SLOTS)[:level]
    topic = clause.subject.topic if narrator.dice.chance(difficulty) else None
    other = _mixed(narrator, clause, kept, narrator.clause(topic, full=True))
    if other is None or _n_common(clause, other) != level:
        return None
    return _pair(say(clause, plain), say(other, narrator.reworded(other, plain)), level / 4)


def _entailment(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """A sentence and one that says less: the subject's category, no place or no trait; or another of these."""
    entailed, clause = bool(index % 2), narrator.clause()
    hypothesis = _less(narrator, clause) if entailed else _otherwise(narrator, clause, difficulty)
    if hypothesis is None or not narrator.owns(hypothesis):
        return None
    premise = narrator.wording(clause, passive=0.0, fronted=0.0)
    return _pair(say(clause, premise), say(hypothesis, replace(premise, definite=True)), int(entailed))


def _roles(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """Who does it, to whom, and where: a tag per word. With a trap, word order says the opposite of the roles."""
    clause = narrator.clause()
    trap = narrator.dice.chance(difficulty)
    parts = phrases(clause, narrator.wording(clause, passive=float(trap), fronted=0.3))
    names = [f"{'I' if place else 'B'}-{role}" if role else "O" for role, words in parts for place in range(len(words))]
    return Example(" ".join(word for _, words in parts for word in words), None, tuple(map(ROLES.index, names)))


def _less(narrator: Narrator, clause: Clause) -> Clause | None:
    less = [replace(clause, subject=CATEGORIES[clause.subject.category], trait=None)] * 2
    less += [replace(clause, place=None)] if clause.place else []
    less += [replace(clause, trait=None)] if clause.trait else []
    return narrator.dice.pick(less)


def _otherwise(narrator: Narrator, clause: Clause, difficulty: float) -> Clause | None:
    others = [category for category in clause.verb.subjects if category != clause.subject.category]
    options = [replace(clause, subject=CATEGORIES[other], trait=None) for other in others[:2]]
    topic = clause.subject.topic
    if clause.place:
        options.append(
            replace(clause, place=narrator.dice.pick([p for p in narrator.places[topic] if p != clause.place]))
        )
    if clause.trait:
        options.append(replace(clause, trait=narrator.dice.pick([t for t in narrator.traits if t != clause.trait])))
    return narrator.dice.pick(options) if options else None


def _mixed(narrator: Narrator, clause: Clause, kept: list[str], other: Clause) -> Clause | None:
    """The other clause with some slots of this one; None if that makes no sense.

    Numbers and preposition stay, so that they tell nothing; a trait goes with its subject.
    """
    mixed = replace(
        other,
        **{slot: getattr(clause, slot) for slot in kept},
        trait=clause.trait if "subject" in kept else None,
        subject_plural=clause.subject_plural,
        object_plural=clause.object_plural,
        preposition=clause.preposition,
    )
    shapes = [(bool(c.object), bool(c.place)) for c in (clause, mixed)]
    return mixed if shapes[0] == shapes[1] and mixed.sensible and narrator.owns(mixed) else None


def _n_common(one: Clause, other: Clause) -> int:
    return sum(getattr(one, slot) is not None and getattr(one, slot) is getattr(other, slot) for slot in SLOTS)


def _pair(first: str, second: str, label: int | float) -> Example | None:
    return None if first == second else Example(first, second, label)


_FORMS: dict[Form, Callable[[Narrator, int, float], Example | None]] = {
    "acceptability": _acceptability,
    "sentiment": _sentiment,
    "paraphrase": _paraphrase,
    "similarity": _similarity,
    "entailment": _entailment,
    "roles": _roles,
}
