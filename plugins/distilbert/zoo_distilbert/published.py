"""Parameter counts of DistilBERT as printed."""

from __future__ import annotations

from zoo.formulas import Published

PUBLISHED = [
    Published(variant="distilbert-base-uncased", figure="66M", source="Sanh et al. 2019, arXiv:1910.01108, table 3"),
    Published(variant="distilbert-base-cased", figure="65M", source="huggingface/transformers, distillation/README"),
    Published(
        variant="distilbert-base-multilingual-cased",
        figure="134M",
        source="model card distilbert/distilbert-base-multilingual-cased",
    ),
]
