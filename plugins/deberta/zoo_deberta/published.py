"""Parameter counts of DeBERTa as printed; those of backbones leave out the token table."""

from __future__ import annotations

from zoo.formulas import Published

_README = "microsoft/DeBERTa, README, backbone"
_CARD = "model card microsoft/{}, backbone"

PUBLISHED = [
    *(
        Published(variant=f"deberta-{name}", figure=figure, source=source)
        for name, figure in (("v3-xsmall", "22M"), ("v3-small", "44M"), ("v3-base", "86M"), ("v3-large", "304M"))
        for source in (_README, _CARD.format(f"deberta-{name}"))
    ),
    Published(variant="deberta-v2-xlarge", figure="710M", source=_README),
    Published(variant="deberta-v2-xxlarge", figure="1320M", source=_README),
    Published(variant="deberta-v2-xlarge", figure="900M", source="microsoft/DeBERTa, README, news"),
    Published(variant="deberta-v2-xxlarge", figure="1.5B", source="microsoft/DeBERTa, README, news"),
    Published(variant="mdeberta-v3-base", figure="86M", source=_README),
]
