"""Parameter counts of GPT and GPT-2 as printed.

The figures of GPT-2's paper are those of its four sizes with GPT's vocabulary of 40,478 tokens in place of its own; the
README of openai/gpt-2 says that they are wrong, and not why.
"""

from __future__ import annotations

from zoo.formulas import Published

_PAPER = "Radford et al. 2019, table 2"
_OLD = "+dims.vocab_size=40478"
_CARD = "model card openai-community/"

PUBLISHED = [
    Published(variant=variant, figure=figure, source=source)
    for variant, figure, source in (
        ("openai-gpt", "117M", "Radford et al. 2019, section 3"),
        (f"gpt2{_OLD}", "117M", _PAPER),
        ("gpt2", "124M", f"{_CARD}gpt2"),
        (f"gpt2-medium{_OLD}", "345M", _PAPER),
        ("gpt2-medium", "355M", f"{_CARD}gpt2-medium"),
        (f"gpt2-large{_OLD}", "762M", _PAPER),
        ("gpt2-large", "774M", f"{_CARD}gpt2-large"),
        (f"gpt2-xl{_OLD}", "1542M", _PAPER),
        ("gpt2-xl", "1.5B", f"{_CARD}gpt2-xl"),
    )
]
