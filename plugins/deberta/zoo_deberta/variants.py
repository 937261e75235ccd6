"""DeBERTa's released checkpoints of versions 2 and 3, and our own sizes for CPUs.

Sizes: microsoft/DeBERTa, README and experiments/language_model. Version 1 has another tokenizer and projections of its
own for positions, and is not here.
"""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

DEBERTA = "He et al. 2021, arXiv:2006.03654"
DEBERTA_V3 = "He et al. 2023, arXiv:2111.09543"


def _pretraining(steps: int, batch_size: int, learning_rate: float) -> Pretraining:
    """Steps of so many sequences, after 10,000 of warm-up."""
    return Pretraining(
        tokens=steps * batch_size * 512,
        batch_tokens=batch_size * 512,
        sequence_length=512,
        learning_rate=learning_rate,
        warmup=10_000 / steps,
        beta2=0.98,
    )


V2 = _pretraining(1_000_000, 2_048, 1e-4)  # He et al. 2021, appendix A, the model of 1.5 billion parameters
V3 = _pretraining(500_000, 8_192, 6e-4)  # He et al. 2023, section 4
CONVOLUTION: dict[str, JsonValue] = {"conv_kernel": 3, "conv_activation": "gelu"}
FINETUNING = Finetuning(learning_rate=2e-5, batch_size=32, epochs=3.0)


def _released(name: str, n_layers: int, width: int, *, vocab_size: int = 128_100, version: int = 3) -> Variant:
    """Only the large models of version 2 convolve."""
    return Variant(
        name=name,
        paper=DEBERTA_V3 if version == 3 else DEBERTA,
        dims=Dims(
            vocab_size=vocab_size,
            embedding_width=width,
            hidden_width=width,
            n_layers=n_layers,
            n_heads=width // 64,
            ffn_width=4 * width,
            norm_eps=1e-7,
        ),
        tokenizer=part("deberta.unigram"),
        embedding=part("deberta.tokens"),
        encoder=part("deberta.disentangled", **({} if version == 3 else CONVOLUTION)),
        objectives=(part("bert.mlm"),),
        packing=part("roberta.full_sentences"),
        masking=part("albert.ngram", max_n=3),
        pretraining=V3 if version == 3 else V2,
        finetuning=FINETUNING,
        head=PoolingConfig(activation="gelu"),
    )


def _cpu(name: str, size: Size) -> Variant:
    """Distances up to 8 have a bucket each, and sequences are too short for more than 32."""
    fields = cpu_size(size)
    fields["init"] = fields["init"].model_copy(update={"positions": "normal"})  # there are no position embeddings
    fields["dims"] = fields["dims"].model_copy(update={"norm_eps": 1e-7})
    return Variant(
        name=name,
        paper=f"ours, after {DEBERTA_V3}",
        tokenizer=part("deberta.unigram", lowercase=True),
        embedding=part("deberta.tokens"),
        encoder=part("deberta.disentangled", buckets=32),
        objectives=(part("bert.mlm", bias="unigram"),),
        packing=part("roberta.full_sentences"),
        masking=part("albert.ngram", max_n=3, rate=CPU_MASK_RATE),
        **fields,
    )


TINY = _cpu("deberta-tiny", "tiny")
REPLACED: dict[str, Any] = {  # He et al. 2023, section 3: the discriminator's loss counts fifty times
    "embedding": part("deberta.gdes"),
    "objectives": (part("deberta.generator", buckets=32, bias="unigram"), part("deberta.rtd", weight=50.0)),
}

VARIANTS = [
    _released("deberta-v3-xsmall", 12, 384),
    _released("deberta-v3-small", 6, 768),
    _released("deberta-v3-base", 12, 768),
    _released("deberta-v3-large", 24, 1_024),
    _released("mdeberta-v3-base", 12, 768, vocab_size=251_000),
    _released("deberta-v2-xlarge", 24, 1_536, version=2),
    _released("deberta-v2-xxlarge", 48, 1_536, version=2),
    TINY,
    TINY.swap("deberta-tiny-rtd", **REPLACED),
    _cpu("deberta-mini", "mini"),
    _cpu("deberta-small", "small"),
]
