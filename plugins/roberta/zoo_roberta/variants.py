"""RoBERTa's released checkpoints, DistilRoBERTa, and our own sizes for CPUs.

Sizes and recipes: Liu et al. 2019, arXiv:1907.11692, section 3 and appendix A; Sanh et al. 2019, arXiv:1910.01108.
"""

from __future__ import annotations

from zoo import Dims, Finetuning, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

ROBERTA = "Liu et al. 2019, arXiv:1907.11692"
DISTIL = "Sanh et al. 2019, arXiv:1910.01108"

FINETUNING = Finetuning(  # section 5.1
    learning_rate=1e-5, batch_size=16, epochs=10.0, warmup=0.06, weight_decay=0.1, beta2=0.98, clip_norm=0.0
)


def _released(name: str, paper: str, n_layers: int, width: int, learning_rate: float, warmup_steps: int) -> Variant:
    steps, batch_tokens = 500_000, 8_192 * 512
    return Variant(
        name=name,
        paper=paper,
        dims=Dims(
            vocab_size=50_265,
            embedding_width=width,
            hidden_width=width,
            n_layers=n_layers,
            n_heads=width // 64,
            ffn_width=4 * width,
            norm_eps=1e-5,
        ),
        tokenizer=part("roberta.bytes"),
        embedding=part("roberta.absolute"),
        encoder=part("bert.stack"),
        objectives=(part("bert.mlm", activation="gelu"),),  # exact, whatever the layers have; RobertaLMHead
        packing=part("roberta.full_sentences"),
        masking=part("roberta.dynamic"),
        pretraining=Pretraining(
            tokens=steps * batch_tokens,
            batch_tokens=batch_tokens,
            sequence_length=512,
            learning_rate=learning_rate,
            warmup=warmup_steps / steps,
            beta2=0.98,
            clip_norm=0.0,
        ),
        finetuning=FINETUNING,
    )


def _cpu(name: str, size: Size) -> Variant:
    return Variant(
        name=name,
        paper=f"ours, after {ROBERTA}",
        tokenizer=part("roberta.bytes", add_prefix_space=True),
        embedding=part("roberta.absolute"),
        encoder=part("bert.stack"),
        objectives=(part("bert.mlm", bias="unigram"),),
        packing=part("roberta.full_sentences"),
        masking=part("roberta.dynamic", rate=CPU_MASK_RATE),
        **cpu_size(size),
    )


VARIANTS = [
    _released("roberta-base", ROBERTA, 12, 768, 6e-4, 24_000),
    _released("roberta-large", ROBERTA, 24, 1_024, 4e-4, 30_000),
    _released("distilroberta-base", DISTIL, 6, 768, 6e-4, 24_000),
    _cpu("roberta-tiny", "tiny"),
    _cpu("roberta-mini", "mini"),
    _cpu("roberta-small", "small"),
]
