"""Parameter counts of ALBERT as printed: by the paper in four places, and by the model cards."""

from __future__ import annotations

from zoo.formulas import Published

_PAPER = "Lan et al. 2020,"
_BASE = "albert-base-v1"
_XXLARGE = "albert-xxlarge-v1"
_TABLE_3_WIDTHS = {64: ("87M", "10M"), 128: ("89M", None), 256: ("93M", "16M")}
_TABLE_4 = {"attention": ("83M", "64M"), "ffn": ("57M", "38M")}


def _rows() -> list[tuple[str, str, str]]:
    rows = [
        (_BASE, "12M", f"{_PAPER} table 1"),
        ("albert-large-v1", "18M", f"{_PAPER} table 1"),
        ("albert-xlarge-v1", "60M", f"{_PAPER} table 1"),
        (_XXLARGE, "235M", f"{_PAPER} tables 1 and 2"),
        (_XXLARGE, "233M", f"{_PAPER} section 3.2"),
        (_XXLARGE, "225M", f"{_PAPER} table 12"),
        (f"{_XXLARGE}+dims.hidden_width=6144+dims.ffn_width=24576", "499M", f"{_PAPER} table 12"),
        (f"{_BASE}+embedding=bert.absolute+dims.embedding_width=768", "31M", f"{_PAPER} table 3"),
    ]
    for width, (alone, shared) in _TABLE_3_WIDTHS.items():
        wide = _BASE if width == 128 else f"{_BASE}+dims.embedding_width={width}"
        rows.append((f"{wide}+encoder.share=none", alone, f"{_PAPER} table 3"))
        if shared:
            rows.append((wide, shared, f"{_PAPER} table 3"))
    for share, (full, narrow) in _TABLE_4.items():
        rows.append(
            (
                f"{_BASE}+embedding=bert.absolute+dims.embedding_width=768+encoder.share={share}",
                full,
                f"{_PAPER} table 4",
            )
        )
        rows.append((f"{_BASE}+encoder.share={share}", narrow, f"{_PAPER} table 4"))
    cards = {"base": "11M", "large": "17M", "xlarge": "58M", "xxlarge": "223M"}
    for size, figure in cards.items():
        rows += [
            (f"albert-{size}-{version}", figure, f"model card albert/albert-{size}-{version}")
            for version in ("v1", "v2")
        ]
    return rows


PUBLISHED = [Published(variant=variant, figure=figure, source=source) for variant, figure, source in _rows()]
