"""Task items to batches, a fine-tuned model to predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from zoo.core.batch import Batch, Encoding
from zoo.core.interfaces import Tokenizer
from zoo.core.seeds import seed_of
from zoo.core.specs import HeadConfig, PoolingConfig
from zoo.heads import LABEL, TaskHead
from zoo.model import Model
from zoo.tasks.task import Example, Task
from zoo.text.collate import collate
from zoo.text.encoding import encode_texts

EVALUATION_BATCH = 64


def head_for(task: Task, pooling: PoolingConfig) -> HeadConfig:
    """The head that a task of this kind takes."""
    kind: str = "regression" if task.kind == "regression" else "classification"
    return HeadConfig(kind=kind, labels=task.labels, pair=task.pair, pooling=pooling)


def encode_examples(examples: Sequence[Example], tokenizer: Tokenizer, max_length: int) -> tuple[list[Encoding], int]:
    """Each item as one sequence of at most `max_length` tokens, and how many had to be cut."""
    return encode_texts(
        tokenizer, [item.first if item.second is None else (item.first, item.second) for item in examples], max_length
    )


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

    def predictions(hidden: Tensor, batch: Batch) -> list[int] | list[float]:
        return head.predict(head.logits(hidden, batch))

    return model.map_sequences(encodings, predictions, EVALUATION_BATCH)
