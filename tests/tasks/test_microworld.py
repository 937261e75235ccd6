"""The microworld's text and words, read back by a reader that shares nothing with the writer but the lexicon."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from zoo.tasks.microworld import documents
from zoo.tasks.microworld.lexicon import ADVERBS, CATEGORIES, NOUNS, PLACES, REACTIONS, TIMES, TRAITS, VERBS, VERDICTS
from zoo.tasks.microworld.morphology import article, participle, plural, third_person
from zoo.tasks.microworld.narrator import Dice

FORMS = {
    **{noun: (noun, plural(noun)) for concept in (*NOUNS, *CATEGORIES.values()) for noun in concept.names},
    **{verb: (verb, third_person(verb), participle(verb)) for concept in VERBS for verb in concept.names},
    **{word: (word,) for concept in (*PLACES, *TRAITS, *VERDICTS) for word in concept.names},
}


@pytest.fixture(scope="module")
def text() -> list[list[str]]:
    return documents(2_000, seed=1)


def test_every_document_has_as_many_sentences_as_asked() -> None:
    assert {len(document) for document in documents(20, 0)} == {8}
    assert {len(document) for document in documents(20, 0, sentences_per_document=3)} == {3}


def test_every_sentence_is_lower_case_words_and_a_stop(text: list[list[str]]) -> None:
    assert all(re.fullmatch(r"([a-z]+ )+\.", sentence) for document in text for sentence in document)


def test_fewer_documents_are_the_first_of_more() -> None:
    assert documents(5, 3) == documents(9, 3)[:5]
    assert documents(5, 3) != documents(5, 4)


def test_the_text_does_not_depend_on_the_process() -> None:
    code = "from zoo.tasks.microworld import documents; print(documents(40, 5))"
    made = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": salt}, capture_output=True, text=True, check=True
        ).stdout
        for salt in ("1", "2")
    }
    assert made == {f"{documents(40, 5)}\n"}


def test_dice_use_only_the_stream_that_python_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("Python promises nothing about this stream")

    for method in ("choice", "choices", "shuffle", "sample", "randrange", "getrandbits"):
        monkeypatch.setattr(Random, method, refuse)
    dice = Dice("a", 1)
    assert sorted(dice.order(range(9))) == list(range(9))
    assert {dice.pick("xyz") for _ in range(99)} == set("xyz")


def test_dice_are_fair() -> None:
    dice = Dice("fair")
    counts = Counter(dice.pick(range(4)) for _ in range(4_000))
    assert all(abs(count - 1_000) < 5 * (4_000 * 0.25 * 0.75) ** 0.5 for count in counts.values())


PLURALS = """goose geese, mouse mice, wolf wolves, knife knives, scarf scarves, person people, fox foxes, bus buses,
canary canaries, trolley trolleys, beach beaches, axe axes, owl owls"""
VERB_FORMS = """carry carries carried, watch watches watched, fix fixes fixed, push pushes pushed, hide hides hidden,
feed feeds fed, eat eats eaten, buy buys bought, steal steals stolen, chase chases chased, fear fears feared"""


@pytest.mark.parametrize(("one", "many"), [pair.split() for pair in PLURALS.split(",")])
def test_plurals_are_english(one: str, many: str) -> None:
    assert plural(one) == many


@pytest.mark.parametrize(("verb", "does", "done"), [forms.split() for forms in VERB_FORMS.split(",")])
def test_verbs_are_english(verb: str, does: str, done: str) -> None:
    assert (third_person(verb), participle(verb)) == (does, done)


def test_no_form_breaks_a_rule_of_spelling() -> None:
    wrong = r"[^aeiou]ys|.*(s|x|ch|sh)s|.*(sheep|deer|fish)s|.*[^aeiou]yed|.*eed(ed)"
    assert not [form for forms in FORMS.values() for form in forms[1:] if re.fullmatch(wrong, form)]


def test_number_can_be_read_off_every_noun() -> None:
    nouns = [name for concept in (*NOUNS, *CATEGORIES.values()) for name in concept.names]
    assert not {plural(noun) for noun in nouns} & set(nouns)


def test_no_word_has_two_roles() -> None:
    counts = Counter(form for forms in FORMS.values() for form in set(forms))
    assert [form for form, n in counts.items() if n > 1 or form in ADVERBS] == []


def test_articles_fit_the_words_they_stand_before(text: list[list[str]]) -> None:
    pairs = {found for document in text for s in document for found in re.findall(r"\b(an?) ([a-z]+)", s)}
    assert {before for before, _ in pairs} == {"a", "an"}
    assert all((word[0] in "aeiou") == (before == "an") for before, word in pairs)
    assert article("owl") == "an"


def test_each_kind_of_sentence_is_there(text: list[list[str]]) -> None:
    sentences = {sentence for document in text for sentence in document}
    kinds = (
        "every .* is an? ",
        "so ",
        ".* but the ",
        ".* and the ",
        ".* not ",
        ".* by the ",
        ".* near the ",
        "at dawn ",
    )
    for pattern in kinds:
        assert any(re.match(pattern, sentence) for sentence in sentences), pattern


def test_a_story_goes_forward_in_one_series_of_times(text: list[list[str]]) -> None:
    places = {time: (series, at) for series, times in enumerate(TIMES) for at, time in enumerate(times)}
    for document in text:
        said = [places[time] for sentence in document for time in places if sentence.startswith(f"{time} ")]
        assert len({series for series, _ in said}) == 1
        assert [time for _, time in said] == sorted(time for _, time in said)
        assert document[0].startswith(TIMES[said[0][0]][0])


def test_pronouns_stand_for_what_was_just_named(text: list[list[str]]) -> None:
    nouns = {form: (noun, form != name) for noun in NOUNS for name in noun.names for form in (name, plural(name))}
    fits = {"she": ("person",), "her": ("person",), "it": ("bird", "beast")}
    checked = 0
    for document in text:
        for number, sentence in enumerate(document):
            for word in {"she", "her", "it", "they", "them"} & {*sentence.split()}:
                before = [nouns[other] for earlier in document[:number] for other in earlier.split() if other in nouns]
                meant = [noun for noun, many in before if (many if word[:2] == "th" else noun.category in fits[word])]
                assert meant, (document, word)
                checked += 1
    assert checked > 500


def test_what_comes_of_a_judgement_fits_it(text: list[list[str]]) -> None:
    tone = {word: verdict.good for verdict in VERDICTS for word in verdict.names}
    felt = {f"so {reaction} .": good for good, reactions in REACTIONS.items() for reaction in reactions}
    checked = 0
    for document in text:
        for before, after in pairwise(document):
            if after in felt:
                last = re.split(r" and the | but the ", before)[-1].split()
                assert (tone[last[-2]] != ("not" in last)) == felt[after], (before, after)
                checked += 1
    assert checked > 500


def test_every_fact_is_true(text: list[list[str]]) -> None:
    category = {name: noun.category for noun in NOUNS for name in noun.names}
    facts = [re.fullmatch(r"every (\w+) is an? (\w+) \.", s) for document in text for s in document]
    told = {(fact[1], fact[2]) for fact in facts if fact}
    assert len(told) > 30
    assert all(category[noun] == said for noun, said in told)


def test_novel_words_are_in_the_text(text: list[list[str]]) -> None:
    words = {word for document in text for sentence in document for word in sentence.split()}
    for concept in (*NOUNS, *VERBS, *PLACES, *TRAITS, *VERDICTS):
        assert any(form in words for name in concept.names for form in FORMS[name]), concept.names
