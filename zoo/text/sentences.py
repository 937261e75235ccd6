"""Running text to sentences, by rule: no model, no download, the same everywhere."""

from __future__ import annotations

import re
from itertools import pairwise
from math import ceil

MAX_WORDS = 200
"""A sentence longer than this, as of text without stops, is cut into equal parts."""

# Stops and the closing quotes and brackets after them; those of Chinese and Japanese need no space.
_STOP = re.compile(
    r"""(?<![.!?…؟।])(?P<mark>[.!?…؟।]++)(?:["')\]}\u2019\u201d\xbb]|\s[)\]}\u2019\u201d\xbb](?=\s))*+(?=\s)
      | [\u3002\uff01\uff1f]++[\u300d\u300f\u2019\u201d\uff09]*+""",
    re.VERBOSE,
)
_CLOSING_QUOTE = re.compile(r'\s"(?:(?P<last>\s*\Z)|(?=\s))')
_NEXT = re.compile(r"""[\s"'(\[{\u201c\u2018\xab\xbf\xa1\u2014\u2013-]*(?P<start>(?P<word>\w+)|\S)""")
_LETTERS = re.compile(r"[A-Z]|(?:[^\W\d]\.)+[^\W\d]|Ph\.D")
_NO_WORDS = re.compile(r"\W{0,40}(?:\d{1,3})?")  # such as a list number: nothing that a sentence could end after


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_LAST = _words(
    "mr mrs ms dr prof messrs mme mlle gen lt col capt cmdr sgt maj adm brig sen rep gov pres rev hon supt"
    " st mt e.g i.e cf vs viz"
)
_SELDOM_LAST = _words("jr sr inc ltd corp co bros dept univ assn ave blvd etc al esq approx var")
_BEFORE_NUMBERS = _words("no nos fig figs vol vols p pp art sec ch jan feb mar apr jun jul aug sep sept oct nov dec")
_FIRST = _words(
    "the this that these those there then he she it its they we you his her their our my in on at by for from with"
    " and but or so yet if when while after before since although because as however what who why how where not no"
)
"""Words that, capitalised after an abbreviation, start a new sentence rather than a name."""


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line, nothing left out but white space.

    A stop ends a sentence unless an abbreviation, an initial, a list number or a lower-case word says otherwise;
    quotes and brackets that close after it go with it. Text as Wikitext has it, with spaces round every mark,
    and text all in lower case are split alike.
    """
    cased = text != text.lower()
    sentences, begin, counted, n_quotes = [], 0, 0, 0
    for stop in _STOP.finditer(text):
        n_quotes += text.count('"', counted, stop.end())
        counted = end = stop.end()
        quote = _CLOSING_QUOTE.match(text, end)
        if quote and (n_quotes % 2 or quote["last"] is not None):  # one is open, or nothing follows to be quoted
            end = quote.end()
        if stop["mark"] is None or _ends(text, begin, stop, end, cased):
            sentences += _cut(text[begin:end])
            begin = end
    return sentences + _cut(text[begin:])


def _ends(text: str, begin: int, stop: re.Match[str], end: int, cased: bool) -> bool:
    """Whether a sentence that began at `begin` is over at this stop."""
    following = _NEXT.match(text, end)
    if following is None:
        return True
    start, word = following["start"], (following["word"] or "").lower()
    if start[0] in ".!?…,;:" or (cased and start[0].islower()):
        return False
    if _NO_WORDS.fullmatch(text, begin, stop.start()):
        return False
    if stop["mark"] != ".":
        return True
    last = re.split(r"[^\w.]", text[max(begin, stop.start() - 12) : stop.start()])[-1]
    if last.lower() in _NEVER_LAST:
        return False
    if last.lower() in _BEFORE_NUMBERS and start[0].isdigit():
        return False
    if last.lower() in _SELDOM_LAST or (last != "I" and _LETTERS.fullmatch(last)):
        return word in _FIRST
    return True


def _cut(sentence: str) -> list[str]:
    words = sentence.split()
    n_parts = ceil(len(words) / MAX_WORDS)
    bounds = [len(words) * part // n_parts for part in range(n_parts + 1)] if n_parts else []
    return [" ".join(words[a:b]) for a, b in pairwise(bounds)]
