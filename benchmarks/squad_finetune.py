"""Fine-tuning a released checkpoint on questions of SQuAD, here and in a plain loop of the transformers library, with
the same data, recipe and number of steps.

    python benchmarks/squad_finetune.py dev-v1.1.json CHECKPOINT_FOLDER --train 640 --dev 300 --seeds 2

Trains on the first 40 articles of SQuAD's development file and scores on the last 8. Prints exact match and F1 by seed,
and CPU seconds of training and of prediction, features included.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, get_linear_schedule_with_warmup, logging

import zoo
from zoo.blocks import initialise
from zoo.core.specs import Finetuning, HeadConfig, Init, PoolingConfig
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import make_head, task_kind
from zoo.tasks.scoring import score
from zoo.tasks.task import Example
from zoo.train.finetune import predict, training_batches, training_parts
from zoo.train.loop import fit
from zoo.train.step import StepConfig

BEST = 20
"""Starts and ends that the library's examples combine (n_best_size)."""

Items = Sequence[Example]


def ours(folder: Path, train: Items, dev: Items, recipe: Finetuning, seed: int, clock: Callable[[str], None]) -> Any:
    """Texts predicted for dev, as fine-tuning jobs predict them."""
    model = zoo.load(folder)
    kind = task_kind(HeadConfig(kind="question-answering", pair=True), recipe)
    head = make_head(model.variant.dims, HeadConfig(kind="question-answering", pair=True, pooling=PoolingConfig()))
    initialise(head, Init(), seed)
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
    return [value[0][1] for value in made]


def theirs(folder: Path, train: Items, dev: Items, recipe: Finetuning, seed: int, clock: Callable[[str], None]) -> Any:
    """The same by the library, as its question-answering examples do it, with dynamic padding."""
    torch.manual_seed(seed)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForQuestionAnswering.from_pretrained(folder)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon
    )
    steps = int(recipe.steps or 1)
    schedule = get_linear_schedule_with_warmup(optimizer, recipe.warmup_steps(steps), steps)
    clock("")
    made = _features(tokenizer, train, recipe)
    places = [_target(made, index, train) for index in range(len(made["input_ids"]))]
    model.train()
    rng, order = np.random.default_rng(seed), []
    for _ in range(steps):
        if len(order) < recipe.batch_size:
            order = rng.permutation(len(places)).tolist()
        chosen, order = order[: recipe.batch_size], order[recipe.batch_size :]
        targets = torch.tensor([places[index] for index in chosen])
        loss = model(
            **_padded(tokenizer, made, chosen), start_positions=targets[:, 0], end_positions=targets[:, 1]
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    clock("training")
    made, best = _features(tokenizer, dev, recipe), [(-float("inf"), "")] * len(dev)
    model.eval()
    for start in range(0, len(made["input_ids"]), 64):
        chosen = list(range(start, min(start + 64, len(made["input_ids"]))))
        with torch.no_grad():
            out = model(**_padded(tokenizer, made, chosen))
        for row, index in enumerate(chosen):
            sample = made["overflow_to_sample_mapping"][index]
            found = _best(
                made, index, out.start_logits[row].numpy(), out.end_logits[row].numpy(), recipe.longest_answer
            )
            best[sample] = max(best[sample], (found[0], str(dev[sample].second)[found[1] : found[2]]))
    clock("prediction")
    return [text for _, text in best]


def _features(tokenizer: Any, items: Items, recipe: Finetuning) -> Any:
    return tokenizer(
        [item.first for item in items], [item.second for item in items], truncation="only_second",
        max_length=recipe.max_length, stride=recipe.stride_of(recipe.max_length), return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )  # fmt: skip


def _padded(tokenizer: Any, made: Any, chosen: list[int]) -> Any:
    names = [name for name in ("input_ids", "token_type_ids", "attention_mask") if name in made]
    return tokenizer.pad({name: [made[name][index] for index in chosen] for name in names}, return_tensors="pt")


def _target(made: Any, index: int, items: Items) -> tuple[int, int]:
    start, answer = items[made["overflow_to_sample_mapping"][index]].label[0]
    end, of = start + len(answer), made.sequence_ids(index)
    offsets = made["offset_mapping"][index]
    text = [place for place, which in enumerate(of) if which == 1]
    if offsets[text[0]][0] > start or offsets[text[-1]][1] < end:
        return 0, 0
    inside = [place for place in text if offsets[place][1] > start and offsets[place][0] < end]
    return inside[0], inside[-1]


def _best(made: Any, index: int, starts: Any, ends: Any, longest: int) -> tuple[float, int, int]:
    of, offsets = made.sequence_ids(index), made["offset_mapping"][index]
    pairs = [
        (float(starts[a] + ends[b]), offsets[a][0], offsets[b][1])
        for a in np.argsort(starts)[-BEST:].tolist()
        for b in np.argsort(ends)[-BEST:].tolist()
        if a <= b < a + longest and b < len(of) and of[a] == of[b] == 1
    ]
    return max(pairs, default=(-float("inf"), 0, 0))


def main() -> None:
    """Print the scores and times of both, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    for name, value in {"train": 640, "dev": 300, "steps": 60, "batch": 16, "length": 256, "seeds": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    logging.set_verbosity_error()
    task = Catalog.installed().task("squad-by-article")
    splits = task.load(given.file.parent).splits
    rng = np.random.default_rng(0)
    train, dev = (
        [splits[name][place] for place in sorted(rng.permutation(len(splits[name]))[:n].tolist())]
        for name, n in (("train", given.train), ("dev", given.dev))
    )
    recipe = Finetuning(
        learning_rate=3e-4, steps=given.steps, batch_size=given.batch, max_length=given.length, epsilon=1e-8
    )
    gold = [[list(answer) for answer in item.label] for item in dev]
    for seed in range(given.seeds):
        for name, run in (("zoo", ours), ("transformers", theirs)):
            times: dict[str, float] = {"": time.process_time()}

            def clock(what: str, times: dict[str, float] = times) -> None:
                now = time.process_time()
                times[what], times[""] = now - times[""], now

            texts = run(given.folder, train, dev, recipe, seed, clock)
            scores = score(task, gold, [[[0, text]] for text in texts])
            shown = ", ".join(f"{metric} {100 * value:.1f}" for metric, value in scores.items())
            print(f"{name}, seed {seed}: {shown}; training {times['training']:.1f} CPU s, "
                  f"prediction {times['prediction']:.1f} CPU s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
