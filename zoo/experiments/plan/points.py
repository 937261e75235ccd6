"""Points of a pre-training at which its model is evaluated, as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from zoo.core.errors import ZooError
from zoo.core.options import read_count

MOST_POINTS = 100

_FORM = re.compile(r"(?P<every>every\s+)?(?P<amount>.*?)(?P<percent>\s*%)?")


def points(asked: Sequence[str], budget: int) -> tuple[int, ...]:
    """The tokens before the end of a budget that `10%`, `100k` or `every 100k` name, in order.

    Raises ZooError if one is no point, or beyond the end, or none is before it.
    """
    found = {tokens for text in asked for tokens in _of(text, budget)} - {budget}
    if not found:
        raise ZooError("--evaluate-at names only the end, which is evaluated anyway; give earlier points, as 10%,30%")
    if len(found) > MOST_POINTS:
        raise ZooError(f"--evaluate-at names {len(found):,} points, and {MOST_POINTS} are the most; give fewer")
    return tuple(sorted(found))


def _of(text: str, budget: int) -> Iterator[int]:
    form = _FORM.fullmatch(text.strip())
    assert form  # every text has this form; whether the amount is a number is seen below
    try:
        tokens = round(budget * float(form["amount"]) / 100) if form["percent"] else read_count(form["amount"])
    except ValueError:
        tokens = 0
    if not isinstance(tokens, int) or tokens < 1:
        raise ZooError(f"--evaluate-at takes points such as 10%, 100k or every 100k; {text!r:.40} is not one")
    if tokens > budget:
        raise ZooError(
            f"--evaluate-at {text:.40} is beyond the end of the pre-training, {budget:,} tokens; "
            "give an earlier point, or more with --pretrain-tokens"
        )
    yield from range(tokens, budget, tokens) if form["every"] else (tokens,)
