"""The textbook's sizes, and one for a CPU."""

from __future__ import annotations

from typing import Any

from zoo import Dims, Finetuning, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, cpu_size

PAPER = 'Zhang et al. 2021, "Dive into Deep Learning", arXiv:2106.11342'

PARTS: dict[str, Any] = {
    "embedding": part("d2l.absolute"),
    "encoder": part("bert.stack"),
    "packing": part("d2l.sentence_pairs"),
}


def _textbook(name: str, vocab_size: int, width: int, n_heads: int, ffn_width: int, max_length: int) -> Variant:
    return Variant(
        name=name,
        paper=PAPER,
        dims=Dims(
            vocab_size=vocab_size,
            embedding_width=width,
            hidden_width=width,
            n_layers=2,
            n_heads=n_heads,
            ffn_width=ffn_width,
            max_length=max_length,
            activation="relu",
            dropout=0.2,
            attention_dropout=0.2,
            norm_eps=1e-5,
        ),
        tokenizer=part("d2l.words"),
        objectives=(part("bert.mlm", tied=False), part("bert.nsp")),
        masking=part("bert.static", dupe_factor=1),
        pretraining=Pretraining(  # section 15.10: Adam, batches of 512 pairs of at most 64 tokens
            tokens=50 * 512 * 64,
            batch_tokens=512 * 64,
            sequence_length=64,
            learning_rate=1e-2,
            weight_decay=0.0,
            epsilon=1e-8,
            clip_norm=0.0,
        ),
        finetuning=Finetuning(learning_rate=1e-4, batch_size=512, epochs=5.0),  # section 16.7
        **PARTS,
    )


def _cpu() -> Variant:
    fields = cpu_size("tiny")
    fields["dims"] = fields["dims"].model_copy(update={"activation": "relu", "norm_eps": 1e-5})
    return Variant(
        name="d2l-tiny",
        paper=f"ours, after {PAPER}",
        tokenizer=part("d2l.words", min_frequency=2),
        objectives=(part("bert.mlm", tied=False, bias="unigram"), part("bert.nsp")),
        masking=part("bert.static", dupe_factor=10, rate=CPU_MASK_RATE),
        **PARTS,
        **fields,
    )


VARIANTS = [
    _textbook("d2l-bert", 10_000, 768, 4, 1_024, 1_000),  # section 15.8.4
    _textbook("d2l-bert-wikitext", 20_256, 128, 2, 256, 1_000),  # section 15.10
    _cpu(),
]
