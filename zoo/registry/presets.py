"""What CPU-sized variants of every family share, so that comparing them compares their designs and nothing else."""

from __future__ import annotations

from typing import Any, Literal

from zoo.core.specs import Dims, Finetuning, Init, PoolingConfig, Pretraining

Size = Literal["tiny", "mini", "small"]

CPU_MASK_RATE = 0.25
"""Tiny models read few tokens, so they predict more of them than the papers' 15%."""


def cpu_size(size: Size, *, embedding_width: int | None = None) -> dict[str, Any]:
    """The dims, start, recipes and head of a model that trains in minutes on a CPU, as fields of a Variant.

    Settings that big models don't need and small ones do (measured: without them a two-layer model stays on the
    unigram plateau for hundreds of steps): sinusoidal starts for learned positions, larger weights, keys that start
    as queries, mean pooling and a head that compares the two texts of a pair. The wider a model, the smaller its
    weights, or each token attends to itself alone: from 0.06, albert-mini was on the plateau after 390 steps of 1,024
    tokens; from 0.04 it had left it after 200 (docs/results.md).

    The tiny size is made for the default comparison: its inner layer is as wide as the others, where the papers' is
    four times as wide, and its batches are small. It learns as much so in half of the time (benchmarks/README.md).
    """
    n_layers, width, ffn_width, vocab_size, max_length, linear_std = {
        "tiny": (2, 128, 128, 2_000, 128, 0.06),
        "mini": (4, 256, 1_024, 8_000, 256, 0.04),
        "small": (4, 512, 2_048, 8_000, 256, 0.03),
    }[size]
    tokens, batch_tokens, sequence_length, pretraining_rate = {
        "tiny": (1_000_000, 512, 48, 3e-3),
        "mini": (20_000_000, 2_560, 128, 1e-3),
        "small": (100_000_000, 2_560, 128, 1e-3),
    }[size]
    steps, batch_size, finetuning_rate, decay_power = (220, 16, 1e-3, 0.5) if size == "tiny" else (150, 32, 3e-4, 1.0)
    return {
        "dims": Dims(
            vocab_size=vocab_size,
            embedding_width=embedding_width or width,
            hidden_width=width,
            n_layers=n_layers,
            n_heads=4 if size == "tiny" else width // 64,
            ffn_width=ffn_width,
            max_length=max_length,
            dropout=0.0,
            attention_dropout=0.0,
        ),
        "init": Init(linear_std=linear_std, embedding_std=0.1, positions="sinusoidal", keys_start_as_queries=True),
        "pretraining": Pretraining(
            tokens=tokens,
            batch_tokens=batch_tokens,
            sequence_length=sequence_length,
            learning_rate=pretraining_rate,
            beta2=0.98,
        ),
        "finetuning": Finetuning(
            steps=steps,
            batch_size=batch_size,
            max_length=max_length,
            learning_rate=finetuning_rate,
            beta2=0.98,
            decay_power=decay_power,
        ),
        "head": PoolingConfig(pooling="mean", pair="compare"),
    }
