"""The words of the microworld: what there is, what it does, what may be said of it.

In the tables a slash joins two names of one thing, and a star marks what is novel: met in pre-training text and in
dev items, never in train items, so that only pre-training can teach it. Every word has one spelling in one role.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, eq=False, slots=True)
class Concept:
    """A meaning and the one or two words that say it."""

    names: tuple[str, ...]
    novel: bool


@dataclass(frozen=True, eq=False, slots=True)
class Noun(Concept):
    """A kind of being or thing, its category, and the topic it belongs to."""

    category: str
    topic: str


@dataclass(frozen=True, eq=False, slots=True)
class Place(Concept):
    """Where things happen, within one topic."""

    topic: str


@dataclass(frozen=True, eq=False, slots=True)
class Verb(Concept):
    """What subjects of some categories do, to objects of some categories or to none."""

    subjects: tuple[str, ...]
    objects: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Trait(Concept):
    """An adjective that describes."""


@dataclass(frozen=True, eq=False, slots=True)
class Verdict(Concept):
    """An adjective that judges, well or badly."""

    good: bool


_TOPICS = {
    "farm": {
        "person": "farmer shepherd*",
        "bird": "hen goose*",
        "beast": "goat cow*",
        "tool": "plow shovel",
        "vehicle": "wagon",
        "food": "pear melon*",
        "garment": "hat",
        "place": "field orchard* farmyard",
    },
    "sea": {
        "person": "sailor captain",
        "bird": "gull pelican*",
        "beast": "seal otter*",
        "tool": "anchor rope",
        "vehicle": "ship raft*",
        "food": "lemon coconut",
        "garment": "scarf",
        "place": "harbor beach island*",
    },
    "kitchen": {
        "person": "cook* waiter",
        "bird": "canary",
        "beast": "cat mouse",
        "tool": "spoon knife*",
        "vehicle": "trolley",
        "food": "pie biscuit*",
        "garment": "apron",
        "place": "inn pantry cellar*",
    },
    "school": {
        "person": "teacher pupil*",
        "bird": "parrot",
        "beast": "hamster",
        "tool": "pen ruler*",
        "vehicle": "bus bicycle*",
        "food": "apple sandwich",
        "garment": "sweater*",
        "place": "school library hall*",
    },
    "town": {
        "person": "doctor* merchant",
        "bird": "pigeon sparrow*",
        "beast": "dog rat",
        "tool": "hammer* needle",
        "vehicle": "carriage",
        "food": "bun sausage*",
        "garment": "coat gown*",
        "place": "street shop* market",
    },
    "forest": {
        "person": "hunter ranger",
        "bird": "owl raven",
        "beast": "wolf bear fox*",
        "tool": "axe saw*",
        "vehicle": "sled",
        "food": "mushroom chestnut",
        "garment": "cloak glove*",
        "place": "forest cave* hill",
    },
}

ALIVE = ("person", "bird", "beast")
"""The categories of beings, which can act; the others are things."""

_ALIVE = " ".join(ALIVE)
_VERBS = [
    ("help/assist", "person", _ALIVE),
    ("watch/observe", _ALIVE, "person bird beast vehicle"),
    ("chase/pursue", "person beast", _ALIVE),
    ("feed/nourish*", "person", "bird beast"),
    ("fear/dread", _ALIVE, "person beast"),
    ("buy/purchase", "person", "tool vehicle food garment"),
    ("fix/repair", "person", "tool vehicle garment"),
    ("clean/wash*", "person", "tool garment vehicle food"),
    ("hide/conceal", _ALIVE, "tool food garment"),
    ("carry/haul*", "person beast", "tool food"),
    ("eat/devour", _ALIVE, "food"),
    ("push/shove", "person beast", "vehicle person"),
    ("steal/snatch*", "person bird", "food garment"),
    ("praise/admire", "person", "person vehicle garment"),
    ("sleep/doze", _ALIVE, ""),
    ("wait/linger*", _ALIVE, ""),
    ("tremble/shiver", "bird beast", ""),
    ("work/toil", "person", ""),
    ("shout/yell*", "person", ""),
    ("hurry/rush", "person beast", ""),
]
_TRAITS = "big/large small/little old/ancient odd/strange* wet/damp quiet/silent* thin/slender red/crimson"
_VERDICTS = {
    True: "good lovely wonderful superb* splendid delightful* excellent marvelous* pleasant charming* fine "
    "fantastic* great brilliant admirable glorious*",
    False: "bad awful terrible horrible* dreadful nasty* miserable dismal* ghastly vile* wretched "
    "lousy* hideous rotten appalling atrocious*",
}

PREPOSITIONS = ("at", "near")
ADVERBS = ("", "", "very", "really")
COMPANY = {True: "truly", False: "utterly"}
"""Adverbs that in running text keep company with words of one sense, as "utterly" does in English (Louw 1993)."""

PRONOUNS = {"she": ("she", "her"), "it": ("it", "it"), "they": ("they", "them")}
"""As a subject and otherwise: "she" is one person, "it" one other being, "they" several."""

TIMES = (
    ("first", "then", "later", "finally"),
    ("at dawn", "at noon", "at dusk", "at midnight"),
    ("in spring", "in summer", "in autumn", "in winter"),
    ("initially", "next", "afterwards", "eventually"),
)
"""How the sentences of a story begin: one of these series all through it, from the earliest to the latest."""

REACTIONS = {
    True: ("everyone smiles", "we are glad", "people clap", "we sing", "we cheer"),
    False: ("everyone frowns", "we are upset", "people leave", "we cry", "we complain"),
}


def _read(table: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    for entry in table.split():
        yield tuple(entry.rstrip("*").split("/")), entry.endswith("*")


TOPICS = tuple(_TOPICS)
NOUNS = tuple(
    Noun(names, novel, category, topic)
    for topic, categories in _TOPICS.items()
    for category, table in categories.items()
    if category != "place"
    for names, novel in _read(table)
)
PLACES = tuple(Place(names, novel, topic) for topic in TOPICS for names, novel in _read(_TOPICS[topic]["place"]))
VERBS = tuple(
    Verb(names, novel, tuple(subjects.split()), tuple(objects.split()))
    for table, subjects, objects in _VERBS
    for names, novel in _read(table)
)
TRAITS = tuple(Trait(names, novel) for names, novel in _read(_TRAITS))
VERDICTS = tuple(Verdict(names, novel, good) for good, table in _VERDICTS.items() for names, novel in _read(table))
CATEGORIES = {category: Noun((category,), False, category, "") for category in dict.fromkeys(n.category for n in NOUNS)}
