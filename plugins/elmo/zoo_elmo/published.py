"""Parameter counts of ELMo as printed, which leave out the output layer."""

from __future__ import annotations

from zoo.formulas import Published

_SITE = "allenai.org/allennlp/software/elmo"

PUBLISHED = [
    Published(variant=variant, figure=figure, source=_SITE)
    for variant, figure in (("elmo", "93.6M"), ("elmo-medium", "28.0M"), ("elmo-small", "13.6M"))
]
