"""Parameter counts of ELECTRA as printed: of discriminators, without their generators."""

from __future__ import annotations

from zoo.formulas import Published

_README = "google-research/electra, README"
_PAPER = "Clark et al. 2020, arXiv:2003.10555, table"

PUBLISHED = [
    Published(variant=f"electra-{size}-discriminator+objectives=electra.rtd", figure=figure, source=source)
    for size, figure, source in (
        ("small", "14M", f"{_PAPER} 1"),
        ("small", "14M", _README),
        ("base", "110M", f"{_PAPER} 1"),
        ("base", "110M", _README),
        ("large", "335M", f"{_PAPER} 2"),
        ("large", "335M", _README),
    )
]
