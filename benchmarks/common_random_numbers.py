"""How much narrower differences between variants are for the random numbers that they have in common.

A base and variants one choice away from it are trained with several seeds, each with a pre-training of its own. With
common random numbers, seed i of a variant is held against seed i of the base: both start from the same weights where
their parts are the same, and read the same text in the same order. Independent draws are other seeds: the variance of
their differences is the sum of both variances.

    python -m benchmarks.common_random_numbers --out DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev, variance

import zoo
from zoo.experiments.results.run import ComparisonRun

BASE = "bert-tiny"
EXCHANGED = {
    "pre-training": "+pretraining.learning_rate=0.002",
    "encoder": "+encoder=albert.shared",
    "fine-tuning": "+finetuning.learning_rate=0.0008",
    "nothing": "+finetuning.epochs=2.0",
}
TASKS = "micro-sentiment,micro-similarity"


def main(argv: Sequence[str] | None = None) -> None:
    """Train what is not there yet and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Spreads of differences with common and with independent numbers.")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder, which may be there")
    parser.add_argument("--exchanged", nargs="+", choices=EXCHANGED, default=list(EXCHANGED), metavar="CHOICE")
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--tokens", type=int, default=100_000, help="of each pre-training")
    parser.add_argument("--steps", type=int, default=40, help="of each fine-tuning")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--reuse", type=Path, nargs="*", default=[], help="runs whose equal jobs are taken over")
    asked = parser.parse_args(argv)
    exchanges = [EXCHANGED[choice] for choice in asked.exchanged]
    done = zoo.compare(
        *(BASE + exchange for exchange in ("", *exchanges)),
        tasks=asked.tasks,
        seeds=asked.seeds,
        pretrain_each_seed=True,
        pretrain_tokens=asked.tokens,
        finetune_steps=asked.steps,
        workers=asked.workers,
        reuse=asked.reuse,
        out=asked.out,
        progress=True,
    ).run
    print("| exchanged | task | difference | SD, common | SD, independent | ratio |\n|---|---|---|---|---|---|")
    for choice, exchange in zip(asked.exchanged, exchanges, strict=True):
        tasks: list[str | None] = [planned.name for planned in done.plan.tasks]
        for task in tasks if len(tasks) == 1 else [*tasks, None]:
            print(f"| {choice} | {task or 'mean'} | {told(done, BASE + exchange, task)} |")


def told(run: ComparisonRun, variant: str, task: str | None) -> str:
    """The mean difference from the base, its spreads over seeds in points, and their ratio."""
    ours, theirs = by_seed(run, variant, task), by_seed(run, BASE, task)
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    common, independent = stdev(differences), sqrt(variance(ours) + variance(theirs))
    ratio = f"{common / independent:.2f}" if independent else "-"
    return f"{fmean(differences):+.1f} | {common:.2f} | {independent:.2f} | {ratio}"


def by_seed(run: ComparisonRun, variant: str, task: str | None) -> list[float]:
    """Scores in points, seed by seed, on one task or in the mean over all."""
    results = run.finetuned(variant, task)
    seeds = sorted({result.job.seed for result in results})
    return [100 * fmean(r.main_score for r in results if r.job.seed == seed) for seed in seeds]


if __name__ == "__main__":
    main()
