"""The parameters of a part as formulas, stated by its plugin: symbols and integers, no torch.

The legend: V vocabulary size, E embedding width, H hidden width, F feed-forward width, L layers, P positions,
N attention heads, D their width if it is not H/N; in costs also S tokens in a sequence, M of them to predict.
"""

from zoo.formulas.component import (
    FIGURE,
    MLM_HEAD,
    OUTPUT_TABLE,
    POOLER,
    PROJECTION,
    Component,
    Published,
    in_numbers,
    sizes,
)
from zoo.formulas.parts import (
    MOST_ROWS,
    attention_block,
    attention_width,
    between,
    feedforward_block,
    head_width,
    one_width,
    pair_objective,
    pooler,
    summed_embedding,
    token_embedding,
    token_prediction,
)
from zoo.formulas.polynomial import D, E, F, H, L, M, N, P, Polynomial, S, V, polynomial

__all__ = [
    "FIGURE",
    "MLM_HEAD",
    "MOST_ROWS",
    "OUTPUT_TABLE",
    "POOLER",
    "PROJECTION",
    "Component",
    "D",
    "E",
    "F",
    "H",
    "L",
    "M",
    "N",
    "P",
    "Polynomial",
    "Published",
    "S",
    "V",
    "attention_block",
    "attention_width",
    "between",
    "feedforward_block",
    "head_width",
    "in_numbers",
    "one_width",
    "pair_objective",
    "polynomial",
    "pooler",
    "sizes",
    "summed_embedding",
    "token_embedding",
    "token_prediction",
]
