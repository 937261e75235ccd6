"""Tokenizing running text, beside the Rust library that everyone uses, in processor time on one thread.

pytest benchmarks/bench_tokenizing.py --benchmark-columns=median,iqr,rounds
python -m benchmarks.bench_tokenizing                                   # a generated text, vocabularies trained on it
python -m benchmarks.bench_tokenizing --text TEXT --vocabulary FOLDER   # FOLDER is a checkpoint's, or its tokenizer's
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from zoo.tasks.microworld import documents
from zoo.text.rust_tokenizer import RustTokenizer
from zoo_bert.tokenizer import WordPiece
from zoo_roberta.tokenizer import ByteLevelBPE

Work = Callable[[], list[Any]]


def generated(n_documents: int) -> list[str]:
    """A document of the microworld per text."""
    return [" ".join(document) for document in documents(n_documents, seed=0)]


def trained(texts: Sequence[str]) -> dict[str, RustTokenizer]:
    """A tokenizer of either kind, by its name."""
    return {kind.__name__: kind.train(texts, 8_000) for kind in (WordPiece, ByteLevelBPE)}


def ways(tokenizer: RustTokenizer, texts: list[str]) -> dict[str, Work]:
    """The library's ids of texts, and ours of texts met for the first time and met before."""

    def library() -> list[Any]:
        return [np.array(one.ids) for one in tokenizer._rust.encode_batch_fast(texts, add_special_tokens=False)]

    def first() -> list[Any]:
        tokenizer._memo = tokenizer._memo and tokenizer._memo.empty()
        return tokenizer.encode(texts)

    return {"library": library, "zoo, first pass": first, "zoo, again": lambda: tokenizer.encode(texts)}


def rates(tokenizer: RustTokenizer, texts: list[str], rounds: int) -> dict[str, float]:
    """Megabytes of UTF-8 per second of processor time, the ways in turn; median of the rounds."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, work in ways(tokenizer, texts).items():
            began = time.process_time()
            work()
            took.setdefault(name, []).append(time.process_time() - began)
    return {name: size / median(seconds) for name, seconds in took.items()}


@pytest.mark.parametrize("way", ["library", "zoo, first pass", "zoo, again"])
@pytest.mark.parametrize("kind", [WordPiece, ByteLevelBPE], ids=lambda kind: kind.__name__)
def test_tokenizing(benchmark: Any, kind: type[RustTokenizer], way: str) -> None:
    texts = generated(300)
    tokenizer = kind.train(texts, 2_000)
    work = ways(tokenizer, texts)
    assert all(map(np.array_equal, work["library"](), work[way]()))
    benchmark.pedantic(work[way], rounds=5)


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line of JSON for each tokenizer."""
    parser = argparse.ArgumentParser(description="Tokenizing running text.")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--vocabulary", type=Path, nargs="*", default=[])
    parser.add_argument("--documents", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(argv)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    lines = asked.text.read_text(encoding="utf-8").splitlines() if asked.text else []
    texts = [line.strip() for line in lines if line.strip()] or generated(asked.documents)
    tokenizers: Mapping[str, RustTokenizer] = {
        str(folder): WordPiece.load(folder) for folder in asked.vocabulary
    } or trained(texts)
    for name, tokenizer in tokenizers.items():
        found = rates(tokenizer, texts, asked.rounds)
        print(json.dumps({"tokenizer": name, **{f"{way}, MB/s": round(rate, 2) for way, rate in found.items()}}))


if __name__ == "__main__":
    main()
