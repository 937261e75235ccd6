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

    @property
    def language_model(self) -> str:
        """The class that predicts tokens."""
        return next(head for head in self.heads if head in ("ForMaskedLM", "LMHeadModel"))


GPT_KEYS: dict[str, str | None] = {
    "hidden_size": "n_embd",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
    "max_position_embeddings": "n_positions",
    "intermediate_size": None,
    "hidden_dropout_prob": "resid_pdrop",
    "attention_probs_dropout_prob": "attn_pdrop",
}


def _one_segment(rng: np.random.Generator) -> dict[str, Any]:
    return {"type_vocab_size": 1, "pad_token_id": 1}


def _modern(rng: np.random.Generator) -> dict[str, Any]:
    """Heads of even width, as they rotate; windows shorter than the texts."""
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    return {
        **special,
        "hidden_size": 3 * (per_head := int(rng.choice([4, 6, 10]))),
        "num_attention_heads": 3,
        "intermediate_size": 5 * per_head + 1,
        "local_attention": 2 * int(rng.integers(1, 5)),
        "global_attn_every_n_layers": int(rng.integers(1, 4)),
        "embedding_dropout": 0.0,
        "classifier_pooling": str(rng.choice(["cls", "mean"])),
    }


DEBERTA = {
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "pos_att_type": "p2c|c2p",
    "layer_norm_eps": 1e-7,
}
"""What all released models of versions 2 and 3 say."""


def _deberta(rng: np.random.Generator) -> dict[str, Any]:
    """Buckets fewer than distances, and a convolution at times."""
    convolves = {"conv_kernel_size": int(rng.choice([3, 5])), "conv_act": str(rng.choice(["gelu", "tanh"]))}
    return {
        **DEBERTA,
        "position_buckets": int(rng.choice([4, 6, 8, 256])),
        "max_relative_positions": int(rng.choice([-1, 11])),
        "pos_att_type": str(rng.choice(["p2c|c2p", "c2p", "p2c"])),
        **(convolves if rng.random() < 0.5 else {}),
    }


FAMILIES = {
    "Bert": Family(heads=("Model", "ForPreTraining", "ForMaskedLM", "ForNextSentencePrediction", *TASKS)),
    "Roberta": Family(
        heads=("Model", "ForMaskedLM", *TASKS),
        base={"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
        more=_one_segment,
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
    "XLMRoberta": Family(heads=("Model", "ForMaskedLM", *TASKS), more=_one_segment, has_segments=False),
    "Camembert": Family(heads=("Model", "ForMaskedLM", *TASKS), more=_one_segment, has_segments=False),
    "ModernBert": Family(
        heads=("Model", "ForMaskedLM", *TASKS),
        keys={
            "hidden_dropout_prob": "mlp_dropout",
            "attention_probs_dropout_prob": "attention_dropout",
            "hidden_act": "hidden_activation",
        },
        more=_modern,
        has_segments=False,
    ),
    "DebertaV2": Family(
        heads=("Model", "ForMaskedLM", *TASKS),
        base=DEBERTA
        | {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12, "intermediate_size": 3072},
        keys={"classifier_dropout": "cls_dropout"},
        more=_deberta,
        has_segments=False,
    ),
    "Electra": Family(
        heads=("Model", "ForPreTraining", "ForMaskedLM", *TASKS),
        more=lambda rng: {"embedding_size": 11, "summary_last_dropout": 0.0},
    ),
    "OpenAIGPT": Family(
        heads=("Model", "LMHeadModel", "ForSequenceClassification"),
        keys=GPT_KEYS | {"hidden_act": "afn"},
        more=lambda rng: {"embd_pdrop": 0.0, "pad_token_id": 1},
        has_segments=False,
    ),
    "GPT2": Family(
        heads=("Model", "LMHeadModel", *TASKS[:3]),
        keys=GPT_KEYS | {"hidden_act": "activation_function", "intermediate_size": "n_inner"},
        more=lambda rng: {"embd_pdrop": 0.0, "pad_token_id": 1},
        has_segments=False,
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
