"""GPT, GPT-2 in its four sizes, and our own sizes for CPUs."""

from __future__ import annotations

from typing import Any

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, part
from zoo.registry.presets import Size, cpu_size

GPT = 'Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training"'
GPT2 = 'Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"'

PARTS: dict[str, Any] = {
    "embedding": part("gpt.absolute"),
    "objectives": (part("gpt.lm"),),
    "packing": part("roberta.full_sentences"),
    "masking": part("bert.unmasked"),
}
GPT_PARTS = PARTS | {"tokenizer": part("gpt.words"), "encoder": part("bert.stack")}
GPT2_PARTS = PARTS | {"tokenizer": part("gpt.bytes"), "encoder": part("gpt.pre_norm")}
HEAD = PoolingConfig(pooling="last", activation=None, output_bias=False, dropout=0.0)
FINETUNING = Finetuning(learning_rate=6.25e-5, batch_size=32, epochs=3.0, warmup=0.002)  # Radford et al. 2018, s. 4.1


def _dims(vocab_size: int, width: int, n_layers: int, max_length: int) -> Dims:
    return Dims(
        vocab_size=vocab_size,
        embedding_width=width,
        hidden_width=width,
        n_layers=n_layers,
        n_heads=width // 64,
        ffn_width=4 * width,
        max_length=max_length,
        activation="gelu_new",
        norm_eps=1e-5,
    )


def _gpt2(name: str, width: int, n_layers: int) -> Variant:
    return Variant(
        name=name,
        paper=GPT2,
        dims=_dims(50_257, width, n_layers, 1_024),
        pretraining=Pretraining(  # batch: section 2.3; the paper gives no number of tokens, and rates were tuned
            tokens=10_000_000_000, batch_tokens=512 * 1_024, sequence_length=1_024, learning_rate=2.5e-4
        ),
        finetuning=FINETUNING,
        head=HEAD,
        **GPT2_PARTS,
    )


def _cpu(name: str, size: Size, paper: str, parts: dict[str, Any]) -> Variant:
    fields = cpu_size(size)
    fields["dims"] = fields["dims"].model_copy(update={"activation": "gelu_new", "norm_eps": 1e-5})
    return Variant(name=name, paper=f"ours, after {paper}", **parts, **fields)


VARIANTS = [
    Variant(
        name="openai-gpt",
        paper=GPT,
        dims=_dims(40_478, 768, 12, 512),
        pretraining=Pretraining(  # section 4.1: 100 epochs of BooksCorpus, about 800M words (Devlin et al. 2019)
            tokens=100 * 800_000_000,
            batch_tokens=64 * 512,
            sequence_length=512,
            learning_rate=2.5e-4,
            warmup=2_000 * 64 * 512 / (100 * 800_000_000),
        ),
        finetuning=FINETUNING,
        head=HEAD.model_copy(update={"dropout": 0.1}),
        **GPT_PARTS,
    ),
    _gpt2("gpt2", 768, 12),
    _gpt2("gpt2-medium", 1_024, 24),
    _gpt2("gpt2-large", 1_280, 36),
    _gpt2("gpt2-xl", 1_600, 48),
    _cpu("gpt-tiny", "tiny", GPT, GPT_PARTS),
    _cpu("gpt-mini", "mini", GPT, GPT_PARTS),
    _cpu("gpt2-tiny", "tiny", GPT2, GPT2_PARTS),
    _cpu("gpt2-mini", "mini", GPT2, GPT2_PARTS),
]
