"""The families that are compared with the transformers library: their classes there, and random sizes for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def _nothing_more(rng: np.random.Generator) -> dict[str, Any]:
    return {}


TASKS = (
    "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """A family as the library has it.

    `heads` are its classes, after the family's name; `base` is what makes its base size of the library's defaults;
    `keys` are its names of sizes where they differ from BERT's (None: it has no such size); `more` draws sizes that
    BERT lacks.
    """

    heads: tuple[str, ...]
    base: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str | None] = field(default_factory=dict)
    more: Callable[[np.random.Generator], dict[str, Any]] = _nothing_more
    has_segments: bool = True


FAMILIES = {
    "Bert": Family(heads=("Model", "ForPreTraining", "ForMaskedLM", "ForNextSentencePrediction", *TASKS)),
    "Roberta": Family(
        heads=("Model", "ForMaskedLM", *TASKS),
        base={"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
        more=lambda rng: {"type_vocab_size": 1, "pad_token_id": 1},
        has_segments=False,
    ),
    "Albert": Family(
        heads=("Model", "ForPreTraining", "ForMaskedLM", *TASKS),
        base={"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
        keys={"classifier_dropout": "classifier_dropout_prob"},
        more=lambda rng: {
            "embedding_size": 11,
            "num_hidden_groups": int(rng.integers(1, 3)),
            "inner_group_num": int(rng.integers(1, 3)),
        },
    ),
    "DistilBert": Family(
        heads=("Model", "ForMaskedLM", *TASKS),
        keys={
            "hidden_size": "dim",
            "num_attention_heads": "n_heads",
            "num_hidden_layers": "n_layers",
            "intermediate_size": "hidden_dim",
            "hidden_dropout_prob": "dropout",
            "attention_probs_dropout_prob": "attention_dropout",
            "classifier_dropout": "seq_classif_dropout",
            "hidden_act": "activation",
        },
        has_segments=False,
    ),
    "Electra": Family(
        heads=("Model", "ForPreTraining", "ForMaskedLM", *TASKS),
        more=lambda rng: {"embedding_size": 11, "summary_last_dropout": 0.0},
    ),
}
"""By the name that the library's classes begin with."""


def tiny(family: str, rng: np.random.Generator) -> dict[str, Any]:
    """Sizes that are odd and pairwise different, so that no swapped axis passes."""
    n_heads, per_head = rng.choice([3, 5, 7], 2, replace=False).tolist()
    sizes = {
        "num_attention_heads": n_heads,
        "hidden_size": n_heads * per_head,
        "intermediate_size": 37 + 2 * int(rng.integers(10)),
        "num_hidden_layers": int(rng.integers(2, 5)),
        "vocab_size": 67 + 2 * int(rng.integers(20)),
        "max_position_embeddings": 17 + 2 * int(rng.integers(2)),
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout": 0.0,
    }
    return called(family, sizes) | FAMILIES[family].more(rng)


def called(family: str, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """BERT's names of sizes as a family has them."""
    keys = FAMILIES[family].keys
    named = {keys.get(name, name): value for name, value in sizes.items()}
    return {name: value for name, value in named.items() if name is not None}
