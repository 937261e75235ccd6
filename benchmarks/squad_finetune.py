"""Fine-tuning a released checkpoint on questions of SQuAD, here and in a plain loop of the transformers library.

    python -m benchmarks.squad_finetune FOLDER_OF_SQUAD CHECKPOINT_FOLDER --characters 600 --steps 240 --seeds 3

Trains on the first 40 articles of SQuAD's development file and scores on the last 8, on paragraphs of at most so many
characters if asked. Both sides have the same windows, and losses over the windows' own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForQuestionAnswering

from benchmarks import finetuning
from benchmarks.finetuning import Items, Peer
from zoo.core.specs import Finetuning
from zoo.tasks.task import Task

BEST = 20
"""Starts and ends that the library's examples combine (n_best_size)."""


class Answers(Peer):
    """As the library's run_qa.py has it."""

    head = "qa_outputs"

    def model(self, folder: Path, task: Task) -> Any:
        """As Peer says."""
        return AutoModelForQuestionAnswering.from_pretrained(folder)

    def features(self, tokenizer: Any, items: Items, recipe: Finetuning) -> Any:
        """Windows that begin as far apart as here, whatever the question; the library's `stride` is their overlap."""
        names = ("input_ids", "token_type_ids", "attention_mask", "offset_mapping", "sequence_ids", "item")
        made: dict[str, list[Any]] = {name: [] for name in names}
        for number, item in enumerate(items):
            room = (
                recipe.max_length - tokenizer.num_special_tokens_to_add(pair=True) - len(tokenizer.tokenize(item.first))
            )
            its = tokenizer(
                [item.first], [item.second], truncation="only_second", max_length=recipe.max_length,
                stride=max(0, room - recipe.stride_of(recipe.max_length)), return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )  # fmt: skip
            for name in names[:4]:
                made[name] += its[name]
            made["sequence_ids"] += [its.sequence_ids(index) for index in range(len(its["input_ids"]))]
            made["item"] += [number] * len(its["input_ids"])
        return made

    def learned(self, made: Any, items: Items) -> list[tuple[int, int]]:
        """First and last token of the answer, twice the first token where the window does not have it."""
        return [_target(made, index, items) for index in range(len(made["input_ids"]))]

    def targets(self, its: Sequence[Any], length: int) -> dict[str, torch.Tensor]:
        """As Peer says."""
        places = torch.tensor(its)
        return {"start_positions": places[:, 0], "end_positions": places[:, 1]}

    def loss(self, model: Any, batch: Any, targets: dict[str, torch.Tensor]) -> torch.Tensor:
        """As the library's, without padding, which its own counts as a possible answer."""
        out, beside = model(**batch), batch["attention_mask"] == 0
        starts, ends = (logits.masked_fill(beside, -torch.inf) for logits in (out.start_logits, out.end_logits))
        firsts, lasts = targets["start_positions"], targets["end_positions"]
        return (F.cross_entropy(starts, firsts) + F.cross_entropy(ends, lasts)) / 2

    def decode(self, made: Any, outputs: Sequence[Any], items: Items, recipe: Finetuning) -> list[Any]:
        """The best answer of all windows of each question."""
        best = [(-float("inf"), 0, 0)] * len(items)
        for index, (starts, ends) in enumerate(outputs):
            number = made["item"][index]
            best[number] = max(best[number], _best(made, index, starts, ends, recipe.longest_answer))
        pairs = zip(items, best, strict=True)
        return [[[start, str(item.second)[start:end]]] for item, (_, start, end) in pairs]


def _target(made: Any, index: int, items: Items) -> tuple[int, int]:
    start, answer = items[made["item"][index]].label[0]
    end, of = start + len(answer), made["sequence_ids"][index]
    offsets = made["offset_mapping"][index]
    text = [place for place, which in enumerate(of) if which == 1]
    if offsets[text[0]][0] > start or offsets[text[-1]][1] < end:
        return 0, 0
    inside = [place for place in text if offsets[place][1] > start and offsets[place][0] < end]
    return inside[0], inside[-1]


def _best(made: Any, index: int, starts: Any, ends: Any, longest: int) -> tuple[float, int, int]:
    of, offsets = made["sequence_ids"][index], made["offset_mapping"][index]
    pairs = [
        (float(starts[a] + ends[b]), offsets[a][0], offsets[b][1])
        for a in np.argsort(starts)[-BEST:].tolist()
        for b in np.argsort(ends)[-BEST:].tolist()
        if a <= b < a + longest and b < len(of) and of[a] == of[b] == 1
    ]
    return max(pairs, default=(-float("inf"), 0, 0))


def main() -> None:
    """Print the scores and times of both, in turn."""
    budget = {"train": 1920, "dev": 300, "characters": 0, "steps": 240, "batch": 8, "length": 192, "stride": 128}
    finetuning.main(Answers(), "squad-by-article", str(__doc__), **budget, seeds=3)


if __name__ == "__main__":
    main()
