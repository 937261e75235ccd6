"""What a CPU makes for a GPU that encodes: batches of ids, or of texts, beside transformers' padded ones.

pytest benchmarks/bench_feeding.py --benchmark-columns=median,iqr,rounds
python -m benchmarks.bench_feeding              # thousands of tokens per second of processor time

The rate on the machine of a GPU has to be above that of the GPU. The texts are those of the rows `encode-...`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import pytest
import torch

from benchmarks.encoding import model_with_tokenizer, padded_ids, padded_texts, texts_of
from zoo import Encoding, Model
from zoo.pooling.config import vector_config
from zoo.text.collate import Sequences
from zoo.text.device_batches import MOST_TOKENS
from zoo.text.encoding import GPU_WINDOW, encode_texts, encoded_windows
from zoo.text.repeated_batches import Repeated, in_order

VARIANT = "bert-base-uncased"
PEER_BATCH = 256
N_TEXTS = 16_384

Work = Callable[[], Any]


def ways(variant: str, n_texts: int) -> tuple[dict[str, Work], int]:
    """Who makes all batches of a pass, by name; and the tokens of the pass."""
    model = model_with_tokenizer(variant)
    texts = texts_of(n_texts, model.text_tokenizer)
    longest = vector_config(None, model.variant.dims).max_length
    encodings = encode_texts(model.text_tokenizer, texts, longest)[0]
    from_ids, from_text = padded_ids, padded_texts(model)
    windows = partial(encoded_windows, model.text_tokenizer, max_length=longest, most=GPU_WINDOW)
    return {
        "ids, zoo": lambda: batches(model, [Sequences(encodings)]),
        "ids, transformers": lambda: theirs(from_ids, encodings),
        "text, zoo": lambda: batches(model, windows(texts=iter(texts))),
        "text, transformers": lambda: theirs(from_text, texts),
    }, sum(map(len, encodings))


def batches(model: Model, windows: Any) -> None:
    """All that is sent to a GPU, but for its pinned memory."""
    repeated = Repeated(torch.device("cpu"), lambda work, _: work)
    repeated.begin(model)
    for some in in_order(windows, MOST_TOKENS):
        repeated.shipment(some.batch(), MOST_TOKENS, model.variant.dims.max_length)


def theirs(padded: Callable[[Any], Any], given: list[Any] | list[Encoding]) -> None:
    """Padded batches of texts sorted by length, as the row's peer reads them."""
    order = sorted(range(len(given)), key=lambda place: -len(given[place]))
    for start in range(0, len(order), PEER_BATCH):
        padded([given[place] for place in order[start : start + PEER_BATCH]])


def rates(variant: str, n_texts: int, rounds: int) -> dict[str, float]:
    """Thousands of tokens per second of processor time, the ways in turn; median of the rounds after a first."""
    works, n_tokens = ways(variant, n_texts)
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(1 + rounds):
        for name, work in works.items():
            began = time.process_time()
            work()
            took[name].append(time.process_time() - began)
    return {name: round(n_tokens / median(its[1:]) / 1e3) for name, its in took.items()}


@pytest.mark.parametrize("who", ["ids, zoo", "ids, transformers", "text, zoo", "text, transformers"])
def test_feeding(benchmark: Any, request: pytest.FixtureRequest, who: str) -> None:
    """A pass over all texts."""
    tiny = request.config.getoption("--tiny", False)
    works, benchmark.extra_info["tokens"] = ways("bert-tiny" if tiny else VARIANT, 64 if tiny else N_TEXTS)
    benchmark.pedantic(works[who], rounds=5, warmup_rounds=1)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the rates as a line of JSON."""
    parser = argparse.ArgumentParser(description="Batches that a CPU makes for a GPU.")
    parser.add_argument("--variant", default=VARIANT)
    parser.add_argument("--texts", type=int, default=N_TEXTS)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(argv)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    print(json.dumps(rates(asked.variant, asked.texts, asked.rounds)))


if __name__ == "__main__":
    main()
