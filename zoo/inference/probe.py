"""A probe of every layer: how well a linear head that reads one layer of a frozen encoder learns a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from zoo.blocks import initialise
from zoo.core.batch import Batch, Output
from zoo.core.interfaces import Encoder
from zoo.core.seeds import drawing, seed_of
from zoo.core.specs import FeatureConfig, Finetuning, Init
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, make_head, task_kind
from zoo.tasks.task import Dataset, Task, labels_of
from zoo.train.finetune import TrainingItems, head_for, predict
from zoo.train.kept import KeptStates
from zoo.train.loop import Progress, fit
from zoo.train.step import StepConfig

Answers: TypeAlias = dict[str, list[Any]]
"""Predictions by development split."""


@dataclass(frozen=True)
class ProbeTask:
    """A task, its data, and how heads are trained on it, once per seed."""

    task: Task
    dataset: Dataset
    recipe: Finetuning
    seeds: Sequence[int]


class Probes(Model):
    """A frozen encoder with a head on its input, one on the output of each layer; each sequence is read once."""

    def forward(self, batch: Batch, states: list[Tensor] | None = None) -> dict[str, Output]:
        """Every head's loss and predictions, by name; no list of states is filled."""
        assert self.kept is not None
        kept, table = self.kept(batch), self.embedding.tokens.weight
        names = self.objective_names
        return {name: self.objective(name)(state, batch, table) for name, state in zip(names, kept, strict=True)}


def probe(model: Model, asked: ProbeTask, progress: Progress) -> list[list[Answers]]:
    """The predictions for every development split, by layer, the encoder's input first, and by seed.

    Heads of one seed start alike, read the same batches and do not influence each other. An encoder that does not give
    single layers is probed at its input and its end.
    """
    task, recipe = asked.task, asked.recipe
    kind, tokenizer = task_kind(task, recipe), model.text_tokenizer
    items = task.training_items(asked.dataset)
    encoded = kind.encode(items, tokenizer, recipe.max_length)[0]
    splits = {s: kind.encode(asked.dataset.splits[s], tokenizer, recipe.max_length)[0] for s in task.dev_splits}
    labels = labels_of(items)
    n_steps, kept = (
        recipe.steps_over(sum(len(item.parts) for item in encoded)),
        KeptStates(partial(_states, model.eval())),
    )
    by_seed = []
    for number, seed in enumerate(asked.seeds):
        probes = _probes(model, asked, seed, kept)
        batches = TrainingItems(kind, encoded, labels, seed).batches(recipe.batch_size)
        how = StepConfig(seed=seed_of("steps", "probe", seed))
        fit(probes, batches, recipe, n_steps, _moved(progress, number, len(asked.seeds)), how)
        by_seed.append([_answers(probes, name, splits, kept) for name in probes.objective_names])
    return [[answers[layer] for answers in by_seed] for layer in range(len(by_seed[0]))]


def _states(model: Model, batch: Batch) -> Tensor:
    """[L + 1, T, H]"""
    return torch.stack(model.hidden_states(batch))


def _probes(model: Model, asked: ProbeTask, seed: int, kept: KeptStates) -> Probes:
    variant, task, heads = model.variant, asked.task, {}
    for layer in range(_n_states(model)):
        with drawing("head", asked.dataset.content_hash, seed):
            head = make_head(variant.dims, head_for(task, variant.head, FeatureConfig()))
        initialise(head, Init(), seed_of("head", asked.dataset.content_hash, seed))
        heads[f"layer-{layer}"] = head
    probes = Probes(variant, model.embedding, model.encoder, heads, causal=model.causal)
    probes.freeze()
    probes.kept = kept
    return probes.to(next(model.parameters()).device)


def _n_states(model: Model) -> int:
    """The encoder's input, and what it gives of its layers."""
    return 2 if type(model.encoder).states is Encoder.states else model.variant.dims.n_layers + 1


def _answers(probes: Probes, name: str, splits: dict[str, list[EncodedItem]], kept: KeptStates) -> Answers:
    """What the head of one layer predicts."""
    head, layer = probes.objective(name), probes.objective_names.index(name)
    assert isinstance(head, TaskHead)
    alone = Model(probes.variant, probes.embedding, probes.encoder, {name: head}, causal=probes.causal)
    alone.kept = lambda batch: kept(batch)[layer : layer + 1]
    return {split: predict(alone, head, items) for split, items in splits.items()}


def _moved(progress: Progress, number: int, n_seeds: int) -> Progress:
    return lambda done, of: progress(number * of + done, n_seeds * of)
