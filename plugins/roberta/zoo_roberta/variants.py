"""RoBERTa's released checkpoints, DistilRoBERTa, XLM-R, CamemBERT, and our own sizes for CPUs.

Sizes and recipes: Liu et al. 2019, arXiv:1907.11692, section 3 and appendix A; Sanh et al. 2019, arXiv:1910.01108;
Conneau et al. 2020, arXiv:1911.02116, section 3; Martin et al. 2020, arXiv:1911.03894, section 4.
"""

from __future__ import annotations

from zoo import Dims, Finetuning, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

ROBERTA = "Liu et al. 2019, arXiv:1907.11692"
DISTIL = "Sanh et al. 2019, arXiv:1910.01108"
XLMR = "Conneau et al. 2020, arXiv:1911.02116"
CAMEMBERT = "Martin et al. 2020, arXiv:1911.03894"

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


def _kin(name: str, paper: str, like: Variant, vocab_size: int, tokenizer: str, steps: int) -> Variant:
    """RoBERTa with another vocabulary, trained with its settings on other text, for more or fewer steps."""
    recipe = like.pretraining
    return like.swap(
        name,
        paper=paper,
        dims=like.dims.model_copy(update={"vocab_size": vocab_size}),
        tokenizer=part(tokenizer),
        masking=part("bert.whole_word") if paper == CAMEMBERT else like.masking,
        pretraining=recipe.model_copy(update={"tokens": steps * recipe.batch_tokens, "warmup": 0.02}),
    )


BASE = _released("roberta-base", ROBERTA, 12, 768, 6e-4, 24_000)
LARGE = _released("roberta-large", ROBERTA, 24, 1_024, 4e-4, 30_000)
TINY = _cpu("roberta-tiny", "tiny")

VARIANTS = [
    BASE,
    LARGE,
    _released("distilroberta-base", DISTIL, 6, 768, 6e-4, 24_000),
    _kin("xlm-roberta-base", XLMR, BASE, 250_002, "roberta.xlm_unigram", 1_500_000),
    _kin("xlm-roberta-large", XLMR, LARGE, 250_002, "roberta.xlm_unigram", 1_500_000),
    _kin("camembert-base", CAMEMBERT, BASE, 32_005, "roberta.camembert_unigram", 100_000),
    _kin("camembert-large", CAMEMBERT, LARGE, 32_005, "roberta.camembert_unigram", 100_000),
    TINY,
    TINY.swap("xlm-roberta-tiny", paper=f"ours, after {XLMR}", tokenizer=part("roberta.xlm_unigram")),
    _cpu("roberta-mini", "mini"),
    _cpu("roberta-small", "small"),
]
