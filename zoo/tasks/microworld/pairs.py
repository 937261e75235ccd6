"""Minimal pairs of the microworld: sentences that differ in one thing, which its running text teaches.

Acceptable sentences belong to the development split, so none of them is in the text; only facts may be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from zoo.core.errors import ZooError
from zoo.tasks.microworld.grammar import Clause, Statement, Wording, phrases, pronoun, say, state
from zoo.tasks.microworld.lexicon import ALIVE, CATEGORIES, COMPANY, PRONOUNS, REACTIONS, TIMES, Noun, Verb
from zoo.tasks.microworld.morphology import article
from zoo.tasks.microworld.narrator import Narrator
from zoo.tasks.minimal_pairs import MinimalPair

Pair: TypeAlias = tuple[str, str] | None
"""An acceptable and an unacceptable sentence; None if what was drawn makes no pair."""

MOST_TRIES = 20_000
"""After so many attempts in a row without a new pair, a phenomenon is taken to hold no more."""


@dataclass(frozen=True)
class Phenomenon:
    """What pairs test, by field of linguistics and term, and the function that makes one."""

    field: str
    term: str
    make: Callable[[Narrator], Pair]


def pairs(n: int, seed: int) -> tuple[MinimalPair, ...]:
    """`n` different pairs of each phenomenon; the same seed gives the same pairs everywhere.

    Raises ZooError if the world holds fewer.
    """
    return tuple(pair for name in PHENOMENA for pair in _pairs_of(name, n, seed))


def _pairs_of(name: str, n: int, seed: int) -> list[MinimalPair]:
    phenomenon, narrator = PHENOMENA[name], Narrator("dev", "pairs", name, seed)
    made: dict[tuple[str, str], MinimalPair] = {}
    tries = 0
    while len(made) < n:
        tries += 1
        pair = phenomenon.make(narrator)
        if pair is not None and pair[0] != pair[1] and pair not in made:
            made[pair] = MinimalPair(*pair, name, phenomenon.term, phenomenon.field)
            tries = 0
        elif tries > MOST_TRIES:
            raise ZooError(f"the microworld holds no more than {len(made)} pairs of {name}; ask for fewer")
    return list(made.values())


def _active(narrator: Narrator, clause: Clause, fronted: float = 0.0, inside: float = 0.0) -> Wording:
    return narrator.wording(clause, passive=0.0, fronted=fronted, inside=inside)


def _verb_number(narrator: Narrator) -> Pair:
    clause = narrator.clause()
    wording = _active(narrator, clause)
    return say(clause, wording), say(clause, wording, agree=False)


def _verb_number_after_place(narrator: Narrator) -> Pair:
    """The place, in the singular, stands before a subject in the plural."""
    clause = replace(narrator.clause(cast="transitive", placed=True), subject_plural=True)
    wording = _active(narrator, clause, fronted=1.0)
    return say(clause, wording), say(clause, wording, agree=False)


def _verb_number_across_place(narrator: Narrator) -> Pair:
    """The place, in the singular, stands between a subject in the plural and its verb."""
    clause = replace(narrator.clause(cast="transitive", placed=True), subject_plural=True)
    wording = _active(narrator, clause, inside=1.0)
    return say(clause, wording), say(clause, wording, agree=False)


def _passive_number(narrator: Narrator) -> Pair:
    """The patient decides the number, while the agent has the other one."""
    clause = narrator.clause(cast="transitive", placed=True)
    clause = replace(clause, subject_plural=not clause.object_plural)
    wording = replace(narrator.wording(clause, fronted=0.0), passive=True)
    return say(clause, wording), say(clause, wording, agree=False)


def _determiner_number(narrator: Narrator) -> Pair:
    clause = narrator.clause()
    words = say(clause, replace(_active(narrator, clause), definite=False)).split()
    other = article(words[1]) if clause.subject_plural else "some"
    return " ".join(words), " ".join([other, *words[1:]])


def _article_sound(narrator: Narrator) -> Pair:
    clause = replace(narrator.clause(), subject_plural=False)
    words = say(clause, replace(_active(narrator, clause), definite=False)).split()
    return " ".join(words), " ".join([{"a": "an", "an": "a"}[words[0]], *words[1:]])


def _adjective_order(narrator: Narrator) -> Pair:
    clause = narrator.clause()
    if clause.trait is None:
        return None
    determiner, trait, noun, *rest = say(clause, _active(narrator, clause)).split()
    if determiner in ("a", "an"):  # its sound would tell
        return None
    return " ".join([determiner, trait, noun, *rest]), " ".join([determiner, noun, trait, *rest])


def _verb_order(narrator: Narrator) -> Pair:
    clause = narrator.clause(cast="transitive", placed=True)
    (_, agent), (_, verb), (_, patient), *rest = phrases(clause, _active(narrator, clause))
    end = [word for _, words in rest for word in words]
    return " ".join([*agent, *verb, *patient, *end]), " ".join([*agent, *patient, *verb, *end])


def _preposition_order(narrator: Narrator) -> Pair:
    clause = narrator.clause(cast="transitive", placed=True)
    *start, preposition, the, place, stop = say(clause, _active(narrator, clause)).split()
    return " ".join([*start, preposition, the, place, stop]), " ".join([*start, the, preposition, place, stop])


def _transitivity(narrator: Narrator) -> Pair:
    """A verb that takes no object gets one."""
    clause = narrator.clause(cast="transitive", placed=True)
    verbs = [verb for verb in narrator.verbs[False] if clause.subject.category in verb.subjects]
    return _with_other_verb(narrator, clause, verbs)


def _object_category(narrator: Narrator) -> Pair:
    """A verb whose objects are of another kind."""
    clause = narrator.clause(cast="transitive", placed=True)
    assert clause.object is not None
    kind = clause.object.category
    verbs = [v for v in narrator.verbs[True] if clause.subject.category in v.subjects and kind not in v.objects]
    return _with_other_verb(narrator, clause, verbs)


def _with_other_verb(narrator: Narrator, clause: Clause, verbs: Sequence[Verb]) -> Pair:
    if not verbs:
        return None
    wording = _active(narrator, clause)
    return say(clause, wording), say(replace(clause, verb=narrator.dice.pick(verbs)), wording)


def _animacy(narrator: Narrator) -> Pair:
    """Subject and object exchanged where the object cannot act so."""
    clause = narrator.clause(cast="transitive", placed=True)
    subject, thing = clause.subject, clause.object
    if thing is None or thing.category in clause.verb.subjects:
        return None
    clause = replace(clause, trait=None, object_plural=clause.subject_plural)
    wording = replace(_active(narrator, clause), definite=True, renamed=frozenset())
    return say(clause, wording), say(replace(clause, subject=thing, object=subject), wording)


def _place_topic(narrator: Narrator) -> Pair:
    """A place of another topic than all that happens there."""
    clause = narrator.clause(cast="transitive", placed=True)
    others = [place for topic, places in narrator.places.items() for place in places if topic != clause.subject.topic]
    wording = _active(narrator, clause)
    return say(clause, wording), say(replace(clause, place=narrator.dice.pick(others)), wording)


def _pronoun(narrator: Narrator) -> Pair:
    """The next sentence names the patient again, by the pronoun that fits, or by one that fits neither being."""
    clause = replace(narrator.clause(cast="transitive"), trait=None)
    assert clause.object is not None
    patient = clause.object, clause.object_plural
    next_one = narrator.deed(clause.subject.topic, patient)
    fitting, agents = pronoun(*patient), pronoun(clause.subject, clause.subject_plural)
    if clause.object.category not in ALIVE or agents == fitting or not next_one:
        return None
    (wrong,) = (forms[1] for name, forms in PRONOUNS.items() if name not in (fitting, agents))
    context = say(clause, _active(narrator, clause))
    good = say(next_one[0], replace(_active(narrator, next_one[0]), pronouns=frozenset({"object"}))).split()
    bad = [wrong if word == PRONOUNS[fitting][1] else word for word in good]
    return f"{context} {' '.join(good)}", f"{context} {' '.join(bad)}"


def _story_time(narrator: Narrator) -> Pair:
    """A story is told from the earliest to the latest."""
    clause = replace(narrator.clause(), trait=None)
    wording, times = _active(narrator, clause), narrator.dice.pick(TIMES)
    first, second = say(clause, wording), say(clause, narrator.reworded(clause, wording))
    early, late = (times[place] for place in sorted(narrator.dice.order(range(len(times)))[:2]))
    return f"{early} {first} {late} {second}", f"{late} {first} {early} {second}"


def _reference(narrator: Narrator) -> Pair:
    """The next sentence refers to the subject by its category, or by another that could do the same."""
    clause = replace(narrator.clause(), trait=None)
    others = [category for category in clause.verb.subjects if category != clause.subject.category]
    if not others:
        return None
    wording = replace(_active(narrator, clause), definite=True)
    good, bad = (
        _with_category(clause, name, wording) for name in (clause.subject.category, narrator.dice.pick(others))
    )
    context = say(clause, wording)
    return f"{context} {good}", f"{context} {bad}"


def _with_category(clause: Clause, category: str, wording: Wording) -> str:
    return say(replace(clause, subject=CATEGORIES[category]), replace(wording, renamed=wording.renamed - {"subject"}))


def _category_fact(narrator: Narrator) -> Pair:
    noun: Noun = narrator.dice.pick([noun for nouns in narrator.nouns.values() for noun in nouns])
    kinds = [noun.category, narrator.dice.pick([kind for kind in CATEGORIES if kind != noun.category])]
    good, bad = (f"every {noun.names[0]} is {article(kind)} {kind} ." for kind in kinds)
    return good, bad


def _polarity(narrator: Narrator) -> Pair:
    """Adverbs that accompany words of one polarity in the running text, and occur in no item of a task."""
    good = narrator.dice.chance(0.5)
    opinion = replace(narrator.statement(good, opposed=0.0).opinions[-1], negated=False)
    right, wrong = (Statement((replace(opinion, adverb=COMPANY[sense]),)) for sense in (good, not good))
    return (state(right), state(wrong)) if opinion.good == good and narrator.owns(right) else None


def _conjunction(narrator: Narrator) -> Pair:
    """Opinions alike are joined by "and", opposed ones by "but"."""
    statement = narrator.statement(narrator.dice.chance(0.5), opposed=0.5)
    if len(statement.opinions) < 2:
        return None
    words = state(statement).split()
    bad = [{"and": "but", "but": "and"}.get(word, word) for word in words]
    return " ".join(words), " ".join(bad)


def _consequence(narrator: Narrator) -> Pair:
    """What comes of something good, or of something bad."""
    statement = narrator.statement(narrator.dice.chance(0.5))
    sentence, place = state(statement), narrator.dice.pick(range(len(REACTIONS[True])))
    right, wrong = (f"{sentence} so {REACTIONS[sense][place]} ." for sense in (statement.good, not statement.good))
    return right, wrong


PHENOMENA: dict[str, Phenomenon] = {
    "verb-number": Phenomenon("morphology", "agreement", _verb_number),
    "verb-number-after-place": Phenomenon("morphology", "agreement", _verb_number_after_place),
    "verb-number-across-place": Phenomenon("morphology", "agreement", _verb_number_across_place),
    "passive-number": Phenomenon("morphology", "agreement", _passive_number),
    "determiner-number": Phenomenon("morphology", "agreement", _determiner_number),
    "article-sound": Phenomenon("morphology", "article", _article_sound),
    "adjective-order": Phenomenon("syntax", "word order", _adjective_order),
    "verb-order": Phenomenon("syntax", "word order", _verb_order),
    "preposition-order": Phenomenon("syntax", "word order", _preposition_order),
    "transitivity": Phenomenon("syntax", "argument structure", _transitivity),
    "animacy": Phenomenon("semantics", "selection", _animacy),
    "object-category": Phenomenon("semantics", "selection", _object_category),
    "place-topic": Phenomenon("semantics", "world knowledge", _place_topic),
    "category-fact": Phenomenon("semantics", "world knowledge", _category_fact),
    "polarity": Phenomenon("semantics", "collocation", _polarity),
    "category-reference": Phenomenon("discourse", "reference", _reference),
    "pronoun": Phenomenon("discourse", "reference", _pronoun),
    "story-time": Phenomenon("discourse", "temporal order", _story_time),
    "conjunction": Phenomenon("discourse", "coherence", _conjunction),
    "consequence": Phenomenon("discourse", "coherence", _consequence),
}
"""By name, from form to meaning."""
