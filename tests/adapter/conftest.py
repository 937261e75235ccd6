"""Folders of the transformers library with tiny random models of several families, and a byte-level tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 300
TEXTS = [f"the {a} {b} {c}." for a in ("cook", "nurse") for b in ("sang", "slept") for c in ("a song", "well")]

SIZES = {"vocab_size": VOCABULARY, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
FAMILIES: dict[str, dict[str, Any]] = {
    "GPTNeo": {
        "vocab_size": VOCABULARY, "hidden_size": 24, "num_layers": 2, "num_heads": 2, "intermediate_size": 44,
        "max_position_embeddings": 64, "attention_types": [[["global", "local"], 1]], "window_size": 4,
    },
    "Llama": {**SIZES, "intermediate_size": 44, "num_key_value_heads": 1, "max_position_embeddings": 64},
    "Qwen2": {**SIZES, "intermediate_size": 44, "num_key_value_heads": 2, "max_position_embeddings": 64},
    "MPNet": {**SIZES, "intermediate_size": 44, "max_position_embeddings": 66},
    "Funnel": {
        "vocab_size": VOCABULARY, "d_model": 24, "n_head": 2, "d_head": 12, "d_inner": 44, "block_sizes": [1, 1],
        "num_decoder_layers": 1,
    },
    "ConvBert": {**SIZES, "intermediate_size": 44, "max_position_embeddings": 64, "embedding_size": 20},
}  # fmt: skip
"""Three decoders and three encoders; of Funnel and ConvBert, layers mix neighbors."""

USUAL = {**SIZES, "intermediate_size": 44, "max_position_embeddings": 64}
WITH_HEADS: dict[str, dict[str, Any]] = {
    "MPNet": FAMILIES["MPNet"],
    "ConvBert": FAMILIES["ConvBert"],
    "SqueezeBert": {
        **USUAL, "embedding_size": 24, "q_groups": 1, "k_groups": 1, "v_groups": 1, "post_attention_groups": 1,
        "intermediate_groups": 1, "output_groups": 1,
    },
    "MobileBert": {**USUAL, "embedding_size": 20, "intra_bottleneck_size": 20, "true_hidden_size": 20},
    "RoFormer": {**USUAL, "embedding_size": 20},
    "Nystromformer": {**USUAL, "segment_means_seq_len": 64, "num_landmarks": 64},
    "RemBert": {**USUAL, "input_embedding_size": 20, "output_embedding_size": 20},
    "Ernie": USUAL,
    "Albert": {**USUAL, "embedding_size": 20},
}  # fmt: skip
"""Encoders whose classes with a head the zoo takes."""

DECODERS: dict[str, dict[str, Any]] = {
    **{family: FAMILIES[family] for family in ("GPTNeo", "Llama", "Qwen2")},
    "GPTNeoX": {**SIZES, "intermediate_size": 44},
    "OPT": {**SIZES, "ffn_dim": 44, "word_embed_proj_dim": 20},
}
"""Decoders whose output layer the zoo takes: GPT-NeoX stores it under another name, OPT calls a part of its model."""

REFUSED: dict[str, dict[str, Any]] = {
    "BigBird": {**USUAL, "attention_type": "original_full"},
    "XLM": {"vocab_size": VOCABULARY, "emb_dim": 24, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 64},
}
"""Encoders with a class that reads more than hidden states."""

NO_DROPOUT = (
    "hidden_dropout", "attention_dropout", "activation_dropout", "embed_dropout", "resid_dropout",
    "hidden_dropout_prob", "attention_probs_dropout_prob",
)  # fmt: skip

MakeFolder = Callable[..., Path]


def tokenizer(*special: str) -> Tokenizer:
    """Byte-level BPE without special tokens around a text, as decoders have it, with those given in its vocabulary."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=["<pad>", *special], initial_alphabet=alphabet, show_progress=False
        ),
    )
    return made


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Writes a model of a family, every weight drawn anew: none is right by chance."""

    def make(family: str, head: str = "Model", **config: Any) -> Path:
        transformers.logging.disable_progress_bar()
        torch.manual_seed(0)
        sizes = (FAMILIES | WITH_HEADS | DECODERS | REFUSED)[family] | dict.fromkeys(NO_DROPOUT, 0.0) | config
        model = getattr(transformers, f"{family}{head}")(getattr(transformers, f"{family}Config")(**sizes))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.normal_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0, 0.1)
        folder = tmp_path / family
        model.save_pretrained(folder)
        tokenizer().save(str(folder / "tokenizer.json"))
        return folder

    return make
