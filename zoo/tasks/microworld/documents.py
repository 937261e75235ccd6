"""Running text of the microworld, for pre-training: stories of two beings at one place, their events in order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zoo.tasks.microworld.grammar import Clause, pronoun, say, state
from zoo.tasks.microworld.lexicon import ALIVE, CATEGORIES, PREPOSITIONS, REACTIONS, TIMES, TOPICS, Noun
from zoo.tasks.microworld.morphology import article, plural
from zoo.tasks.microworld.narrator import Narrator, home_of


def documents(n: int, seed: int, sentences_per_document: int = 8) -> list[list[str]]:
    """`n` documents, each a story; the same seed gives the same text everywhere."""
    narrator = Narrator("text", seed)
    return [_Story(narrator).tell(sentences_per_document) for _ in range(n)]


@dataclass(frozen=True, slots=True)
class _Figure:
    """A being or thing of a story, in the singular or the plural throughout."""

    noun: Noun
    plural: bool

    @property
    def pronoun(self) -> str:
        return pronoun(self.noun, self.plural)


class _Story:
    """Two beings with different pronouns, up to three things, a place, and a series of times."""

    def __init__(self, narrator: Narrator) -> None:
        self.narrator, self.dice = narrator, narrator.dice
        topic = self.dice.pick(TOPICS)
        beings = [noun for nouns in narrator.kinds[topic, ALIVE, None] for noun in nouns]
        things = [noun for noun in narrator.nouns[topic] if noun not in beings]
        one, other = (_Figure(noun, self.dice.chance(0.4)) for noun in self.dice.order(beings)[:2])
        if one.pronoun == other.pronoun:
            other = replace(other, plural=not other.plural)
        self.beings = (one, other)
        self.figures = (one, other, *(_Figure(noun, self.dice.chance(0.4)) for noun in self.dice.order(things)[:3]))
        self.place = self.dice.pick(narrator.places[topic])
        self.times = self.dice.pick(TIMES)
        self.known: set[Noun | None] = set()
        """The nouns of the last event, for which a pronoun may stand next."""

    def tell(self, length: int) -> list[str]:
        """So many sentences: who is there, then events, judgements and facts in the order of their times."""
        sentences = [f"{self.times[0]} {self._beginning()}"]
        while len(sentences) < length:
            time = self.times[len(sentences) * len(self.times) // length]
            sentences += self.dice.pick(_UNITS)(self, time)
        return sentences[:length]

    def _beginning(self) -> str:
        one, place = self.beings[0], self.place.names[0]
        self.known = {one.noun}
        name = one.noun.names[0]
        there = f"there are some {plural(name)}" if one.plural else f"there is {article(name)} {name}"
        return f"{there} at the {place} ."

    def _event(self, time: str) -> list[str]:
        """An event, often restated in other words, sometimes with the category in place of the agent."""
        dice, clause = self.dice, self._clause()
        wording = self.narrator.wording(clause, passive=0.2, fronted=0.2, inside=0.2)
        pronouns = self._pronouns(clause)
        place = "last" if pronouns and wording.place == "inside" else wording.place
        sentences = [say(clause, replace(wording, pronouns=pronouns, place=place))]
        if dice.chance(0.6):
            sentences.append(say(clause, self.narrator.reworded(clause, wording)))
        if dice.chance(0.3):
            general = replace(clause, subject=CATEGORIES[clause.subject.category], trait=None)
            if self.narrator.owns(general):
                sentences.append(say(general, replace(wording, definite=True)))
        self.known = {clause.subject, clause.object}
        return [f"{time} {sentence}" for sentence in sentences]

    def _clause(self) -> Clause:
        """One of the two beings acts, alone, on the other or on a thing; drawn again until it belongs to the text."""
        dice = self.dice
        while True:
            agent, verb = dice.pick(self.beings), dice.pick(self.narrator.verbs[dice.chance(0.75)])
            fitting = [each for each in self.figures if each is not agent and each.noun.category in verb.objects]
            if agent.noun.category not in verb.subjects or (verb.objects and not fitting):
                continue
            patient = dice.pick(fitting) if fitting else None
            place = self.place if dice.chance(0.9) else None
            if home_of(agent.noun, verb, patient.noun if patient else None, place) != self.narrator.home:
                continue
            return Clause(
                subject=agent.noun,
                verb=verb,
                object=patient.noun if patient else None,
                place=place,
                trait=dice.pick(self.narrator.traits) if dice.chance(0.3) else None,
                subject_plural=agent.plural,
                object_plural=patient is not None and patient.plural,
                preposition=dice.pick(PREPOSITIONS),
            )

    def _pronouns(self, clause: Clause) -> frozenset[str]:
        """The slots in which a pronoun stands for a being of the last event; a subject with a trait keeps its name."""
        beings = {being.noun for being in self.beings} & self.known
        slots = [slot for slot in ("subject", "object") if getattr(clause, slot) in beings and self.dice.chance(0.5)]
        return frozenset(slot for slot in slots if slot == "object" or clause.trait is None)

    def _judgement(self, time: str) -> list[str]:
        """An opinion of something, and often its consequence."""
        statement = self.narrator.statement(self.dice.chance(0.5), [figure.noun for figure in self.figures])
        sentences = [f"{time} {state(statement)}"]
        if self.dice.chance(0.7):
            sentences.append(f"so {self.dice.pick(REACTIONS[statement.good])} .")
        return sentences

    def _fact(self, time: str) -> list[str]:
        """The category of something; it is true at any time, so none is said."""
        noun = self.dice.pick(self.figures).noun
        name, category = noun.names[0], noun.category
        if self.dice.chance(0.5):
            return [f"every {name} is {article(category)} {category} ."]
        return [f"{plural(name)} are {plural(category)} ."]


_UNITS = (*[_Story._event] * 5, _Story._judgement, _Story._judgement, _Story._fact)
