"""The work that is checked and measured: models with batches, made alike for any device."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo import IGNORE, Batch, Catalog, Encoding, Model
from zoo.core.specs import Dims, Finetuning, HeadConfig, Recipe, Variant
from zoo.heads import LABEL
from zoo.tasks.kinds import make_head
from zoo.text.collate import collate
from zoo.train.optimizers import make_optimizer

sys.path[:0] = [str(path) for path in Path(__file__).resolve().parents[1].glob("plugins/*")]

CATALOG = Catalog.of(*map(import_module, ("zoo_bert", "zoo_roberta", "zoo_albert", "zoo_modernbert")))
CLASSES = ("a", "b", "c")
HEADS = ("classification", "multi-label", "regression", "question-answering", "multiple-choice", "token-classification")


_BUILT: dict[str, Model] = {}


def built(variant: Variant) -> Model:
    """The variant as a model, built once."""
    record = variant.model_dump_json()
    if record not in _BUILT:
        _BUILT[record] = CATALOG.build(variant)
    return _BUILT[record]


def peer_config(dims: Dims) -> Any:
    """The same sizes as transformers has them, with its fastest attention."""
    from transformers import BertConfig

    config: Any = BertConfig  # what else it takes is not in its types
    return config(
        vocab_size=dims.vocab_size, hidden_size=dims.hidden_width, num_hidden_layers=dims.n_layers,
        num_attention_heads=dims.n_heads, intermediate_size=dims.ffn_width, attn_implementation="sdpa", num_labels=3,
    )  # fmt: skip


@dataclass(frozen=True)
class Work:
    """A model, the batches that it is trained on, over and over, and its recipe."""

    model: Model
    batches: Sequence[Batch]
    recipe: Recipe

    def endless(self) -> Iterator[Batch]:
        """The batches over and over."""
        return cycle(self.batches)

    def fresh(self, device: torch.device) -> tuple[Model, torch.optim.Optimizer]:
        """A copy of the model on a device, with its optimizer."""
        model = copy.deepcopy(self.model.cpu()).to(device)
        return model, make_optimizer(model, self.recipe)


def packed(
    lengths: Sequence[int], vocab_size: int, rng: np.random.Generator, labels: dict[str, Any], n_targets: int = 0
) -> Batch:
    """Random ids in sequences of two texts, with labels; 15% of the tokens have targets."""
    encodings, targets = [], []
    for length in lengths:
        ids = rng.integers(5, vocab_size, length).astype(np.int32)
        special = np.zeros(length, dtype=bool)
        special[[0, -1]] = True
        encodings.append(Encoding(ids, (np.arange(length) > length // 2).astype(np.int32), special))
        targets.append(np.where(rng.random(length) < 0.15, ids % (n_targets or vocab_size), IGNORE).astype(np.int32))
    n_questions = len(lengths) // 2
    items = [place % n_questions for place in range(len(lengths))] if labels.pop("questions", None) else ()
    return collate(encodings, labels, targets, items=items)


def pretraining(name: str, lengths: Sequence[Sequence[int]], *, dropout: float | None = None) -> Work:
    """A variant with its own objectives, on batches of these lengths."""
    variant = CATALOG.variant(name)
    if dropout is not None:
        update = {"dropout": dropout, "attention_dropout": dropout}
        variant = variant.swap(name, dims=variant.dims.model_copy(update=update))
    model, rng = built(variant), np.random.default_rng(0)
    labels = [objective.label for objective in map(model.objective, model.objective_names) if objective.label]
    batches = [
        packed(row, variant.dims.vocab_size, rng, {label: rng.integers(2, size=len(row)).tolist() for label in labels})
        for row in lengths
    ]
    return Work(model, batches, variant.pretraining)


def finetuning(name: str, lengths: Sequence[Sequence[int]], kind: str, *, dropout: float = 0.0) -> Work:
    """A variant with a head of a kind, on batches of these lengths."""
    variant = CATALOG.variant(name)
    dims = variant.dims.model_copy(update={"dropout": dropout, "attention_dropout": dropout})
    variant = variant.swap(name, dims=dims)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    pooling = variant.head.model_copy(update={"dropout": dropout, "pair": "joint"})
    head = make_head(dims, HeadConfig(kind=kind, labels=CLASSES, pair=True, pooling=pooling))
    model = CATALOG.build(variant).with_head("task", head)
    batches = [packed(row, dims.vocab_size, rng, _labels(kind, row, rng), len(CLASSES)) for row in lengths]
    return Work(model, batches, Finetuning(learning_rate=1e-3))


def _labels(kind: str, lengths: Sequence[int], rng: np.random.Generator) -> dict[str, Any]:
    n = len(lengths)
    if kind == "token-classification":
        return {}
    if kind == "multi-label":
        return {LABEL: rng.integers(2, size=(n, len(CLASSES))).tolist()}
    if kind == "regression":
        return {LABEL: rng.random(n).tolist()}
    if kind == "question-answering":
        return {LABEL: [[int(rng.integers(length)), int(rng.integers(length))] for length in lengths]}
    if kind == "multiple-choice":
        return {LABEL: [place % (n // 2) % 2 for place in range(n)], "questions": [1]}
    return {LABEL: rng.integers(len(CLASSES), size=n).tolist()}
