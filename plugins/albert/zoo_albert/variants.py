"""ALBERT's released checkpoints, versions 1 and 2, and our own sizes for CPUs.

Sizes: Lan et al. 2020, arXiv:1909.11942, table 1; heads, activation and dropout as in the released configurations
(xlarge has 16 heads where the paper's rule H/64 gives 32; version 2 uses the tanh GELU and no dropout).
"""

from __future__ import annotations

from zoo import Dims, Finetuning, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

ALBERT = "Lan et al. 2020, arXiv:1909.11942"

FINETUNING = Finetuning(learning_rate=2e-5, batch_size=16, epochs=3.0, max_length=512)  # table 14


def _released(name: str, n_layers: int, width: int, n_heads: int, version: int, dropout: float, steps: int) -> Variant:
    return Variant(
        name=name,
        paper=ALBERT,
        dims=Dims(
            vocab_size=30_000,
            embedding_width=128,
            hidden_width=width,
            n_layers=n_layers,
            n_heads=n_heads,
            ffn_width=4 * width,
            activation="gelu" if version == 1 else "gelu_new",
            dropout=dropout,
            attention_dropout=dropout,
        ),
        tokenizer=part("albert.unigram"),
        embedding=part("albert.factorized"),
        encoder=part("albert.shared", share="all"),
        objectives=(part("bert.mlm"), part("albert.sop")),
        packing=part("bert.segment_pair", short_seq_prob=0.1),
        masking=part("albert.ngram", max_n=3, dupe_factor=40),
        pretraining=Pretraining(  # section 4.1
            optimizer="lamb",
            tokens=steps * 4_096 * 512,
            batch_tokens=4_096 * 512,
            sequence_length=512,
            learning_rate=1.76e-3,
            warmup=3_125 / steps,
            bias_correction=False,  # google-research/albert, lamb_optimizer.py
        ),
        finetuning=FINETUNING,
    )


def _cpu(name: str, size: Size) -> Variant:
    return Variant(
        name=name,
        paper=f"ours, after {ALBERT}",
        tokenizer=part("albert.unigram"),
        embedding=part("albert.factorized"),
        encoder=part("albert.shared", share="all"),
        objectives=(part("bert.mlm", bias="unigram"), part("albert.sop", pair="compare")),
        packing=part("bert.segment_pair", short_seq_prob=0.0),
        masking=part("albert.ngram", max_n=3, dupe_factor=10, rate=CPU_MASK_RATE),
        **cpu_size(size, embedding_width=64 if size == "tiny" else 128),
    )


VARIANTS = [
    _released("albert-base-v1", 12, 768, 12, 1, 0.1, 125_000),
    _released("albert-large-v1", 24, 1_024, 16, 1, 0.1, 125_000),
    _released("albert-xlarge-v1", 24, 2_048, 16, 1, 0.1, 125_000),
    _released("albert-xxlarge-v1", 12, 4_096, 64, 1, 0.0, 125_000),
    _released("albert-base-v2", 12, 768, 12, 2, 0.0, 10_000_000),
    _released("albert-large-v2", 24, 1_024, 16, 2, 0.0, 3_000_000),
    _released("albert-xlarge-v2", 24, 2_048, 16, 2, 0.0, 3_000_000),
    _released("albert-xxlarge-v2", 12, 4_096, 64, 2, 0.0, 3_000_000),
    _cpu("albert-tiny", "tiny"),
    _cpu("albert-mini", "mini"),
    _cpu("albert-small", "small"),
]
