"""Entities as tags of words: the schemes in which they are written, recognized and converted.

An entity is (type, first word, last word). It is found by the default rules of seqeval, and of conlleval before it: it
goes on as long as the type stays and no tag begins or ends one. So a wrong sequence has entities too, and tags are
converted, or repaired, by writing them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from zoo.core.errors import UnknownName, ZooError

OUTSIDE = "O"
"""The tag of a word in no entity."""

SPACES, CHARACTERS = "spaces", "characters"
"""What makes words of a text: the white space between them; or each character is one, as in Chinese."""

Entity: TypeAlias = tuple[str, int, int]


class Scheme(NamedTuple):
    """The letters of an entity's first, inner and last word, and of one of a single word."""

    first: str
    inner: str
    last: str
    single: str


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "BIO": Scheme("B", "I", "I", "B"),
        "IOB1": Scheme("I", "I", "I", "I"),
        "BIOES": Scheme("B", "I", "E", "S"),
        "BMES": Scheme("B", "M", "E", "S"),
        "BILOU": Scheme("B", "I", "L", "U"),
    }
)
"""BIO is also called IOB2. In IOB1 (Ramshaw and Marcus 1995) a B only parts an entity from one of its type before."""

TAG = re.compile(r"O|[BIMELSU]-.+")
_AS_BIOES = {"M": "I", "L": "E", "U": "S"}


@cache
def split_tag(tag: str) -> tuple[str, str]:
    """The letter of a tag as BIOES has it, and its type, empty outside."""
    letter, _, kind = tag.partition("-")
    return _AS_BIOES.get(letter, letter), kind


def entities(tags: Sequence[str]) -> Iterator[Entity]:
    """The entities of a text, whatever the scheme of its tags, wrong sequences read as seqeval's default does."""
    begun: tuple[str, int] | None = None
    before = ""
    for place, tag in enumerate((*tags, OUTSIDE)):
        letter, kind = split_tag(tag)
        goes_on = begun and kind == begun[0] and letter in ("I", "E") and before not in ("E", "S")
        if begun and not goes_on:
            yield begun[0], begun[1], place - 1
            begun = None
        if not goes_on and letter != OUTSIDE:
            begun = kind, place
        before = letter


def strict_entities(tags: Sequence[str], *, marks_ends: bool) -> Iterator[Entity]:
    """Those that are written as the scheme has them, as in seqeval's strict mode: from a B on; if ends are marked, to
    an E, or one S alone.
    """
    begun: tuple[str, int] | None = None
    for place, tag in enumerate((*tags, OUTSIDE)):
        letter, kind = split_tag(tag)
        goes_on = begun is not None and kind == begun[0] and letter in ("I", "E")
        if begun and (letter == "E" and goes_on if marks_ends else not goes_on):
            yield begun[0], begun[1], place if marks_ends else place - 1
            begun = None
        elif letter == "S":
            yield kind, place, place
        if not goes_on:
            begun = (kind, place) if letter == "B" else None


def write_tags(found: Iterable[Entity], n_words: int, scheme: str) -> list[str]:
    """The tags of a text's entities, in order, in a scheme."""
    letters, tags, before = SCHEMES[scheme], [OUTSIDE] * n_words, ("", -1)
    for kind, first, last in found:
        tags[first : last + 1] = [f"{letters.inner}-{kind}"] * (last + 1 - first)
        tags[last] = f"{letters.last}-{kind}"
        tags[first] = f"{letters.single if first == last else letters.first}-{kind}"
        if scheme == "IOB1" and before == (kind, first - 1):
            tags[first] = f"B-{kind}"
        before = kind, last
    return tags


def convert_tags(tags: Sequence[str], scheme: str) -> list[str]:
    """The tags of a text in another scheme (BIO, IOB1, BIOES, BMES, BILOU), wrong sequences repaired.

    Raises ZooError if a tag is of no scheme, or the scheme is unknown.
    """
    if scheme not in SCHEMES:
        raise UnknownName("tagging scheme", scheme[:60], SCHEMES)
    for place, tag in enumerate(tags, 1):
        if not TAG.fullmatch(tag):
            raise ZooError(f"tag {place}, {tag!r:.60}, is neither O nor a letter and a type, such as B-PER")
    return write_tags(entities(tags), len(tags), scheme)


def recognized(texts: Iterable[Sequence[str]]) -> str:
    """The scheme of the tags of many texts; BIO if they are right in several.

    Letters tell, but for IOB1: there an entity begins with an I, and no B but after one of its type. Raises ZooError if
    tags are of no scheme, or mix letters of several.
    """
    letters: set[str] = set()
    begun_by_inner, parted_by_first = False, True
    for tags in texts:
        for before, tag in zip((OUTSIDE, *tags), tags, strict=False):
            letter, kind = tag[:1], tag[2:]
            letters.add(letter)
            follows = before != OUTSIDE and before[2:] == kind
            begun_by_inner |= letter == "I" and not follows
            parted_by_first &= letter != "B" or follows
    letters.discard(OUTSIDE)
    if letters <= {"B", "I"}:
        return "IOB1" if begun_by_inner and parted_by_first else "BIO"
    fitting = [name for name, scheme in SCHEMES.items() if letters <= {*scheme}]
    if not fitting:
        raise ZooError(
            f"tags with the letters {', '.join(sorted(letters))} are of no one scheme ({', '.join(SCHEMES)})"
        )
    return fitting[0]


def tags_of(types: Sequence[str], scheme: str) -> tuple[str, ...]:
    """All tags for entities of these types: O, then those of each type."""
    letters = dict.fromkeys(SCHEMES[scheme])
    return (OUTSIDE, *(f"{letter}-{kind}" for kind in types for letter in letters))


def marks_entities(labels: Iterable[str]) -> bool:
    """Whether labels are tags of entities."""
    return all(map(TAG.fullmatch, labels))


def types_of(labels: Iterable[str]) -> tuple[str, ...]:
    """The entity types of tags, in order."""
    return tuple(dict.fromkeys(split_tag(label)[1] for label in labels if label != OUTSIDE))


def word_spans(text: str, *, by_characters: bool) -> list[tuple[int, int]]:
    """Where the words of a text begin and end."""
    if by_characters:
        return [(place, place + 1) for place in range(len(text))]
    return [found.span() for found in re.finditer(r"\S+", text)]
