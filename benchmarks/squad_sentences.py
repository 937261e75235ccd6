"""Multiple choice out of SQuAD's development file, as a task of one's own: which of four sentences holds the answer?

    python -m benchmarks.squad_sentences FOLDER_OF_SQUAD --out sentences
    zoo task check sentences/squad-sentences.toml

The sentences are of the question's own paragraph, so only paragraphs with four or more are read. Items to learn from
are of the first 40 articles, those to score on of the last 8.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.finetuning import drawn
from zoo.registry.catalog import Catalog
from zoo.tasks.task import Example
from zoo.text.sentences import split_sentences

N_CHOICES = 4
SIZES = {"train": 3_000, "dev": 1_000}

RECORD = f"""name = "squad-sentences"
kind = "multiple-choice"
options = {{ n_choices = {N_CHOICES} }}
metrics = ["accuracy"]
citation = "made out of the development set of Rajpurkar et al. 2016, EMNLP"

[files]
train = "train.jsonl"
dev = "dev.jsonl"

[columns]
text = "question"
"""


def rows(items: Sequence[Example], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A question with four sentences of its paragraph, and the place of the only one that holds the first answer."""
    for item in items:
        answer, sentences = item.label[0][1], split_sentences(item.second or "")
        others = [sentence for sentence in sentences if answer not in sentence]
        right = [sentence for sentence in sentences if answer in sentence]
        if len(right) == 1 and len(others) >= N_CHOICES - 1:
            choices = [*right, *(others[at] for at in rng.permutation(len(others))[: N_CHOICES - 1])]
            order = rng.permutation(N_CHOICES).tolist()
            label = order.index(0)
            yield {"question": item.first, "choices": [choices[place] for place in order], "label": label}


def main() -> None:
    """Write the record and both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of squad/dev-v1.1.json, as --data of zoo compare")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    given = parser.parse_args()
    dataset = Catalog.installed().task("squad-by-article").load(given.data)
    given.out.mkdir(parents=True, exist_ok=True)
    for split, size in SIZES.items():
        found: Any = list(rows(dataset.splits[split], np.random.default_rng(0)))
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in drawn(found, size)]
        (given.out / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    (given.out / "squad-sentences.toml").write_text(RECORD)


if __name__ == "__main__":
    main()
