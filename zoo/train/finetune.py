"""Task items to batches, a fine-tuned model to predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from zoo.core.batch import Batch, Encoding
from zoo.core.interfaces import Tokenizer
from zoo.core.seeds import seed_of
from zoo.core.specs import Finetuning, HeadConfig, PoolingConfig
from zoo.heads import LABEL, TaskHead
from zoo.model import Model
from zoo.tasks.task import Example, Task
from zoo.text.collate import collate

EVALUATION_BATCH = 64


def head_for(task: Task, pooling: PoolingConfig) -> HeadConfig:
    """The head that a task of this kind takes."""
    kind: str = "regression" if task.kind == "regression" else "classification"
    return HeadConfig(kind=kind, labels=task.labels, pair=task.pair, pooling=pooling)


def encode_examples(examples: Sequence[Example], tokenizer: Tokenizer, max_length: int) -> tuple[list[Encoding], int]:
    """Each item as one sequence of at most `max_length` tokens, and how many had to be cut."""
    firsts = tokenizer.encode([item.first for item in examples])
    pairs = [index for index, item in enumerate(examples) if item.second is not None]
    seconds = dict(zip(pairs, tokenizer.encode([examples[index].second or "" for index in pairs]), strict=True))
    encodings, n_cut = [], 0
    for index, first in enumerate(firsts):
        second = seconds.get(index)
        n_cut += (
            len(first) + len(second if second is not None else ()) + tokenizer.n_special(second is not None)
            > max_length
        )
        encodings.append(tokenizer.join(first, second, max_length))
    return encodings, n_cut


def n_steps(recipe: Finetuning, n_items: int) -> int:
    """How many steps a recipe takes over so many items."""
    return recipe.steps or math.ceil(recipe.epochs * math.ceil(n_items / recipe.batch_size))


def training_batches(
    encodings: Sequence[Encoding], labels: Sequence[int] | Sequence[float], batch_size: int, seed: int
) -> Iterator[Batch]:
    """Epoch after epoch in a new order, neighbours of like length together, so that attention runs in few groups."""
    epoch = 0
    while True:
        rng = np.random.default_rng(seed_of("fine-tuning order", seed, epoch))
        order = rng.permutation(len(encodings)).tolist()
        window = batch_size * 8
        chunks = []
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=lambda index: len(encodings[index]))
            chunks += [near[at : at + batch_size] for at in range(0, len(near), batch_size)]
        for index in rng.permutation(len(chunks)).tolist():
            chosen = chunks[index]
            yield collate([encodings[i] for i in chosen], labels={LABEL: [labels[i] for i in chosen]})
        epoch += 1


def predict(model: Model, head: TaskHead, encodings: Sequence[Encoding]) -> list[int] | list[float]:
    """The head's prediction for each sequence, in order."""
    model.eval()
    device = next(model.parameters()).device
    order = sorted(range(len(encodings)), key=lambda index: len(encodings[index]))
    predictions: dict[int, int | float] = {}
    with torch.inference_mode():
        for start in range(0, len(order), EVALUATION_BATCH):
            chosen = order[start : start + EVALUATION_BATCH]
            batch = collate([encodings[index] for index in chosen]).to(device)
            made = head.predict(head.logits(model.hidden(batch), batch))
            predictions |= {chosen[place]: value for place, value in zip(batch.order, made, strict=True)}
    return [predictions[index] for index in range(len(encodings))]
