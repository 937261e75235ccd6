"""DeBERTa's checkpoints of versions 2 and 3, in the names of the transformers library."""

from __future__ import annotations

from typing import Any

from zoo import ZooError
from zoo.weights.format import CheckpointFormat, Config, HeadDropout, Setting
from zoo.weights.shared import library_classes, masked_lm, task_heads, transformer_layers, transformer_settings
from zoo_deberta.variants import VARIANTS

BASE = next(variant for variant in VARIANTS if variant.name == "deberta-v3-base")
TERMS = {"both": ["p2c", "c2p"], "c2p": ["c2p"], "p2c": ["p2c"]}
"""What pos_att_type lists, by our option `terms`."""


def _terms(listed: Any, config: Config) -> Any:
    """It is a list, or names between bars."""
    names = listed.lower().split("|") if isinstance(listed, str) else [*listed]
    found = {str(name).strip() for name in names}
    for ours, theirs in TERMS.items():
        if found == set(theirs):
            return ours
    raise TypeError


def _n_heads(value: Any, config: Config) -> Any:
    width, per_head = config.get("hidden_size", 1_536), config.get("attention_head_size")
    if per_head is not None and per_head * value != width:
        raise ZooError(
            f"attention_head_size is {per_head!r:.60}; the zoo supports only hidden_size divided by the heads"
        )
    return value


def _distance(value: Any, config: Config) -> Any:
    return value if value >= 1 else None


def _embedding_width(value: Any, config: Config) -> Any:
    return config.get("hidden_size", 1_536) if value is None else value


def _projection(name: str) -> str:
    """What others call query, key and value is called query_proj and so on."""
    for part in ("query", "key", "value"):
        name = name.replace(f"self.{part}.", f"self.{part}_proj.")
    return name


def _settings() -> tuple[Setting, ...]:
    common = transformer_settings(
        vocab_size=128_100, width=1_536, n_layers=24, n_heads=24, ffn_width=6_144, activation="gelu", dropout=0.1,
        norm_eps=1e-7,
    )  # fmt: skip
    return (
        *(setting for setting in common if setting.theirs != "num_attention_heads"),
        Setting("num_attention_heads", "dims.n_heads", 24, read=_n_heads),
        Setting("embedding_size", "dims.embedding_width", None, read=_embedding_width),
        Setting("max_position_embeddings", "dims.max_length", 512),
        Setting("position_buckets", "encoder.buckets", -1, 256, _distance, lambda value, config: value or -1),
        Setting(
            "max_relative_positions", "encoder.max_distance", -1, None, _distance, lambda value, config: value or -1
        ),
        Setting("pos_att_type", "encoder.terms", None, "both", _terms, lambda value, config: TERMS[value]),
        Setting("conv_kernel_size", "encoder.conv_kernel", 0, unset=0),
        Setting("conv_act", "encoder.conv_activation", "tanh", unset="tanh"),
    )


FORMAT = CheckpointFormat(
    name="deberta-v2",
    base=BASE,
    settings=_settings(),
    fixed={"type_vocab_size": 0, "conv_groups": 1, "pooler_dropout": 0, "pooler_hidden_act": "gelu"},
    required={
        "relative_attention": True,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
    },
    not_carried=("legacy",),
    not_stored=("deberta.emd", "deberta.generator", "deberta.rtd"),
    prefix="deberta.",
    base_prefixes=("embeddings", "encoder"),
    base_weights=(
        ("embeddings.word_embeddings.weight", "embedding.tokens.weight"),
        ("embeddings.LayerNorm.{p}", "embedding.norm.{p}"),
        ("encoder.rel_embeddings.weight", "encoder.relative.table.weight"),
        ("encoder.LayerNorm.{p}", "encoder.relative.norm.{p}"),
        ("encoder.conv.conv.{p}", "encoder.convolution.conv.{p}"),
        ("encoder.conv.LayerNorm.{p}", "encoder.convolution.norm.{p}"),
        *((_projection(theirs), ours) for theirs, ours in transformer_layers()),
    ),
    heads={
        **masked_lm(
            "bert.mlm",
            "cls.predictions.transform.dense.{p}",
            "cls.predictions.transform.LayerNorm.{p}",
            "cls.predictions.bias",
            "cls.predictions.decoder.weight",
        ),
        **task_heads("pooler.dense.{p}"),
    },
    aliases=(
        ("lm_predictions.lm_head.dense.", "cls.predictions.transform.dense."),
        ("lm_predictions.lm_head.LayerNorm.", "cls.predictions.transform.LayerNorm."),
        ("lm_predictions.lm_head.bias", "cls.predictions.bias"),
    ),
    architectures=library_classes("DebertaV2", ForMaskedLM=("bert.mlm",)),
    copies=(
        ("cls.predictions.decoder.weight", "embeddings.word_embeddings.weight"),
        ("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ),
    ignored=("embeddings.position_ids", "embeddings.position_embeddings.weight"),
    head_dropout={
        "classification": HeadDropout("cls_dropout"),
        "multiple-choice": HeadDropout("cls_dropout"),
        "token-classification": HeadDropout(None),
    },
    pooling=BASE.head,
    tokenizer_classes=("DebertaV2Tokenizer",),
    tokenizer_config={"model_input_names": ["input_ids", "attention_mask", "token_type_ids"]},
    tokenizer=(
        Setting("do_lower_case", "lowercase", None),
        Setting("split_by_punct", "split_punctuation", None),
    ),
)

FORMATS = [FORMAT]
