"""English word forms for the words of the microworld, and no others."""

from __future__ import annotations

_PLURALS = {
    "goose": "geese",
    "knife": "knives",
    "mouse": "mice",
    "person": "people",
    "scarf": "scarves",
    "wolf": "wolves",
}
_PARTICIPLES = {"buy": "bought", "eat": "eaten", "feed": "fed", "hide": "hidden", "steal": "stolen"}


def plural(noun: str) -> str:
    """Two or more of a noun: goose, geese."""
    return _PLURALS.get(noun) or _with_s(noun)


def third_person(verb: str) -> str:
    """What he or she does: carry, carries."""
    return _with_s(verb)


def participle(verb: str) -> str:
    """What is done to it: hide, hidden."""
    if verb in _PARTICIPLES:
        return _PARTICIPLES[verb]
    if verb.endswith("e"):
        return f"{verb}d"
    return f"{verb[:-1]}ied" if _ends_in_consonant_y(verb) else f"{verb}ed"


def article(word: str) -> str:
    """The indefinite article before a word; no word here begins with a silent h or a sounded y."""
    return "an" if word[0] in "aeiou" else "a"


def _with_s(word: str) -> str:
    if _ends_in_consonant_y(word):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def _ends_in_consonant_y(word: str) -> bool:
    return word.endswith("y") and word[-2] not in "aeiou"
