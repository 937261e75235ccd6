"""Fine-tuning a released checkpoint here and in a plain loop of the transformers library, for any kind of task.

Both have the same data, recipe and number of steps; scores are printed by seed, and CPU seconds of training and of
prediction, features included.
"""

from __future__ import annotations

import argparse
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, get_linear_schedule_with_warmup, logging

import zoo
from zoo.blocks import initialise
from zoo.core.specs import Finetuning, PoolingConfig
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import make_head, task_kind
from zoo.tasks.scoring import gold_labels, score
from zoo.tasks.task import Dataset, Example, Task
from zoo.train.finetune import head_for, predict, training_batches, training_parts
from zoo.train.loop import fit
from zoo.train.step import StepConfig

Items = Sequence[Example]
Clock = Callable[[str], None]


class Peer(ABC):
    """A kind of task as an example of the transformers library has it."""

    @abstractmethod
    def model(self, folder: Path, task: Task) -> Any:
        """The checkpoint with a new head."""

    @abstractmethod
    def features(self, tokenizer: Any, items: Items, recipe: Finetuning) -> Any:
        """Items as the tokenizer has them, one or several sequences for each."""

    @abstractmethod
    def learnt(self, made: Any, items: Items) -> list[Any]:
        """What is to be predicted for each sequence."""

    @abstractmethod
    def targets(self, its: Sequence[Any], length: int) -> dict[str, torch.Tensor]:
        """The same of a batch of this length, as the model takes it."""

    @abstractmethod
    def decode(self, made: Any, outputs: Sequence[Any], items: Items, recipe: Finetuning) -> list[Any]:
        """A prediction for each item, as zoo's kind has it, from the outputs for each sequence."""


def ours(folder: Path, task: Task, train: Items, dev: Items, recipe: Finetuning, seed: int, clock: Clock) -> list[Any]:
    """Predictions for dev, made as fine-tuning jobs make them."""
    model = zoo.load(folder)
    config = head_for(task, PoolingConfig())
    kind, head = task_kind(config, recipe), make_head(model.variant.dims, config)
    initialise(head, model.variant.init, seed)
    model = model.with_head("task", head)
    model.variant = model.variant.model_copy(update={"finetuning": recipe})
    clock("")
    items, _ = kind.encode(train, model.text_tokenizer, recipe.max_length)
    parts, labels = training_parts(items, [item.label for item in train])
    batches = training_batches(kind, parts, labels, recipe.batch_size, seed)
    fit(model, batches, recipe, int(recipe.steps or 1), lambda done, total: None, StepConfig(seed=seed))
    clock("training")
    items, _ = kind.encode(dev, model.text_tokenizer, recipe.max_length)
    made = predict(model, head, items)
    clock("prediction")
    return made


def theirs(
    peer: Peer, folder: Path, task: Task, train: Items, dev: Items, recipe: Finetuning, seed: int, clock: Clock
) -> list[Any]:
    """The same by the library, with dynamic padding."""
    torch.manual_seed(seed)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), peer.model(folder, task)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon
    )
    steps = int(recipe.steps or 1)
    schedule = get_linear_schedule_with_warmup(optimizer, recipe.warmup_steps(steps), steps)
    clock("")
    made = peer.features(tokenizer, train, recipe)
    learnt = peer.learnt(made, train)
    model.train()
    rng, order = np.random.default_rng(seed), []
    for _ in range(steps):
        if len(order) < recipe.batch_size:
            order = rng.permutation(len(learnt)).tolist()
        chosen, order = order[: recipe.batch_size], order[recipe.batch_size :]
        batch = _padded(tokenizer, made, chosen)
        targets = peer.targets([learnt[index] for index in chosen], batch["input_ids"].shape[1])
        model(**batch, **targets).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    clock("training")
    made, outputs = peer.features(tokenizer, dev, recipe), []
    model.eval()
    for start in range(0, len(made["input_ids"]), 64):
        chosen = list(range(start, min(start + 64, len(made["input_ids"]))))
        with torch.no_grad():
            out = model(**_padded(tokenizer, made, chosen))
        outputs += list(zip(*(its.numpy() for its in out.values()), strict=True))
    predictions = peer.decode(made, outputs, dev, recipe)
    clock("prediction")
    return predictions


def _padded(tokenizer: Any, made: Any, chosen: list[int]) -> Any:
    names = [name for name in ("input_ids", "token_type_ids", "attention_mask") if name in made]
    return tokenizer.pad({name: [made[name][index] for index in chosen] for name in names}, return_tensors="pt")


def main(peer: Peer, task_name: str, description: str, **defaults: int) -> None:
    """Print the scores and times of both, in turn; the data lie in the folder of the file that is given, or above it.

    `defaults` are those of the numbers of training and development items, steps, items per batch, tokens and seeds.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the task's files, as --data of zoo compare")
    parser.add_argument("folder", type=Path, help="the folder of a checkpoint")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"default {value}")
    given = parser.parse_args()
    logging.set_verbosity_error()
    task = Catalog.installed().task(task_name)
    dataset = task.load(given.data)
    train, dev = drawn(dataset.splits["train"], given.train), drawn(dataset.splits["dev"], given.dev)
    gold = gold_labels(task, Dataset({"dev": dev}, ""))["dev"]
    recipe = Finetuning(
        learning_rate=3e-4, steps=given.steps, batch_size=given.batch, max_length=given.length, epsilon=1e-8
    )
    for seed in range(given.seeds):
        for name in ("zoo", "transformers"):
            times: dict[str, float] = {"": time.process_time()}

            def clock(what: str, times: dict[str, float] = times) -> None:
                now = time.process_time()
                times[what], times[""] = now - times[""], now

            asked = (given.folder, task, train, dev, recipe, seed, clock)
            scores = score(task, gold, ours(*asked) if name == "zoo" else theirs(peer, *asked))
            shown = ", ".join(f"{metric} {100 * value:.1f}" for metric, value in scores.items())
            print(f"{name}, seed {seed}: {shown}; training {times['training']:.1f} CPU s, "
                  f"prediction {times['prediction']:.1f} CPU s", flush=True)  # fmt: skip


def drawn(items: Items, n: int) -> tuple[Example, ...]:
    """So many of the items, or all, always the same, in their order."""
    chosen = np.random.default_rng(0).permutation(len(items))[:n]
    return tuple(items[place] for place in sorted(chosen.tolist()))
