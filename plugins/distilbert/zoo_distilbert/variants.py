"""DistilBERT's released checkpoints, and our own sizes for CPUs: half of the layers of the BERT of the same size.

The record says what the student is. Distillation from a teacher, and starting from its layers, are not part of it.
"""

from __future__ import annotations

from typing import Any

from zoo import Dims, Finetuning, PartRef, PoolingConfig, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

PAPER = "Sanh et al. 2019, arXiv:1910.01108"

PRETRAINING = Pretraining(  # section 3, and the defaults of the released code (distillation/train.py)
    tokens=3 * 3_300_000_000,  # three epochs of BERT's corpus
    batch_tokens=4_000 * 512,
    sequence_length=512,
    learning_rate=5e-4,
    warmup=0.05,
    weight_decay=0.0,
    beta2=0.98,
    clip_norm=5.0,
)
PARTS: dict[str, Any] = {
    "embedding": part("distilbert.absolute"),
    "encoder": part("distilbert.stack"),
    "packing": part("roberta.full_sentences"),
}
UNCASED = part("bert.wordpiece", lowercase=True)
CASED = part("bert.wordpiece", lowercase=False)


def _released(name: str, vocab_size: int, tokenizer: PartRef) -> Variant:
    dims = Dims(vocab_size=vocab_size, embedding_width=768, hidden_width=768, n_layers=6, n_heads=12, ffn_width=3_072)
    return Variant(
        name=name,
        paper=PAPER,
        dims=dims,
        tokenizer=tokenizer,
        objectives=(part("bert.mlm"),),
        masking=part("roberta.dynamic"),
        pretraining=PRETRAINING,
        finetuning=Finetuning(learning_rate=5e-5, batch_size=32, epochs=3.0),
        head=PoolingConfig(activation="relu", dropout=0.2, answer_dropout=0.1),  # modeling_distilbert.py
        **PARTS,
    )


def _cpu(name: str, size: Size) -> Variant:
    fields = cpu_size(size)
    fields["dims"] = fields["dims"].model_copy(update={"n_layers": fields["dims"].n_layers // 2})
    return Variant(
        name=name,
        paper=f"ours, after {PAPER}",
        tokenizer=UNCASED,
        objectives=(part("bert.mlm", bias="unigram"),),
        masking=part("roberta.dynamic", rate=CPU_MASK_RATE),
        **PARTS,
        **fields,
    )


VARIANTS = [
    _released("distilbert-base-uncased", 30_522, UNCASED),
    _released("distilbert-base-cased", 28_996, CASED),
    _released("distilbert-base-multilingual-cased", 119_547, CASED),
    _cpu("distilbert-tiny", "tiny"),
    _cpu("distilbert-mini", "mini"),
]
