"""Schemes of tags, their conversion, and the scores of entities; seqeval is the oracle."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator

import pytest
from seqeval import metrics as seqeval
from seqeval.scheme import IOB2, IOBES, Entities

from zoo import ZooError, convert_tags
from zoo.tasks.metrics import metrics_of
from zoo.tasks.tagging import SCHEMES, entities, recognized, write_tags

STRICT = {"BI": IOB2, "BIES": IOBES}
SAME = {
    "BIO": "O B-PER I-PER I-PER B-PER O B-LOC",
    "IOB1": "O I-PER I-PER I-PER B-PER O I-LOC",
    "BIOES": "O B-PER I-PER E-PER S-PER O S-LOC",
    "BMES": "O B-PER M-PER E-PER S-PER O S-LOC",
    "BILOU": "O B-PER I-PER L-PER U-PER O U-LOC",
}
"""Three entities, written by hand."""


def drawn(draw: random.Random, letters: str, lengths: list[int]) -> list[list[str]]:
    tags = ["O", *(f"{letter}-{kind}" for letter in letters for kind in ("X", "Y"))]
    return [[draw.choice(tags) for _ in range(length)] for length in lengths]


def pairs(letters: str, n: int) -> Iterator[tuple[list[list[str]], list[list[str]]]]:
    """Gold tags and predictions, right or wrong sequences; half of the predictions are much like the gold tags."""
    draw = random.Random(letters)
    for turn in range(n):
        lengths = [draw.randint(1, 9) for _ in range(5)]
        gold, made = drawn(draw, letters, lengths), drawn(draw, letters, lengths)
        if turn % 2:
            made = [
                [draw.choices((a, b), (4, 1))[0] for a, b in zip(*rows, strict=True)]
                for rows in zip(gold, made, strict=True)
            ]
        yield gold, made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("letters", STRICT)
def test_precision_recall_and_f1_of_entities_are_those_of_seqeval(letters: str) -> None:
    known = metrics_of("token-classification")
    for gold, made in pairs(letters, 60):
        for name in ("precision", "recall", "f1"):
            oracle = getattr(seqeval, f"{name}_score")
            assert known[f"entity-{name}"].value(gold, made) == pytest.approx(oracle(gold, made, zero_division=0))
            strictly = oracle(gold, made, mode="strict", scheme=STRICT[letters], zero_division=0)
            assert known[f"strict-entity-{name}"].value(gold, made) == pytest.approx(strictly), (gold, made)
        macro = seqeval.f1_score(gold, made, average="macro", zero_division=0)
        assert known["entity-macro-f1"].value(gold, made) == pytest.approx(macro)
        assert known["accuracy"].value(gold, made) == pytest.approx(seqeval.accuracy_score(gold, made))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("other", SCHEMES)
def test_tags_go_from_each_scheme_to_each(scheme: str, other: str) -> None:
    assert convert_tags(SAME[scheme].split(), other) == SAME[other].split()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_entities_survive_being_written_in_any_scheme(scheme: str) -> None:
    draw = random.Random(scheme)
    for (tags,) in (drawn(draw, "BIES", [draw.randint(1, 12)]) for _ in range(500)):
        found = list(entities(tags))
        written = write_tags(found, len(tags), scheme)
        assert list(entities(written)) == found
        assert write_tags(entities(written), len(tags), scheme) == written


@pytest.mark.parametrize(("scheme", "oracle"), [("BIO", IOB2), ("BIOES", IOBES)])
def test_what_is_repaired_is_right_to_seqeval_and_has_the_entities_that_it_sees(scheme: str, oracle: type) -> None:
    draw = random.Random(scheme)
    for (tags,) in (drawn(draw, "BIES", [draw.randint(1, 12)]) for _ in range(300)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen = seqeval.sequence_labeling.get_entities(tags)
        (strict,) = Entities([convert_tags(tags, scheme)], oracle).entities
        assert [(entity.tag, entity.start, entity.end - 1) for entity in strict] == seen


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_is_recognised(scheme: str) -> None:
    assert recognized([SAME[scheme].split()]) == scheme
    assert recognized([["O", "O"]]) == "BIO"


@pytest.mark.parametrize(
    ("texts", "scheme"),
    [
        (["I-PER O", "B-PER"], "BIO"),  # a B that parts nothing: the I is a wrong beginning
        (["I-PER B-PER"], "IOB1"),
        (["I-PER B-LOC"], "BIO"),
        (["B-PER I-PER"], "BIO"),
        (["S-PER"], "BIOES"),
        (["B-PER E-PER"], "BIOES"),
        (["B-PER L-PER"], "BILOU"),
    ],
)
def test_a_scheme_is_recognised_by_hand(texts: list[str], scheme: str) -> None:
    assert recognized(text.split() for text in texts) == scheme


def test_mixed_letters_are_of_no_scheme() -> None:
    with pytest.raises(ZooError, match="letters B, E, I, M are of no one scheme"):
        recognized([["B-X", "I-X", "M-X", "E-X"]])


@pytest.mark.parametrize(
    ("tags", "scheme", "message"),
    [
        ("O PER", "BIO", "tag 2, 'PER', is neither O nor a letter and a type"),
        ("O", "BOI", "did you mean 'BIO'"),
    ],
)
def test_what_cannot_be_converted_is_told(tags: str, scheme: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        convert_tags(tags.split(), scheme)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-PER I-PER O B-LOC", [("PER", 0, 1), ("LOC", 3, 3)]),
        ("I-PER I-PER", [("PER", 0, 1)]),  # no B is needed to begin
        ("B-PER B-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        ("B-PER I-LOC", [("PER", 0, 0), ("LOC", 1, 1)]),
        ("S-PER E-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        ("O O", []),
    ],
)
def test_entities_by_hand(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert list(entities(tags.split())) == expected
