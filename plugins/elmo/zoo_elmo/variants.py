"""ELMo's released sizes, and one for a CPU."""

from __future__ import annotations

from typing import Any

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, part
from zoo.registry.presets import cpu_size

PAPER = "Peters et al. 2018, arXiv:1802.05365"

PARTS: dict[str, Any] = {
    "encoder": part("elmo.bilstm"),
    "packing": part("roberta.full_sentences"),
    "masking": part("bert.unmasked"),
}
PRETRAINING = Pretraining(  # section 3.4: ten epochs of the 1B Word Benchmark; allenai/bilm-tf: 3 GPUs x 128 x 20
    tokens=10 * 768_648_884,
    batch_tokens=3 * 128 * 20,
    sequence_length=20,
    learning_rate=1e-3,  # the released code has Adagrad
    warmup=0.0,
    weight_decay=0.0,
    clip_norm=10.0,
)


def _released(name: str, width: int, cell: int, n_highway: int) -> Variant:
    """`width` is that of one direction; allenai.org/allennlp/software/elmo."""
    return Variant(
        name=name,
        paper=PAPER,
        dims=Dims(
            vocab_size=793_471, embedding_width=width, hidden_width=2 * width, n_layers=2, ffn_width=cell, dropout=0.1
        ),
        tokenizer=part("d2l.words", lowercase=False, min_frequency=1),
        embedding=part("elmo.characters", n_highway=n_highway),
        objectives=(part("elmo.bilm"),),
        pretraining=PRETRAINING,
        finetuning=Finetuning(features="mix", learning_rate=1e-3, batch_size=32, epochs=3.0),
        head=PoolingConfig(pooling="mean"),
        **PARTS,
    )


def _cpu() -> Variant:
    fields = cpu_size("tiny")
    sizes = {"n_heads": None, "embedding_width": 64, "ffn_width": 256}
    fields["dims"] = fields["dims"].model_copy(update=sizes)
    fields["init"] = fields["init"].model_copy(update={"positions": "normal", "keys_start_as_queries": False})
    fields["finetuning"] = fields["finetuning"].model_copy(update={"features": "mix"})
    return Variant(
        name="elmo-tiny",
        paper=f"ours, after {PAPER}",
        tokenizer=part("d2l.words", min_frequency=2),
        embedding=part("elmo.characters", filters=256),
        objectives=(part("elmo.bilm", bias="unigram"),),
        **PARTS,
        **fields,
    )


VARIANTS = [
    _released("elmo", 512, 4_096, 2),
    _released("elmo-medium", 256, 2_048, 1),
    _released("elmo-small", 128, 1_024, 1),
    _cpu(),
]
