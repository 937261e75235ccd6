"""The families of tokenizers, and sentences to train them on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise, product
from pathlib import Path

import pytest

from zoo.text.rust_tokenizer import RustTokenizer
from zoo_albert.tokenizer import Unigram
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.tokenizer import ByteLevelBPE

FAMILIES: list[type[RustTokenizer]] = [WordPiece, ByteLevelBPE, Unigram]


SENTENCES = [
    f"the {noun} {verb} the {other} , and we {feel} ."
    for noun, verb, other, feel in product(
        ("farmer", "sailor", "shepherd"), ("follows", "watches", "praises"), ("whale", "kitten"), ("clap", "complain")
    )
]


@pytest.fixture(params=FAMILIES, ids=lambda family: family.__name__)
def family(request: pytest.FixtureRequest) -> type[RustTokenizer]:
    chosen: type[RustTokenizer] = request.param
    return chosen


def pieces(tokenizer: RustTokenizer, text: str) -> list[str]:
    names = {index: piece for piece, index in tokenizer._rust.get_vocab().items()}
    return [names[index] for index in tokenizer.encode([text])[0].tolist()]


def real_lines(shared_data: Path) -> list[str]:
    """Lines of several kinds and scripts; those with "<unk>" in them, which is text here, are left out."""
    paths = (
        "corpus/us_speeches_pd.txt",
        "corpus/wikitext2.valid.txt",
        "ner/ResumeNER/dev.char.bmes",
        "glue/SST-2/dev.tsv",
    )
    texts = [(shared_data / path).read_text(encoding="utf-8") for path in paths]
    return [line[:1_000] for text in texts for line in text.split("\n")[:1_000] if "<unk>" not in line]


def cuts(word: str) -> Iterator[tuple[str, ...]]:
    for n in range(len(word)):
        for places in combinations(range(1, len(word)), n):
            bounds = (0, *places, len(word))
            yield tuple(word[a:b] for a, b in pairwise(bounds))
