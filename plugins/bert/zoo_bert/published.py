"""Parameter counts of BERT as printed."""

from __future__ import annotations

from zoo.formulas import Published

_PAPER = "Devlin et al. 2019, section 3"
_README = "google-research/bert, README"
_TURC = "Turc et al. 2019, as quoted; not checked against the paper"
_MINILM = "microsoft/unilm, minilm/README"
_DISTILLATION = "huggingface/transformers, distillation/README"
_ALBERT = "Lan et al. 2020, table"

PUBLISHED = [
    Published(variant=variant, figure=figure, source=source)
    for variant, figure, source in (
        ("bert-tiny-uncased", "4.4M", _TURC),
        ("bert-mini-uncased", "11.3M", _TURC),
        ("bert-small-uncased", "29.1M", _TURC),
        ("bert-medium-uncased", "41.7M", _TURC),
        ("bert-base-uncased", "110M", _PAPER),
        ("bert-base-cased", "110M", _README),
        ("bert-base-chinese", "110M", _README),
        ("bert-base-multilingual-cased", "110M", _README),
        ("bert-base-multilingual-cased", "177M", _DISTILLATION),
        ("bert-large-uncased", "340M", _PAPER),
        ("bert-large-cased", "340M", _README),
        ("minilm-l6-h384-uncased", "22M", _MINILM),
        ("minilm-l12-h384-uncased", "33M", _MINILM),
        ("bert-base-uncased+dims.vocab_size=30000", "108M", f"{_ALBERT}s 1 and 3"),
        ("bert-large-uncased+dims.vocab_size=30000", "334M", f"{_ALBERT} 1"),
    )
]
