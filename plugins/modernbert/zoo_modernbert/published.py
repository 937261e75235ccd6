"""Parameter counts of ModernBERT as printed."""

from __future__ import annotations

from zoo.formulas import Published

PUBLISHED = [
    Published(variant=f"modernbert-{size}", figure=figure, source=source)
    for size, figure in (("base", "149M"), ("large", "395M"))
    for source in ("Warner et al. 2024, arXiv:2412.13663, section 2.1.3", f"model card answerdotai/ModernBERT-{size}")
]
