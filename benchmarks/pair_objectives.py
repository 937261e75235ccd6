"""What encoders know of next sentences and of sentence order, whichever they were trained on.

Lan et al. 2020, arXiv:1909.11942, table 5, asks models pre-trained with NSP, with SOP and with neither for each other's
task. Here every encoder is kept as it is, a fresh head is trained on pairs of the documents that it was trained on, and
scored on pairs of the documents that it was not:

    python benchmarks/pair_objectives.py CORPUS RUN [RUN ...] [--steps 400] [--seeds 3]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from zoo import Batch, Catalog, Dims, Finetuning, Head, Init, use
from zoo.blocks import initialise
from zoo.heads import LABEL, Classify
from zoo.interfaces import Objective
from zoo.pretrain.run import split_documents
from zoo.pretrain.settings import Run
from zoo.text.corpus import TokenCorpus
from zoo.text.documents import read_documents
from zoo.text.pretraining_data import PretrainingData
from zoo.train.evaluation import evaluate
from zoo.train.loop import fit
from zoo.weights.checkpoint import load_weights, read_variant

TASKS = ("bert.nsp", "albert.sop")
EVALUATED_TOKENS = 100_000


def main() -> None:
    """Print a row of accuracies for each run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for folder in asked.runs:
        row = {"run": folder.name}
        for task in TASKS:
            scores = [probe(folder, asked.corpus, task, asked.steps, seed) for seed in range(asked.seeds)]
            row[task] = f"{100 * np.mean(scores):.1f} ± {100 * np.std(scores, ddof=1):.1f}"
        print(json.dumps(row, ensure_ascii=False), flush=True)


def probe(folder: Path, corpus: Path, task: str, steps: int, seed: int) -> float:
    """The accuracy that a head of its own reaches on a frozen encoder."""
    catalog = Catalog.installed()
    run = Run.model_validate_json((folder / "run.json").read_bytes())
    place = folder / "model"
    variant = read_variant(place)
    tokenizer_class, options = catalog.tokenizer(variant)
    tokenizer = tokenizer_class.load(place, **options)
    pretrained = catalog.build(variant)
    load_weights(pretrained, place)
    whole = TokenCorpus.build(read_documents([corpus]), tokenizer)
    kept, held = split_documents(whole.n_documents, run.held_out, run.seed)
    asking: Objective = catalog.part("objective", task)(variant.dims)

    def pairs(documents: TokenCorpus) -> PretrainingData:
        return PretrainingData(
            documents,
            tokenizer,
            catalog.packing(variant),
            [asking.prepare],
            catalog.masking(variant.swap("plain", masking=use("bert.unmasked"))),
            sequence_length=variant.pretraining.sequence_length,
            batch_tokens=variant.pretraining.batch_tokens,
            seed=seed,
        )

    torch.manual_seed(seed)
    head = Classify(
        Dims.model_validate(dict(variant.dims)), Head(pooling="mean", pair="compare"), pair=True, n_outputs=2
    )
    initialise(head, Init())
    for parameter in pretrained.parameters():
        parameter.requires_grad_(False)
    model = pretrained.with_head(task, head)
    recipe = Finetuning(learning_rate=1e-3, steps=steps)
    fit(model, _labelled(iter(pairs(whole.documents(kept))), task), recipe, steps, lambda done, total: None)
    n = EVALUATED_TOKENS // variant.pretraining.batch_tokens
    scores = evaluate(model, _labelled(islice(pairs(whole.documents(held)), n), task))
    return scores[task].accuracy or 0.0


def _labelled(batches: Iterator[Batch], task: str) -> Iterator[Batch]:
    for batch in batches:
        yield replace(batch, labels={LABEL: batch.labels[task]})


if __name__ == "__main__":
    main()
