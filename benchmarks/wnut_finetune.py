"""Fine-tuning a released checkpoint on the entities of WNUT 2017, here and in a plain loop of the transformers library.

python -m benchmarks.wnut_finetune FOLDER_OF_WNUT17 CHECKPOINT_FOLDER --train 3394 --dev 1009 --seeds 2
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForTokenClassification

from benchmarks import finetuning
from benchmarks.finetuning import Items, Peer
from zoo.core.specs import Finetuning
from zoo.tasks.task import Task

NO_TAG = -100
"""What the library's loss leaves out."""


class Tags(Peer):
    """As the library's run_ner.py has it."""

    head = "classifier"

    def model(self, folder: Path, task: Task) -> Any:
        """As Peer says."""
        return AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(task.labels))

    def features(self, tokenizer: Any, items: Items, recipe: Finetuning) -> Any:
        """Sentences as their words, cut where they are too long."""
        words = [item.first.split() for item in items]
        return tokenizer(words, is_split_into_words=True, truncation=True, max_length=recipe.max_length)

    def learned(self, made: Any, items: Items) -> list[list[int]]:
        """The tag of each word at its first piece."""
        return [
            [NO_TAG if word is None else item.label[word] for word in _firsts(made, index)]
            for index, item in enumerate(items)
        ]

    def targets(self, its: Sequence[Any], length: int) -> dict[str, torch.Tensor]:
        """As Peer says."""
        return {"labels": torch.tensor([[*tags, *[NO_TAG] * (length - len(tags))] for tags in its])}

    def decode(self, made: Any, outputs: Sequence[Any], items: Items, recipe: Finetuning) -> list[Any]:
        """The most probable tag of each word, O (0) where it was cut off."""
        found = []
        for index, (item, (logits,)) in enumerate(zip(items, outputs, strict=True)):
            tags = [0] * len(item.label)
            for place, word in enumerate(_firsts(made, index)):
                if word is not None:
                    tags[word] = int(logits[place].argmax())
            found.append(tags)
        return found


def _firsts(made: Any, index: int) -> list[int | None]:
    """For each token, the word that begins with it."""
    words = made.word_ids(index)
    return [None if word == before else word for before, word in zip([None, *words], words, strict=False)]


def main() -> None:
    """Print the scores and times of both, in turn."""
    budget = {"train": 3394, "dev": 1009, "steps": 300, "batch": 16, "length": 128, "seeds": 2}
    finetuning.main(Tags(), "wnut17", str(__doc__), **budget)


if __name__ == "__main__":
    main()
