"""ELECTRA's released models, discriminators with their generators, and our own sizes for CPUs.

Sizes and recipes: Clark et al. 2020, tables 6 and 7; generators' sizes: google-research/electra, README and
configure_pretraining.py.
"""

from __future__ import annotations

from typing import Any

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

PAPER = "Clark et al. 2020, arXiv:2003.10555"
HEAD = PoolingConfig(activation="gelu", input_dropout=0.1)  # model/modeling.py of the transformers library
STEPS = {"small": 1_000_000, "base": 766_000, "large": 1_750_000}
WEIGHT = 50.0  # section 3.1; table 6

PARTS: dict[str, Any] = {
    "tokenizer": part("bert.wordpiece", lowercase=True),
    "embedding": part("electra.projected"),
    "encoder": part("bert.stack"),
    "packing": part("bert.segment_pair", short_seq_prob=0.05),
}


def _pretraining(batch: int, length: int, rate: float, steps: int) -> Pretraining:
    return Pretraining(
        tokens=steps * batch * length,
        batch_tokens=batch * length,
        sequence_length=length,
        learning_rate=rate,
        warmup=10_000 / steps,
        bias_correction=False,  # model/optimization.py, after BERT's
    )


def _dims(embedding: int, width: int, n_layers: int) -> Dims:
    return Dims(
        vocab_size=30_522,
        embedding_width=embedding,
        hidden_width=width,
        n_layers=n_layers,
        n_heads=width // 64,
        ffn_width=4 * width,
    )


def _released(
    size: str, dims: Dims, generator: float, pretraining: Pretraining, rate: float, mask_rate: float = 0.15
) -> list[Variant]:
    """The discriminator, pre-trained with its generator; and the generator alone."""
    common: dict[str, Any] = {
        "paper": PAPER,
        # 85% of the chosen tokens are hidden, the others stay (pretrain/pretrain_helpers.py)
        "masking": part("roberta.dynamic", rate=mask_rate, mask_share=0.85, random_share=0.0),
        "pretraining": pretraining,
        "finetuning": Finetuning(learning_rate=rate, batch_size=32, epochs=3.0, weight_decay=0.0),
        "head": HEAD,
        **PARTS,
    }
    width = round(dims.hidden_width * generator)
    return [
        Variant(
            name=f"electra-{size}-discriminator",
            dims=dims,
            objectives=(part("electra.generator", size=generator), part("electra.rtd", weight=WEIGHT)),
            **common,
        ),
        Variant(
            name=f"electra-{size}-generator",
            dims=_dims(dims.embedding_width, width, dims.n_layers),
            objectives=(part("electra.mlm"),),
            **common,
        ),
    ]


def _cpu(name: str, size: Size) -> Variant:
    return Variant(
        name=name,
        paper=f"ours, after {PAPER}",
        objectives=(part("electra.generator", size=0.5, bias="unigram"), part("electra.rtd", weight=WEIGHT)),
        masking=part("roberta.dynamic", rate=CPU_MASK_RATE, mask_share=0.85, random_share=0.0),
        **PARTS,
        **cpu_size(size),
    )


VARIANTS = [
    *_released("small", _dims(128, 256, 12), 1.0, _pretraining(128, 128, 5e-4, STEPS["small"]), 3e-4),
    *_released("base", _dims(768, 768, 12), 1 / 3, _pretraining(256, 512, 2e-4, STEPS["base"]), 1e-4),
    *_released("large", _dims(1_024, 1_024, 24), 1 / 4, _pretraining(2_048, 512, 2e-4, STEPS["large"]), 5e-5, 0.25),
    _cpu("electra-tiny", "tiny"),
    _cpu("electra-mini", "mini"),
]
