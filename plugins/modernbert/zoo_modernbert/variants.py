"""ModernBERT's released checkpoints, and our own sizes for CPUs.

Sizes and recipes: Warner et al. 2024, arXiv:2412.13663, sections 2.1.3 and 2.2.2, and appendix A with table 3;
AnswerDotAI/ModernBERT, yamls.
"""

from __future__ import annotations

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

MODERNBERT = "Warner et al. 2024, arXiv:2412.13663"

TOKENS = part("modernbert.tokens", norm_bias=False)
MASKED_TOKENS = part("bert.mlm", head_bias=False)
FINETUNING = Finetuning(learning_rate=5e-5, batch_size=32, epochs=3.0, warmup=0.06, beta2=0.98)
"""Ours: the paper searches settings for each task."""


def _released(
    name: str, n_layers: int, width: int, ffn_width: int, batch_size: int, learning_rate: float, warmup_tokens: float
) -> Variant:
    """The first and longest phase of pre-training, to which two with 8,192 tokens per sequence are added.

    Where the paper has StableAdamW and a constant learning rate after warm-up, this is AdamW and linear decay.
    """
    n_tokens = 1_719_000_000_000
    return Variant(
        name=name,
        paper=MODERNBERT,
        dims=Dims(
            vocab_size=50_368,
            embedding_width=width,
            hidden_width=width,
            n_layers=n_layers,
            n_heads=width // 64,
            ffn_width=ffn_width,
            max_length=8_192,
            dropout=0.0,
            attention_dropout=0.0,
            norm_eps=1e-5,
        ),
        tokenizer=part("modernbert.bytes"),
        embedding=TOKENS,
        encoder=part("modernbert.alternating"),
        objectives=(MASKED_TOKENS,),
        packing=part("roberta.full_sentences"),
        masking=part("roberta.dynamic", rate=0.3),
        pretraining=Pretraining(
            tokens=n_tokens,
            batch_tokens=batch_size * 1_024,
            sequence_length=1_024,
            learning_rate=learning_rate,
            warmup=warmup_tokens / n_tokens,
            weight_decay=1e-5,
            beta2=0.98,
            clip_norm=0.0,
        ),
        finetuning=FINETUNING,
        head=PoolingConfig(pooling="mean", activation="gelu", norm=True, dropout=0.0),
    )


def _cpu(name: str, size: Size) -> Variant:
    """Every other layer is global, and local ones see 8 tokens on either side, as sequences are short.

    With 2/3 of its width, a gated feed-forward network has as many parameters as a plain one.
    """
    fields = cpu_size(size)
    dims, init = fields["dims"], fields["init"]
    n_widths = dims.required("ffn_width") // dims.hidden_width
    changes = {"ffn_width": 2 * n_widths * (dims.hidden_width // 3), "norm_eps": 1e-5}
    fields |= {
        "dims": dims.model_copy(update=changes),
        "init": init.model_copy(update={"positions": "normal"}),  # there are no position embeddings
    }
    return Variant(
        name=name,
        paper=f"ours, after {MODERNBERT}",
        tokenizer=part("modernbert.bytes", add_prefix_space=True),
        embedding=TOKENS,
        encoder=part("modernbert.alternating", window=8, global_every=2),
        objectives=(part("bert.mlm", head_bias=False, bias="unigram"),),
        packing=part("roberta.full_sentences"),
        masking=part("roberta.dynamic", rate=CPU_MASK_RATE),
        **fields,
    )


VARIANTS = [
    _released("modernbert-base", 22, 768, 1_152, 4_608, 8e-4, 3e9),
    _released("modernbert-large", 28, 1_024, 2_624, 4_928, 5e-4, 2e9),
    _cpu("modernbert-tiny", "tiny"),
    _cpu("modernbert-mini", "mini"),
    _cpu("modernbert-small", "small"),
]
