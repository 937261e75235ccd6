"""Who makes up what is said: chances, the part of the world that is one's own, and clauses and statements from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from random import Random
from typing import Literal, TypeVar

from zoo.tasks.microworld.grammar import Clause, Opinion, Statement, Wording, key_of
from zoo.tasks.microworld.lexicon import (
    ADVERBS,
    ALIVE,
    COMPANY,
    NOUNS,
    PLACES,
    PREPOSITIONS,
    TOPICS,
    TRAITS,
    VERBS,
    VERDICTS,
    Concept,
    Noun,
    Place,
    Verb,
)

Home = Literal["text", "train", "dev"]
T = TypeVar("T")
C = TypeVar("C", bound=Concept)

Cast = Literal["intransitive", "transitive", "beings", "mutual"]
"""Who takes part: one alone; two; two beings; or two who may also do it the other way round."""

_CASTS: tuple[Cast, ...] = ("intransitive", "transitive", "beings", "mutual")

_Roles = tuple[Verb, tuple[str, ...], tuple[str, ...]]
"""A verb, and the categories of who does it, and to whom."""

TRIES = 30
"""Attempts to find what someone does, before something else is told."""

SLOTS = ("trait", "subject", "verb", "object", "place")
_HOMES: tuple[Home, ...] = ("text", "text", "train", "dev")


@cache
def home(key: str) -> Home:
    """The only place where sentences with this key may be met: a fixed quarter of all keys is kept for each split."""
    return _HOMES[blake2b(key.encode(), digest_size=1).digest()[0] % len(_HOMES)]


@cache
def home_of(*said: Concept | None) -> Home:
    """Where a clause about these is at home; the same few are drawn again and again."""
    return home(key_of(*said))


class Dice:
    """Seeded choices, from `Random.random` alone: the one stream that Python promises never to change."""

    def __init__(self, *seed: object) -> None:
        digest = blake2b(repr(seed).encode(), digest_size=8).digest()
        self.random = Random(int.from_bytes(digest, "big")).random

    def chance(self, probability: float) -> bool:
        """True as often as this."""
        return self.random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[int(self.random() * len(options))]

    def order(self, options: Sequence[T]) -> list[T]:
        """All the options in random order."""
        random = self.random
        return sorted(options, key=lambda _: random())


class _Kinds(dict[tuple[str, tuple[str, ...], Noun | None], list[list[Noun]]]):
    """The nouns of a topic but for one, by some categories, made when they are first asked for."""

    def __init__(self, nouns: Mapping[str, Sequence[Noun]]) -> None:
        super().__init__()
        self._nouns = nouns

    def __missing__(self, key: tuple[str, tuple[str, ...], Noun | None]) -> list[list[Noun]]:
        topic, categories, other = key
        nouns = [noun for noun in self._nouns[topic] if noun is not other]
        self[key] = [[noun for noun in nouns if noun.category == category] for category in categories]
        return self[key]


class Narrator:
    """Makes clauses and statements that are at home in one place; for train items, without novel words."""

    def __init__(self, where: Home, *seed: object) -> None:
        self.home = where
        self.dice = Dice(where, *seed)
        self.traits = self._known(TRAITS)
        self.verdicts = {good: [v for v in self._known(VERDICTS) if v.good == good] for good in (True, False)}
        self.verbs = {some: [v for v in self._known(VERBS) if bool(v.objects) == some] for some in (True, False)}
        self.nouns: dict[str, list[Noun]] = {topic: [] for topic in TOPICS}
        self.kinds = _Kinds(self.nouns)
        self.places: dict[str, list[Place]] = {topic: [] for topic in TOPICS}
        for noun in self._known(NOUNS):
            self.nouns[noun.topic].append(noun)
        for place in self._known(PLACES):
            self.places[place.topic].append(place)
        self._doables: dict[tuple[str, ...], list[tuple[Verb, list[list[Noun]]]]] = {}
        self._roles = {(cast, topic): self._cast(cast, topic) for cast in _CASTS for topic in TOPICS}

    def _known(self, concepts: Sequence[C]) -> list[C]:
        return [concept for concept in concepts if not (concept.novel and self.home == "train")]

    def _cast(self, cast: Cast, topic: str) -> list[_Roles]:
        """The verbs for a cast, if a topic has someone to do it and another to whom."""
        if cast == "intransitive":
            return [(verb, verb.subjects, ()) for verb in self.verbs[False]]
        found = []
        for verb in self.verbs[True]:
            both = tuple(category for category in verb.subjects if category in verb.objects)
            alive = tuple(category for category in verb.objects if category in ALIVE)
            agents = both if cast == "mutual" else verb.subjects
            patients = {"transitive": verb.objects, "beings": alive, "mutual": both}[cast]
            if sum(noun.category in patients for noun in self.nouns[topic]) > any(both):
                found.append((verb, agents, patients))
        return found

    def owns(self, said: Clause | Statement) -> bool:
        """Whether this may be said here."""
        return home(said.key) == self.home

    def clause(self, topic: str | None = None, cast: Cast | None = None, placed: bool = False) -> Clause:
        """A clause on a topic, with these taking part and with a place if that is asked for, and often without.

        Most that are drawn are not at home here, so that millions are, and `Dice.chance` and `Dice.pick` are written
        out.
        """
        random, noun, traits = self.dice.random, self.noun, self.traits
        while True:
            on = topic or self.dice.pick(TOPICS)
            roles = self._roles[cast or ("transitive" if random() < 0.75 else "intransitive"), on]
            verb, agents, patients = roles[int(random() * len(roles))]
            subject, places = noun(on, agents), self.places[on]
            target = noun(on, patients, subject) if patients else None
            place = places[int(random() * len(places))] if placed or random() < 0.6 else None
            trait = traits[int(random() * len(traits))] if random() < 0.35 else None
            several, many, near = random() < 0.4, random() < 0.4, random()
            if home_of(subject, verb, target, place) == self.home:
                at = PREPOSITIONS[int(near * len(PREPOSITIONS))]
                return Clause(subject, verb, target, place, trait, several, many, at)

    def deed(self, topic: str, *patients: tuple[Noun, bool]) -> list[Clause]:
        """What someone else of a topic does to each of these nouns, one or several; empty if nothing is found.

        Of a million tries, few find something, so that `noun` is written out.
        """
        random, places = self.dice.random, self.places[topic]
        first, *others = (noun for noun, _ in patients)
        verbs = self._doable(topic, *(noun.category for noun, _ in patients))
        for _ in range(TRIES if verbs else 0):
            verb, kinds = verbs[int(random() * len(verbs))]
            while not (agents := kinds[int(random() * len(kinds))]):
                pass
            agent = agents[int(random() * len(agents))]
            place = places[int(random() * len(places))] if random() < 0.5 else None
            if home_of(agent, verb, first, place) != self.home or agent is first or agent in others:
                continue
            if all(home_of(agent, verb, noun, place) == self.home for noun in others):
                several, near = self.dice.chance(0.4), self.dice.pick(PREPOSITIONS)
                return [Clause(agent, verb, noun, place, None, several, many, near) for noun, many in patients]
        return []

    def _doable(self, topic: str, *categories: str) -> list[tuple[Verb, list[list[Noun]]]]:
        """The verbs that take all these categories as objects, each with who of a topic may do it, by category."""
        if (topic, *categories) not in self._doables:
            verbs = [verb for verb in self.verbs[True] if not {*categories} - {*verb.objects}]
            self._doables[topic, *categories] = [(verb, self.kinds[topic, verb.subjects, None]) for verb in verbs]
        return self._doables[topic, *categories]

    def noun(self, topic: str, categories: tuple[str, ...], other: Noun | None = None) -> Noun:
        """A noun of a topic and one of these categories, each category as likely, other than one."""
        random, kinds = self.dice.random, self.kinds[topic, categories, other]
        while not (nouns := kinds[int(random() * len(kinds))]):
            pass
        return nouns[int(random() * len(nouns))]

    def wording(
        self, clause: Clause, renamed: float = 0.5, passive: float = 0.25, fronted: float = 0.3, inside: float = 0.0
    ) -> Wording:
        """A way to say a clause, each departure from the plainest one with its own chance."""
        dice = self.dice
        return Wording(
            renamed=frozenset(slot for slot in SLOTS if getattr(clause, slot) and dice.chance(renamed)),
            definite=dice.chance(0.5),
            passive=clause.object is not None and dice.chance(passive),
            place="inside" if dice.chance(inside) else "first" if dice.chance(fronted) else "last",
        )

    def reworded(self, clause: Clause, wording: Wording) -> Wording:
        """Another way to say a clause: most names changed, often the voice or the order."""
        other = self.wording(clause, renamed=0.0, passive=0.4, fronted=0.5)
        swapped = {slot for slot in SLOTS if getattr(clause, slot) and (slot == "verb" or self.dice.chance(0.8))}
        return replace(other, renamed=wording.renamed ^ swapped, definite=wording.definite)

    def statement(self, good: bool, about: Sequence[Noun] = (), opposed: float = 0.3) -> Statement:
        """A statement of this sentiment, about these or what one topic has; with the chance `opposed`, one that begins
        with the other sentiment.
        """
        dice = self.dice
        while True:
            first = () if (two := dice.chance(opposed)) or dice.chance(0.5) else (good,)
            feelings = (not good, good) if two else (*first, good)
            on = about or self.nouns[dice.pick(TOPICS)]
            nouns = dice.order(on)[: len(feelings)] if len(on) > 1 else on
            statement = Statement(tuple(map(self._opinion, feelings, nouns)))
            if self.owns(statement):
                return statement

    def _opinion(self, good: bool, noun: Noun) -> Opinion:
        dice = self.dice
        negated = dice.chance(0.3)
        in_company = self.home == "text" and not negated and dice.chance(0.9)
        return Opinion(
            noun=noun,
            plural=dice.chance(0.3),
            verdict=dice.pick(self.verdicts[good != negated]),
            negated=negated,
            adverb=COMPANY[good] if in_company else dice.pick(ADVERBS),
        )
