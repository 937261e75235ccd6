"""Parameter counts of RoBERTa as printed."""

from __future__ import annotations

from zoo.formulas import Published

PUBLISHED = [
    Published(variant="roberta-base", figure="125M", source="fairseq, examples/roberta/README"),
    Published(variant="roberta-large", figure="355M", source="fairseq, examples/roberta/README"),
    Published(variant="roberta-large", figure="356M", source="Clark et al. 2020, arXiv:2003.10555"),
    Published(variant="xlm-roberta-base", figure="270M", source="Conneau et al. 2020, arXiv:1911.02116, section 3"),
    Published(variant="xlm-roberta-large", figure="550M", source="Conneau et al. 2020, arXiv:1911.02116, section 3"),
    Published(variant="camembert-base", figure="110M", source="model card almanach/camembert-base"),
    Published(variant="camembert-large", figure="335M", source="model card almanach/camembert-large"),
    Published(variant="distilroberta-base", figure="82M", source="huggingface/transformers, distillation/README"),
]
