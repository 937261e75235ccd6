"""The Transformer's encoder, base and big, and our own sizes for CPUs.

Sizes and recipes: Vaswani et al. 2017, table 3 and section 5. The paper trains translation; here the encoder alone
learns masked tokens, as all encoders here do.
"""

from __future__ import annotations

from typing import Any

from zoo import Dims, Finetuning, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

PAPER = "Vaswani et al. 2017, arXiv:1706.03762"

PARTS: dict[str, Any] = {
    "tokenizer": part("roberta.bytes"),
    "embedding": part("transformer.sinusoidal"),
    "encoder": part("transformer.stack"),
    "packing": part("roberta.full_sentences"),
}


def _paper(name: str, width: int, n_heads: int, dropout: float, steps: int) -> Variant:
    batch = 25_000  # source tokens, section 5.1
    return Variant(
        name=name,
        paper=PAPER,
        dims=Dims(
            vocab_size=37_000,  # section 5.1, English and German together
            embedding_width=width,
            hidden_width=width,
            n_layers=6,
            n_heads=n_heads,
            ffn_width=4 * width,
            activation="relu",
            dropout=dropout,
            attention_dropout=dropout,
            norm_eps=1e-6,  # tensor2tensor, layers/common_layers.py
        ),
        objectives=(part("bert.mlm"),),
        masking=part("roberta.dynamic"),
        pretraining=Pretraining(  # the peak of equation 3 at step 4,000; its decay is by the square root of the step
            tokens=steps * batch,
            batch_tokens=batch,
            sequence_length=256,
            learning_rate=(width * 4_000) ** -0.5,
            warmup=4_000 / steps,
            weight_decay=0.0,
            beta2=0.98,
            epsilon=1e-9,
            clip_norm=0.0,
        ),
        finetuning=Finetuning(learning_rate=5e-5, batch_size=32, epochs=3.0),
        **PARTS,
    )


def _cpu(name: str, size: Size) -> Variant:
    fields = cpu_size(size)
    fields["dims"] = fields["dims"].model_copy(update={"activation": "relu", "norm_eps": 1e-6})
    fields["init"] = fields["init"].model_copy(update={"positions": "normal"})  # positions are fixed
    return Variant(
        name=name,
        paper=f"ours, after {PAPER}",
        objectives=(part("bert.mlm", bias="unigram"),),
        masking=part("roberta.dynamic", rate=CPU_MASK_RATE),
        **PARTS,
        **fields,
    )


VARIANTS = [
    _paper("transformer-base", 512, 8, 0.1, 100_000),
    _paper("transformer-big", 1_024, 16, 0.3, 300_000),
    _cpu("transformer-tiny", "tiny"),
    _cpu("transformer-mini", "mini"),
]
