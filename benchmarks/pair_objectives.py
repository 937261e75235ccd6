"""What encoders know of next sentences and of sentence order, whichever of the two they were trained on.

Lan et al. 2020, arXiv:1909.11942, table 5, asks models pre-trained with NSP, with SOP and with neither for each other's
task, and does not say how. Here held-out pairs of either kind are given to

- the head that a model was trained with, as it is: a pair that follows in order is its class 0, any other its class 1;
- a new head of the same form, a pooler of the first token and two classes, trained on that kind of pairs while the
  encoder is kept as it is. Its pooler begins as the one that the encoder was trained with, if it was with one.

    python -m benchmarks.pair_objectives microworld --out DIR     # or a text file, folder or pattern
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

import zoo
from zoo import Catalog, Finetuning, Model, Objective, part
from zoo.pretraining.preparation import split_documents
from zoo.pretraining.settings import PretrainSpec
from zoo.tasks.microworld import documents
from zoo.text.documents import read_documents
from zoo.text.pretraining_data import PretrainingData
from zoo.text.tokenizing import tokenize
from zoo.train.evaluation import evaluate
from zoo.train.loop import fit

TRAINED_WITH = {
    "MLM alone": "+objectives=bert.mlm",
    "MLM and NSP": "",
    "MLM and SOP": "+objectives=bert.mlm,albert.sop+objectives.albert.sop.pair=compare",
}
TASKS = ("bert.nsp", "albert.sop")
MICROWORLD = {"n": 5_000, "seed": 0}
HELD_OUT = 0.1


def main(argv: Sequence[str] | None = None) -> None:
    """Pre-train what is not there yet, ask each for both tasks, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Table 5 of Lan et al. 2020 at a small size.")
    parser.add_argument("corpus", help="text files, a folder or a pattern; or microworld")
    parser.add_argument("--out", type=Path, required=True, help="where pre-trained models are, or will be")
    parser.add_argument("--variant", default="bert-tiny+packing=roberta.sentence_pair")
    parser.add_argument("--tokens", type=int, default=1_500_000, help="of each pre-training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300, help="of training a head")
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    corpus = Path(asked.corpus)
    if asked.corpus == "microworld":
        corpus = asked.out / "microworld.txt"
        corpus.write_text("\n\n".join("\n".join(document) for document in documents(**MICROWORLD)) + "\n")
    heads = [f"{task}, {head} head" for head in ("its own", "new") for task in ("NSP", "SOP")]
    print(f"| trained with | MLM perplexity | MLM accuracy | {' | '.join(heads)} |\n{'|---' * 7}|")
    for name, objectives in TRAINED_WITH.items():
        rows = []
        for seed in range(asked.seeds):
            folder = asked.out / f"{name.split()[-1].lower()}-{seed}"
            mlm = pretrained(asked.variant + objectives, corpus, folder, asked.tokens, seed)["bert.mlm"]
            own, new = zip(*(ask(folder, corpus, task, asked.steps, seed) for task in TASKS), strict=True)
            rows.append([math.exp(mlm["loss"]), 100 * mlm["accuracy"], *own, *new])
        print(f"| {name} | {' | '.join(map(told, zip(*rows, strict=True)))} |", flush=True)


def pretrained(variant: str, corpus: Path, folder: Path, tokens: int, seed: int) -> dict[str, dict[str, float]]:
    """What `zoo pretrain` scores on held-out documents, from the folder if it was done before."""
    if not (folder / "result.json").exists():
        how: Any = {"held_out": HELD_OUT, "threads": 1, "device": "cpu"}
        zoo.pretrain(variant, corpus=[corpus], out=folder, tokens=tokens, seed=seed, **how)
    found: dict[str, dict[str, float]] = json.loads((folder / "result.json").read_text())["held_out"]
    return found


def ask(folder: Path, corpus: Path, task: str, steps: int, seed: int) -> tuple[float | None, float]:
    """The accuracies on held-out pairs of the model's own head, if it has one, and of a new one."""
    catalog = Catalog.installed()
    run = PretrainSpec.model_validate_json((folder / "run.json").read_bytes())
    trained = zoo.load(folder / "model").requires_grad_(False)
    variant, tokenizer = trained.variant, trained.tokenizer
    assert tokenizer is not None
    torch.manual_seed(seed)
    head: Objective = catalog.part("objective", task)(variant.dims, pair="compare")
    whole = tokenize(read_documents([corpus]), tokenizer)
    train, held = split_documents(whole.n_documents, run.held_out, run.seed)

    def pairs(numbers: Sequence[int]) -> PretrainingData:
        return PretrainingData(
            whole.documents(numbers),
            tokenizer,
            catalog.packing(variant),
            {"pairs": head.prepare},
            catalog.masking(variant.swap("plain", masking=part("bert.unmasked"))),
            sequence_length=variant.pretraining.sequence_length,
            batch_tokens=variant.pretraining.batch_tokens,
            seed=seed,
        )

    def score(model: Model) -> float:
        return 100 * (evaluate(model, pairs(held).epoch(0))[task].accuracy or 0.0)

    model, own = trained.with_head(task, head), None
    for objective in [used for used in variant.objectives if used.name in TASKS]:
        asked = catalog.part("objective", task)(variant.dims, **objective.options)
        asked.load_state_dict(trained.objective(objective.name).state_dict())
        own = score(trained.with_head(task, asked))
    recipe = Finetuning(learning_rate=1e-3, steps=steps)
    fit(model, pairs(train.tolist()), recipe, steps, lambda done, total: None)
    return own, score(model)


def told(column: Sequence[float | None]) -> str:
    """Mean and standard deviation over seeds."""
    values = [value for value in column if value is not None]
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}" if values else "-"


if __name__ == "__main__":
    main()
