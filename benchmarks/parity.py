"""Our numbers beside those of the transformers library: prints the table of docs/results.md.

python -m benchmarks.parity --full
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
import transformers

from tests.parity.families import FAMILIES, tiny
from tests.parity.oracle import CASES, FULL, Comparison, compare, full_size, ragged, reference

DTYPES = ("float32", "float16", "bfloat16")


def rows(families: list[str], heads: list[str], full: bool) -> Iterator[tuple[str, str, str, Comparison]]:
    """The rows of the table: family, head, type of the file, differences."""
    for family, head in CASES:
        for dtype in DTYPES if family in families and head in heads else ():
            rng = np.random.default_rng(0)
            sizes = tiny(family, rng)
            theirs = reference(family, head, sizes, seed=0).to(getattr(torch, dtype))
            yield family, head, dtype, compare(theirs, head, ragged(family, sizes["vocab_size"], 13, rng))
    for family, head in FULL if full else ():
        if family in families and head in heads:
            yield family, f"{head}, base size", "float32", full_size(family, head)


def main() -> None:
    """Print the table in Markdown."""
    every_head = sorted({head for _, head in CASES})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--heads", nargs="+", choices=every_head, default=every_head)
    parser.add_argument("--full", action="store_true", help="the base sizes too; takes three minutes and 3 GB")
    given = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("| family | head | file | values | loss | gradients |\n|---|---|---|---:|---:|---:|")
    for family, head, dtype, found in rows(given.families, given.heads, given.full):
        loss = "-" if head.startswith("Model") else f"{found.loss:.1e}"
        gradients = "-" if loss == "-" or head.endswith("base size") else f"{found.gradients:.1e}"
        print(f"| {family} | {head} | {dtype} | {found.values:.1e} | {loss} | {gradients} |", flush=True)


if __name__ == "__main__":
    main()
