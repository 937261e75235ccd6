"""RoBERTa's checkpoints, in the names of the transformers library."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zoo.weights.format import CheckpointFormat, Config, HeadDropout, Setting
from zoo.weights.shared import (
    library_classes,
    masked_lm,
    pooler_and_heads,
    transformer_embedding,
    transformer_layers,
    transformer_settings,
)
from zoo_roberta.variants import VARIANTS

POOLER = "pooler.dense.{p}"


def _row(index: Any, config: Config) -> Any:
    """The padding index, from which positions are counted; the reference library requires it."""
    if type(index) is not int:
        raise TypeError
    return index


def _without_offset(rows: Any, config: Config) -> Any:
    """The positions that are left of a table whose first rows, up to the padding index, stand for none."""
    return rows - config.get("pad_token_id", 1) - 1


def _with_offset(positions: Any, config: Config) -> Any:
    return positions + config["pad_token_id"] + 1


FORMAT = CheckpointFormat(
    name="roberta",
    base=next(variant for variant in VARIANTS if variant.name == "roberta-base"),
    settings=(
        *transformer_settings(
            vocab_size=50_265, width=768, n_layers=12, n_heads=12, ffn_width=3_072, activation="gelu", dropout=0.1
        ),
        Setting("hidden_size", "dims.embedding_width", 768),
        Setting("pad_token_id", "embedding.padding_index", 1, unset=1, read=_row),
        Setting("max_position_embeddings", "dims.max_length", 512, read=_without_offset, write=_with_offset),
        Setting("type_vocab_size", "embedding.n_segments", 2, unset=1),
    ),
    fixed={"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False},
    prefix="roberta.",
    base_prefixes=("embeddings", "encoder", "pooler"),
    base_weights=(*transformer_embedding(segments="embedding.segment"), *transformer_layers()),
    heads={
        **masked_lm(
            "bert.mlm", "lm_head.dense.{p}", "lm_head.layer_norm.{p}", "lm_head.bias", "lm_head.decoder.weight"
        ),
        **pooler_and_heads(POOLER),
        "classification": (
            ("classifier.dense.{p}", "objectives.task.pooler.dense.{p}"),
            ("classifier.out_proj.{p}", "objectives.task.output.{p}"),
        ),
    },
    architectures=library_classes("Roberta", ForMaskedLM=("bert.mlm",)),
    copies=(
        ("lm_head.decoder.weight", "embeddings.word_embeddings.weight"),
        ("lm_head.decoder.bias", "lm_head.bias"),
    ),
    ignored=("embeddings.position_ids", "embeddings.token_type_ids"),
    tokenizer_classes=("RobertaTokenizer", "LongformerTokenizer", "BartTokenizer", "LEDTokenizer"),
    tokenizer=(Setting("add_prefix_space", "add_prefix_space", None),),
    head_dropout={"multiple-choice": HeadDropout(None)},
    drops_head_input=True,
    tokenizer_config={"model_input_names": ["input_ids", "attention_mask"]},
)


def _kin(name: str, classes: str, base: str, tokenizer: str) -> CheckpointFormat:
    """A family that the reference library has under another name, with another vocabulary."""
    return replace(
        FORMAT,
        name=name,
        base=next(variant for variant in VARIANTS if variant.name == base),
        settings=tuple(replace(s, default=30_522) if s.theirs == "vocab_size" else s for s in FORMAT.settings),
        architectures={n.replace("Roberta", classes, 1): heads for n, heads in FORMAT.architectures.items()},
        tokenizer_classes=(tokenizer,),
        tokenizer=(),
    )


FORMATS = [
    FORMAT,
    _kin("xlm-roberta", "XLMRoberta", "xlm-roberta-base", "XLMRobertaTokenizer"),
    _kin("camembert", "Camembert", "camembert-base", "CamembertTokenizer"),
]
