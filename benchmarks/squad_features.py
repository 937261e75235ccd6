"""Making features of SQuAD: windows of tokens with the first and last token of the answer, here and as the
transformers library's examples make them (examples/pytorch/question-answering/run_qa.py), on the same file.

    python benchmarks/squad_features.py dev-v1.1.json TOKENIZER_FOLDER

Prints CPU seconds of both, all threads counted, in turn; and for how many questions of one window tokens and targets
are equal. (Of longer texts the library's windows overlap by 128 tokens, while ours begin 128 tokens apart, as those of
google-research/bert do.)
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from transformers import AutoTokenizer

from zoo.checkpoints import tokenizer_of
from zoo.core.specs import Reading
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Example
from zoo.weights.folder import CheckpointFolder

LENGTH, STRIDE, REPEATS = 384, 128, 3


Feature: TypeAlias = tuple[int, Any, list[int]]
"""The number of a question, ids, and the first and last token of the answer."""


def ours(items: list[Example], tokenizer: Any, kind: Any) -> list[Feature]:
    """Every window."""
    encoded, _ = kind.encode(items, tokenizer, LENGTH)
    parts = [(number, part) for number, whole in enumerate(encoded) for part in whole.parts]
    return [(number, part.encodings[0].ids, kind.target(part, items[number].label)) for number, part in parts]


def theirs(items: list[Example], tokenizer: Any) -> list[Feature]:
    """The same by run_qa.py's prepare_train_features, without padding."""
    made = tokenizer(
        [item.first.lstrip() for item in items],
        [item.second for item in items],
        truncation="only_second",
        max_length=LENGTH,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    features: list[Feature] = []
    for index, (sample, offsets) in enumerate(
        zip(made["overflow_to_sample_mapping"], made["offset_mapping"], strict=True)
    ):
        ids, sequence_ids = made["input_ids"][index], made.sequence_ids(index)
        start, answer = items[sample].label[0]
        end = start + len(answer)
        first = 0
        while sequence_ids[first] != 1:
            first += 1
        last = len(ids) - 1
        while sequence_ids[last] != 1:
            last -= 1
        if not (offsets[first][0] <= start and offsets[last][1] >= end):
            features.append((sample, ids, [0, 0]))
            continue
        while first < len(offsets) and offsets[first][0] <= start:
            first += 1
        while offsets[last][1] >= end:
            last -= 1
        features.append((sample, ids, [first - 1, last + 1]))
    return features


def alone(features: list[Feature]) -> list[Feature]:
    """Those of questions with one window."""
    counts = Counter(number for number, *_ in features)
    return [feature for feature in features if counts[feature[0]] == 1]


def seconds(make: Callable[[], Any]) -> float:
    """Of CPU, over all threads."""
    began = time.process_time()
    make()
    return time.process_time() - began


def main(file: Path, folder: Path) -> None:
    """Print both."""
    task = Catalog.installed().task("squad")
    kind = task_kind(task, Reading(max_length=LENGTH, stride=STRIDE))
    items = list(task.read(file))
    our_tokenizer = tokenizer_of(CheckpointFolder(folder), Catalog.installed())
    their_tokenizer = AutoTokenizer.from_pretrained(folder)
    here, there = ours(items, our_tokenizer, kind), theirs(items, their_tokenizer)
    pairs = list(zip(alone(here), alone(there), strict=True))
    same = sum(a[0] == b[0] and list(a[1]) == b[1] and a[2] == b[2] for a, b in pairs)
    print(f"{len(items):,} questions: {len(here):,} windows here, {len(there):,} there")
    print(f"{same:,} of {len(pairs):,} questions of one window are equal")
    times: dict[str, list[float]] = {"zoo": [], "transformers": []}
    for _ in range(REPEATS):
        times["zoo"].append(seconds(lambda: ours(items, our_tokenizer, kind)))
        times["transformers"].append(seconds(lambda: theirs(items, their_tokenizer)))
    for name, found in times.items():
        print(f"{name}: {median(found):.2f} CPU s ({', '.join(f'{value:.2f}' for value in found)})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
