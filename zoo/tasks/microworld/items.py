"""The items of the tasks; labels take turns, so that classes are balanced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from zoo.core.errors import ZooError
from zoo.tasks.microworld.grammar import Clause, Statement, phrases, pronoun, say, state
from zoo.tasks.microworld.lexicon import CATEGORIES
from zoo.tasks.microworld.narrator import Narrator
from zoo.tasks.task import Example

Form = Literal["acceptability", "sentiment", "paraphrase", "reference", "entailment", "similarity", "roles"]

ROLES = ("O", "B-agent", "I-agent", "B-patient", "I-patient", "B-place", "I-place")
"""Tags of the words of a sentence."""

SLOTS = ("subject", "verb", "object", "place")
MOST_TRIES = 20_000
"""After so many attempts in a row without a new item, the world is taken to hold no more."""


def items(form: Form, split: Literal["train", "dev"], n: int, seed: int, difficulty: float) -> tuple[Example, ...]:
    """`n` different items whose sentences belong to a split. Raises ZooError if the world holds fewer."""
    narrator = Narrator(split, form, seed)
    make, tries = _FORMS[form], 0
    made: list[Example] = []
    seen: set[frozenset[str | None]] = set()
    while len(made) < n:
        item = make(narrator, len(made), difficulty)
        texts = frozenset((item.first, item.second)) if item else frozenset()  # in either order, it is the same item
        tries += 1
        if item is not None and texts not in seen:
            seen.add(texts)
            made.append(item)
            tries = 0
        elif tries > MOST_TRIES:
            raise ZooError(f"the microworld holds no more than {len(made)} {form} items for {split}; ask for fewer")
    return tuple(made)


def _acceptability(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """A sentence as it is, or with a mistake.

    With a trap, no two neighbouring words show it: a place stands between noun and verb, or a thing acts on a being.
    Without one, neighbors are exchanged or a determiner is displaced.
    """
    dice, clause = narrator.dice, narrator.clause()
    if dice.chance(difficulty):
        return _with_distant_mistake(narrator, clause, bool(index % 2))
    good = say(clause, narrator.wording(clause, passive=0.3, fronted=0.2, inside=0.3))
    if index % 2:
        return Example(good, label=1)
    words = good.split()[:-1]
    if dice.chance(0.5):
        at = dice.pick(range(len(words) - 1))
        words[at], words[at + 1] = words[at + 1], words[at]
    else:
        at = dice.pick([place for place, word in enumerate(words) if word in ("the", "a", "an", "some")])
        words.insert(at + 1, words.pop(at))
    return Example(" ".join([*words, "."]), label=0)


def _with_distant_mistake(narrator: Narrator, clause: Clause, good: bool) -> Example | None:
    """A sentence of a form in which a mistake may be, with or without it."""
    if clause.place and narrator.dice.chance(0.5):
        wording = narrator.wording(clause, passive=0.3, inside=1.0)
        return Example(say(clause, wording, agree=good), label=int(good))
    thing = clause.object
    if thing is None or thing.category in clause.verb.subjects:
        return None
    said = clause if good else replace(clause, subject=thing, object=clause.subject, trait=None)
    wording = narrator.wording(said, passive=0.5, fronted=0.3)
    return Example(say(replace(said, trait=None), wording), label=int(good))


def _sentiment(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """One opinion or two; where they are opposed, the last decides."""
    good = bool(index % 2)
    return Example(state(narrator.statement(good, opposed=difficulty)), label=int(good))


def _paraphrase(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """Two sentences about the same beings, who do the same or not, in the active or the passive voice.

    With a trap, both sentences have the same verb, and who does it to whom decides; without one, agent and patient are
    the same, and the meaning of the verb decides, which is never the same word. Either sentence may be either of the
    two that differ, so that none of it shows alone.
    """
    same, dice, trap = bool(index % 2), narrator.dice, narrator.dice.chance(difficulty)
    clause = replace(narrator.clause(cast="mutual" if trap else "transitive"), trait=None)
    verbs = [verb for verb in narrator.verbs[True] if verb is not clause.verb]
    one, other = dice.order([clause, _reversed(clause) if trap else replace(clause, verb=dice.pick(verbs))])
    if not all(each.sensible and narrator.owns(each) for each in (one, other)):
        return None
    wording, second_wording = (narrator.wording(clause, renamed=0.0, passive=0.5) for _ in range(2))
    if not trap:
        renamed, second_renamed = dice.order([frozenset({"verb"}), frozenset()])
        wording, second_wording = replace(wording, renamed=renamed), replace(second_wording, renamed=second_renamed)
    second_wording = replace(second_wording, definite=wording.definite)
    return _pair(say(one, wording), say(one if same else other, second_wording), int(same))


def _reversed(clause: Clause) -> Clause:
    """The clause in which the patient does it to the agent."""
    assert clause.object is not None
    return replace(
        clause,
        subject=clause.object,
        object=clause.subject,
        subject_plural=clause.object_plural,
        object_plural=clause.subject_plural,
        trait=None,
    )


def _reference(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """Two sentences, the second with a pronoun; then the second with a being of the first in place of the pronoun.

    The label is whether it is the right being. With a trap, the first sentence is passive, so that the order of words
    does not tell agent from patient.
    """
    right, dice, first = bool(index % 2), narrator.dice, narrator.clause(cast="beings")
    assert first.object is not None
    beings = [(first.subject, first.subject_plural), (first.object, first.object_plural)]
    if pronoun(*beings[0]) == pronoun(*beings[1]):
        return None
    meant, other = dice.order(beings)
    readings = narrator.deed(first.subject.topic, meant, other)
    if not readings:
        return None
    first = replace(first, trait=None)
    context = say(first, narrator.wording(first, passive=difficulty))
    wording = narrator.wording(readings[0], renamed=0.0, passive=0.3)
    with_pronoun = say(readings[0], replace(wording, pronouns=frozenset({"object"})))
    with_name = say(readings[0 if right else 1], replace(wording, definite=True))
    return _pair(f"{context} {with_pronoun}", with_name, int(right))


def _similarity(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """The share of subject, verb, object and place that two sentences have in common: 0 to 1."""
    level, clause = index % 5, narrator.clause(cast="transitive", placed=True)
    plain = narrator.wording(clause, passive=0.0, fronted=0.0)
    kept = narrator.dice.order(SLOTS)[:level]
    topic = clause.subject.topic if narrator.dice.chance(difficulty) else None
    other = _mixed(narrator, clause, kept, narrator.clause(topic, "transitive", placed=True))
    if other is None or _n_common(clause, other) != level:
        return None
    return _pair(say(clause, plain), say(other, narrator.reworded(other, plain)), level / 4)


def _entailment(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """A sentence, and one that follows from it or not.

    With a trap, an opinion and another word for it or for its opposite, either of which may be negated. Without one, a
    deed and the same in general: the agent by its category or by another one, or agent and patient reversed.
    """
    entailed = bool(index % 2)
    if narrator.dice.chance(difficulty):
        return _entailed_opinion(narrator, entailed)
    clause = replace(narrator.clause(cast="transitive"), trait=None)
    other = _not_entailed(narrator, clause)
    if other is None:
        return None
    hypothesis = replace(clause, subject=CATEGORIES[clause.subject.category]) if entailed else other
    if not narrator.owns(hypothesis):
        return None
    wording = narrator.wording(clause, passive=0.5)
    second_wording = replace(narrator.wording(hypothesis, passive=0.5), renamed=wording.renamed, definite=True)
    return _pair(say(clause, wording), say(hypothesis, second_wording), int(entailed))


def _not_entailed(narrator: Narrator, clause: Clause) -> Clause | None:
    """The clause in general, but with another category as its agent, or with agent and patient reversed."""
    if narrator.dice.chance(0.5):
        turned = _reversed(clause)
        return replace(turned, object=CATEGORIES[clause.subject.category]) if turned.sensible else None
    others = [category for category in clause.verb.subjects if category != clause.subject.category]
    return replace(clause, subject=CATEGORIES[narrator.dice.pick(others)]) if others else None


def _entailed_opinion(narrator: Narrator, entailed: bool) -> Example | None:
    """Two opinions of one thing, in different words: both good or both bad if the second follows, else opposed."""
    good = narrator.dice.chance(0.5)
    one = narrator.statement(good, opposed=0.0).opinions[-1]
    other = narrator.statement(good == entailed, [one.noun], opposed=0.0).opinions[-1]
    if one.verdict is other.verdict or not all(narrator.owns(Statement((opinion,))) for opinion in (one, other)):
        return None
    first, second = (state(Statement((replace(opinion, plural=one.plural, adverb=""),))) for opinion in (one, other))
    return _pair(first, second, int(entailed))


def _roles(narrator: Narrator, index: int, difficulty: float) -> Example | None:
    """Who does it, to whom, and where: a tag per word. With a trap, word order says the opposite of the roles."""
    clause = narrator.clause()
    trap = narrator.dice.chance(difficulty)
    parts = phrases(clause, narrator.wording(clause, passive=float(trap), fronted=0.3))
    names = [f"{'I' if place else 'B'}-{role}" if role else "O" for role, words in parts for place in range(len(words))]
    return Example(" ".join(word for _, words in parts for word in words), None, tuple(map(ROLES.index, names)))


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
    "reference": _reference,
    "entailment": _entailment,
    "similarity": _similarity,
    "roles": _roles,
}
