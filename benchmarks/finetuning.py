"""Fine-tuning a released checkpoint here and in a plain loop of the transformers library, for any kind of task.

Both have the same data, recipe, learning rates and start of the head, and take the same batches where they make the
same sequences. What dropout drops differs. Scores are printed by seed, and CPU seconds of training and of prediction,
features included; then the differences over seeds.
"""

from __future__ import annotations

import argparse
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoTokenizer, logging

import zoo
from zoo.blocks import initialise
from zoo.core.specs import Finetuning, PoolingConfig
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import make_head, task_kind
from zoo.tasks.scoring import gold_labels, score
from zoo.tasks.task import Dataset, Example, Task
from zoo.train.finetune import TrainingItems, head_for, predict, training_order
from zoo.train.loop import fit
from zoo.train.step import StepConfig

Items = Sequence[Example]
Clock = Callable[[str], None]
Row = dict[str, float]


class Peer(ABC):
    """A kind of task as an example of the transformers library has it."""

    head: str
    """The name of the model's last layer."""

    @abstractmethod
    def model(self, folder: Path, task: Task) -> Any:
        """The checkpoint with a new head."""

    @abstractmethod
    def features(self, tokenizer: Any, items: Items, recipe: Finetuning) -> Any:
        """Items as the tokenizer has them, one or several sequences for each."""

    @abstractmethod
    def learned(self, made: Any, items: Items) -> list[Any]:
        """What is to be predicted for each sequence."""

    @abstractmethod
    def targets(self, its: Sequence[Any], length: int) -> dict[str, torch.Tensor]:
        """The same of a batch of this length, as the model takes it."""

    def loss(self, model: Any, batch: Any, targets: dict[str, torch.Tensor]) -> torch.Tensor:
        """The library's own."""
        loss: torch.Tensor = model(**batch, **targets).loss
        return loss

    @abstractmethod
    def decode(self, made: Any, outputs: Sequence[Any], items: Items, recipe: Finetuning) -> list[Any]:
        """A prediction for each item, as zoo's kind has it, from the outputs for each sequence."""


def started(folder: Path, task: Task, seed: int) -> tuple[Model, TaskHead]:
    """The checkpoint with a new head, as fine-tuning jobs make it."""
    model = zoo.load(folder)
    head = make_head(model.variant.dims, head_for(task, PoolingConfig()))
    initialise(head, model.variant.init, seed)
    return model.with_head("task", head), head


def ours(folder: Path, task: Task, train: Items, dev: Items, recipe: Finetuning, seed: int, clock: Clock) -> list[Any]:
    """Predictions for dev, made as fine-tuning jobs make them."""
    model, head = started(folder, task, seed)
    kind = task_kind(head.config, recipe)
    model.variant = model.variant.model_copy(update={"finetuning": recipe})
    clock("")
    items, _ = kind.encode(train, model.text_tokenizer, recipe.max_length)
    batches = TrainingItems(kind, items, [item.label for item in train], seed).batches(recipe.batch_size)
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
    getattr(model, peer.head).load_state_dict(started(folder, task, seed)[1].output.state_dict())
    steps = int(recipe.steps or 1)
    optimizer = _optimizer(model, recipe)
    warmup = recipe.warmup_steps(steps)
    # the library's get_linear_schedule_with_warmup gives its first step a rate of 0, and is one step behind in warm-up
    schedule = LambdaLR(optimizer, lambda step: min((step + 1) / warmup, (steps - step) / max(1, steps - warmup)))
    clock("")
    made = peer.features(tokenizer, train, recipe)
    learned = peer.learned(made, train)
    model.train()
    order = training_order([len(ids) for ids in made["input_ids"]], recipe.batch_size, seed)
    for chosen in islice(order, steps):
        batch = _padded(tokenizer, made, chosen)
        targets = peer.targets([learned[index] for index in chosen], batch["input_ids"].shape[1])
        peer.loss(model, batch, targets).backward()
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


def _optimizer(model: nn.Module, recipe: Finetuning) -> torch.optim.Optimizer:
    """As the library's Trainer makes it: biases and norms don't decay."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon)


def _padded(tokenizer: Any, made: Any, chosen: list[int]) -> Any:
    names = [name for name in ("input_ids", "token_type_ids", "attention_mask") if name in made]
    return tokenizer.pad({name: [made[name][index] for index in chosen] for name in names}, return_tensors="pt")


def main(peer: Peer, task_name: str, description: str, **defaults: int) -> None:
    """Print the scores and times of both, in turn; the data lie in the folder of the file that is given, or above it.

    `defaults` are those of the numbers of training and development items, steps, items per batch, tokens and seeds, and
    of the stride and the longest text in characters where texts are read in windows.
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
    longest = getattr(given, "characters", 0) or np.inf
    train, dev = (
        drawn([item for item in dataset.splits[split] if len(item.texts[-1]) <= longest], n)
        for split, n in (("train", given.train), ("dev", given.dev))
    )
    gold = gold_labels(task, Dataset({"dev": dev}, ""))["dev"]
    recipe = Finetuning(
        learning_rate=3e-4,
        steps=given.steps,
        batch_size=given.batch,
        max_length=given.length,
        stride=getattr(given, "stride", None),
        epsilon=1e-8,
    )
    seen: dict[str, list[Row]] = {"zoo": [], "transformers": []}
    for seed in range(given.seeds):
        for name, rows in seen.items():
            times: dict[str, float] = {"": time.process_time()}

            def clock(what: str, times: dict[str, float] = times) -> None:
                now = time.process_time()
                times[what], times[""] = now - times[""], now

            asked = (given.folder, task, train, dev, recipe, seed, clock)
            scores = score(task, gold, ours(*asked) if name == "zoo" else theirs(peer, *asked))
            rows.append({**{metric: 100 * value for metric, value in scores.items()}, **times})
            shown = ", ".join(f"{metric} {rows[-1][metric]:.1f}" for metric in scores)
            print(f"{name}, seed {seed}: {shown}; training {times['training']:.1f} CPU s, "
                  f"prediction {times['prediction']:.1f} CPU s", flush=True)  # fmt: skip
    for metric in scores:
        print(f"{metric}: {difference(*([row[metric] for row in rows] for rows in seen.values()))}")
    for what in ("training", "prediction"):
        spent = [sum(row[what] for row in rows) for rows in seen.values()]
        print(f"{what}: {spent[0] / spent[1]:.2f} of the library's CPU time")


def difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The mean difference of scores over seeds, with its 95% interval by Student's t, if there are several."""
    each = np.subtract(ours, theirs)
    mean = f"zoo is {each.mean():+.1f} from the library in the mean over seeds"
    if len(each) < 2:
        return mean
    margin = t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / len(each) ** 0.5
    return f"{mean}, 95% interval {each.mean() - margin:+.1f} to {each.mean() + margin:+.1f}"


def drawn(items: Items, n: int) -> tuple[Example, ...]:
    """So many of the items, or all, always the same, in their order."""
    chosen = np.random.default_rng(0).permutation(len(items))[:n]
    return tuple(items[place] for place in sorted(chosen.tolist()))
