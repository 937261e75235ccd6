"""What a sentence means, kept apart from how it is worded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.tasks.microworld.lexicon import PRONOUNS, Concept, Noun, Place, Trait, Verb, Verdict
from zoo.tasks.microworld.morphology import article, participle, plural, third_person


def key_of(*said: Concept | None) -> str:
    """The names of what a clause is about, in alphabetical order."""
    return " ".join(sorted(concept.names[0] for concept in said if concept))


@dataclass(frozen=True, slots=True)
class Clause:
    """Who does what, to whom, and where; the trait is the subject's."""

    subject: Noun
    verb: Verb
    object: Noun | None
    place: Place | None
    trait: Trait | None
    subject_plural: bool
    object_plural: bool
    preposition: str

    @property
    def key(self) -> str:
        """What all wordings of this clause have in common, and its reversal too: who, what and where."""
        return key_of(self.subject, self.verb, self.object, self.place)

    @property
    def sensible(self) -> bool:
        """Whether subject and object are of the kinds that the verb takes."""
        if self.object is None:
            return self.subject.category in self.verb.subjects and not self.verb.objects
        fits = self.subject.category in self.verb.subjects and self.object.category in self.verb.objects
        return fits and self.subject is not self.object


@dataclass(frozen=True, slots=True)
class Wording:
    """How a clause is said: which slots by their second name or by a pronoun, by which articles, in which order.

    The place comes first, last, or inside: after the noun that the verb agrees with.
    """

    renamed: frozenset[str] = frozenset()
    pronouns: frozenset[str] = frozenset()
    definite: bool = True
    passive: bool = False
    place: Literal["first", "inside", "last"] = "last"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is thought of one kind of being or thing."""

    noun: Noun
    plural: bool
    verdict: Verdict
    negated: bool
    adverb: str

    @property
    def good(self) -> bool:
        """Whether it is well thought of."""
        return self.verdict.good != self.negated


@dataclass(frozen=True, slots=True)
class Statement:
    """One opinion, or two joined by 'and' (alike) or 'but' (opposed); the last one decides."""

    opinions: tuple[Opinion, ...]

    @property
    def good(self) -> bool:
        """The sentiment of the whole."""
        return self.opinions[-1].good

    @property
    def key(self) -> str:
        """What all wordings of this statement have in common: which verdicts are on what."""
        return " ".join(sorted(f"{o.noun.names[0]}:{o.verdict.names[0]}" for o in self.opinions))


def say(clause: Clause, wording: Wording = Wording(), agree: bool = True) -> str:
    """The sentence, words and final stop apart by spaces; without agreement the verb has the wrong number."""
    return " ".join(word for _, words in phrases(clause, wording, agree) for word in words)


def phrases(clause: Clause, wording: Wording = Wording(), agree: bool = True) -> list[tuple[str, list[str]]]:
    """The sentence phrase by phrase, each with the role that it plays, or with none."""

    def name(slot: str) -> str:
        names: tuple[str, ...] = getattr(clause, slot).names
        return names[-1] if slot in wording.renamed else names[0]

    def who(slot: str, noun: Noun, many: bool, is_subject: bool) -> list[str]:
        if slot in wording.pronouns:
            return [PRONOUNS[pronoun(noun, many)][0 if is_subject else 1]]
        traits = [name("trait")] if slot == "subject" and clause.trait else []
        words = [*traits, plural(name(slot)) if many else name(slot)]
        return ["the" if wording.definite else "some" if many else article(words[0]), *words]

    passive = wording.passive and clause.object is not None
    agent = ("agent", who("subject", clause.subject, clause.subject_plural, not passive))
    verb = name("verb")
    acts = ("", [verb if clause.subject_plural == agree else third_person(verb)])
    core = [agent, acts]
    if clause.object is not None:
        patient = ("patient", who("object", clause.object, clause.object_plural, passive))
        be = "are" if clause.object_plural == agree else "is"
        core = [patient, ("", [be, participle(verb), "by"]), agent] if passive else [agent, acts, patient]
    if clause.place:
        at = {"first": 0, "inside": 1, "last": len(core)}[wording.place]
        core[at:at] = [("", [clause.preposition]), ("place", ["the", name("place")])]
    return [*core, ("", ["."])]


def pronoun(noun: Noun, many: bool) -> str:
    """What one or several of a kind are called once they are known, as a subject."""
    return "they" if many else "she" if noun.category == "person" else "it"


def state(statement: Statement) -> str:
    """The sentence that says a statement."""
    first, last = statement.opinions[0], statement.opinions[-1]
    joint = "and" if first.good == last.good else "but"
    return f" {joint} ".join(_opine(opinion) for opinion in statement.opinions) + " ."


def _opine(opinion: Opinion) -> str:
    noun = opinion.noun.names[0]
    subject = f"the {plural(noun)} are" if opinion.plural else f"the {noun} is"
    words = (subject, "not" if opinion.negated else opinion.adverb, opinion.verdict.names[0])
    return " ".join(word for word in words if word)
