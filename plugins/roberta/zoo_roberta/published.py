"""Parameter counts of RoBERTa as printed."""

from __future__ import annotations

from zoo.formulas import Published

PUBLISHED = [
    Published(variant="roberta-base", figure="125M", source="fairseq, examples/roberta/README"),
    Published(variant="roberta-large", figure="355M", source="fairseq, examples/roberta/README"),
    Published(variant="roberta-large", figure="356M", source="Clark et al. 2020, arXiv:2003.10555"),
    Published(variant="distilroberta-base", figure="82M", source="huggingface/transformers, distillation/README"),
]
