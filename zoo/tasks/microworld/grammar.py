"""What a sentence means, kept apart from how it is worded."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.tasks.microworld.lexicon import Concept, Noun, Place, Trait, Verb, Verdict
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
    """How a clause is said: which slots by their second name, by which articles, in which order."""

    renamed: frozenset[str] = frozenset()
    definite: bool = True
    passive: bool = False
    fronted: bool = False


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

    trait = (name("trait"),) if clause.trait else ()
    agent = _noun_phrase(trait, name("subject"), clause.subject_plural, wording.definite)
    verb = name("verb")
    if clause.object is None:
        core = [("agent", agent), ("", [verb if clause.subject_plural == agree else third_person(verb)])]
    else:
        patient = _noun_phrase((), name("object"), clause.object_plural, wording.definite)
        if wording.passive:
            be = "are" if clause.object_plural == agree else "is"
            core = [("patient", patient), ("", [be, participle(verb), "by"]), ("agent", agent)]
        else:
            acts = verb if clause.subject_plural == agree else third_person(verb)
            core = [("agent", agent), ("", [acts]), ("patient", patient)]
    where = [("", [clause.preposition]), ("place", ["the", name("place")])] if clause.place else []
    return [*where, *core, ("", ["."])] if wording.fronted else [*core, *where, ("", ["."])]


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


def _noun_phrase(traits: tuple[str, ...], noun: str, many: bool, definite: bool) -> list[str]:
    words = [*traits, plural(noun) if many else noun]
    determiner = "the" if definite else "some" if many else article(words[0])
    return [determiner, *words]
