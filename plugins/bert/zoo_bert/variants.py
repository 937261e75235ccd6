"""BERT's released checkpoints, the MiniLMs distilled from it, and our own sizes for CPUs.

Sizes: Devlin et al. 2019, section 3; Turc et al. 2019, arXiv:1908.08962, table 1; Wang et al. 2020, arXiv:2002.10957.
"""

from __future__ import annotations

from zoo import Dims, Finetuning, PartRef, Pretraining, Variant, part
from zoo.registry.presets import CPU_MASK_RATE, Size, cpu_size

BERT = "Devlin et al. 2019, arXiv:1810.04805"
TURC = "Turc et al. 2019, arXiv:1908.08962"
MINILM = "Wang et al. 2020, arXiv:2002.10957"

PRETRAINING = Pretraining(  # Devlin et al. 2019, appendix A.2: 1M steps of 256 sequences, of 128 tokens in nine of ten
    tokens=900_000 * 256 * 128 + 100_000 * 256 * 512,
    batch_tokens=256 * 512,
    sequence_length=512,
    short_length=128,
    learning_rate=1e-4,
    warmup=0.01,
    bias_correction=False,  # google-research/bert, optimization.py
)
FINETUNING = Finetuning(learning_rate=2e-5, batch_size=32, epochs=3.0)  # section 4.1
SMALL_FINETUNING = Finetuning(learning_rate=1e-4, batch_size=32, epochs=4.0)  # google-research/bert, README


def _released(
    name: str,
    paper: str,
    vocab_size: int,
    n_layers: int,
    width: int,
    n_heads: int,
    tokenizer: PartRef,
    finetuning: Finetuning,
) -> Variant:
    return Variant(
        name=name,
        paper=paper,
        dims=Dims(
            vocab_size=vocab_size,
            embedding_width=width,
            hidden_width=width,
            n_layers=n_layers,
            n_heads=n_heads,
            ffn_width=4 * width,
        ),
        tokenizer=tokenizer,
        embedding=part("bert.absolute"),
        encoder=part("bert.stack"),
        objectives=(part("bert.mlm"), part("bert.nsp")),
        packing=part("bert.segment_pair", short_seq_prob=0.1),
        masking=part("bert.static", dupe_factor=10),
        pretraining=PRETRAINING,
        finetuning=finetuning,
    )


def _cpu(name: str, size: Size) -> Variant:
    return Variant(
        name=name,
        paper=f"ours, after {BERT}",
        tokenizer=UNCASED,
        embedding=part("bert.absolute"),
        encoder=part("bert.stack"),
        objectives=(part("bert.mlm", bias="unigram"), part("bert.nsp", pair="compare")),
        packing=part("bert.segment_pair", short_seq_prob=0.0),
        masking=part("bert.static", dupe_factor=10, rate=CPU_MASK_RATE),
        **cpu_size(size),
    )


UNCASED = part("bert.wordpiece", lowercase=True)
CASED = part("bert.wordpiece", lowercase=False)

VARIANTS = [
    _released("bert-tiny-uncased", TURC, 30_522, 2, 128, 2, UNCASED, SMALL_FINETUNING),
    _released("bert-mini-uncased", TURC, 30_522, 4, 256, 4, UNCASED, SMALL_FINETUNING),
    _released("bert-small-uncased", TURC, 30_522, 4, 512, 8, UNCASED, SMALL_FINETUNING),
    _released("bert-medium-uncased", TURC, 30_522, 8, 512, 8, UNCASED, SMALL_FINETUNING),
    _released("bert-base-uncased", BERT, 30_522, 12, 768, 12, UNCASED, FINETUNING),
    _released("bert-base-cased", BERT, 28_996, 12, 768, 12, CASED, FINETUNING),
    _released("bert-base-chinese", BERT, 21_128, 12, 768, 12, UNCASED, FINETUNING),
    _released("bert-base-multilingual-cased", BERT, 119_547, 12, 768, 12, CASED, FINETUNING),
    _released("bert-large-uncased", BERT, 30_522, 24, 1_024, 16, UNCASED, FINETUNING),
    _released("bert-large-cased", BERT, 28_996, 24, 1_024, 16, CASED, FINETUNING),
    _released("minilm-l6-h384-uncased", MINILM, 30_522, 6, 384, 12, UNCASED, FINETUNING),
    _released("minilm-l12-h384-uncased", MINILM, 30_522, 12, 384, 12, UNCASED, FINETUNING),
    _cpu("bert-tiny", "tiny"),
    _cpu("bert-mini", "mini"),
    _cpu("bert-small", "small"),
]
