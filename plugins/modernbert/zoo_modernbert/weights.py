"""ModernBERT's checkpoints, in the names of the transformers library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo import ZooError
from zoo.weights.format import CheckpointFormat, Config, HeadDropout, PoolingKey, Setting
from zoo.weights.shared import library_classes, masked_lm, transformer_settings
from zoo.weights.stored_heads import HEAD_KINDS
from zoo_modernbert.variants import VARIANTS

THEIRS = {
    "hidden_act": "hidden_activation",
    "hidden_dropout_prob": "mlp_dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "layer_norm_eps": "norm_eps",
}
"""Keys that differ from BERT's."""


BASE = next(variant for variant in VARIANTS if variant.name == "modernbert-base")
HEAD = (
    ("head.dense.weight", "objectives.task.pooler.dense.weight"),
    ("head.norm.weight", "objectives.task.pooler.norm.weight"),
    ("classifier.{p}", "objectives.task.output.{p}"),
)


def _base(kind: str) -> Any:
    """How the base of a kind of layer is read: from an older key, or from rope_parameters."""

    def read(value: Any, config: Config) -> Any:
        every = config.get("rope_parameters")
        said = every.get(kind) if isinstance(every, Mapping) else None
        if not isinstance(said, Mapping):
            return float(value)
        if said.get("rope_type", "default") != "default":
            raise ZooError(f'rope_type is {said["rope_type"]!r:.60}; the zoo supports only "default"')
        return float(said.get("rope_theta", value))

    return read


def _every(value: Any, config: Config) -> Any:
    """The interval of global layers: from an older key, or from layer_types, which must have one."""
    types = config.get("layer_types")
    if types is None:
        return value
    is_global = [kind == "full_attention" for kind in types]
    every = is_global.index(True, 1) if True in is_global[1:] else len(is_global)
    if is_global != [index % every == 0 for index in range(len(is_global))]:
        raise ZooError("layer_types should have full_attention in the first layer and every n-th after it")
    return every


def _settings() -> tuple[Setting, ...]:
    common = transformer_settings(
        vocab_size=50_368, width=768, n_layers=22, n_heads=12, ffn_width=1_152, activation="gelu", dropout=0.0,
        norm_eps=1e-5,
    )  # fmt: skip
    return (
        *(replace(setting, theirs=THEIRS.get(setting.theirs, setting.theirs)) for setting in common),
        Setting("hidden_size", "dims.embedding_width", 768),
        Setting("max_position_embeddings", "dims.max_length", 8_192),
        Setting("local_attention", "encoder.window", 128, 64, lambda v, config: v // 2, lambda v, config: 2 * v),
        Setting("global_attn_every_n_layers", "encoder.global_every", 3, unset=3, read=_every),
        Setting("local_rope_theta", "encoder.local_base", 10_000.0, 10_000.0, _base("sliding_attention")),
        Setting("global_rope_theta", "encoder.global_base", 160_000.0, 160_000.0, _base("full_attention")),
    )


FORMAT = CheckpointFormat(
    name="modernbert",
    base=BASE,
    settings=_settings(),
    fixed={
        "norm_bias": False,
        "attention_bias": False,
        "mlp_bias": False,
        "decoder_bias": True,
        "classifier_bias": False,
        "classifier_activation": "gelu",
    },
    not_carried=("layer_types", "rope_parameters"),
    prefix="model.",
    base_prefixes=("embeddings", "layers", "final_norm"),
    base_weights=(
        ("embeddings.tok_embeddings.weight", "embedding.tokens.weight"),
        ("embeddings.norm.weight", "embedding.norm.weight"),
        ("layers.{i}.attn_norm.weight", "encoder.layers.{i}.attention.norm.weight"),
        ("layers.{i}.attn.Wqkv.weight", "encoder.layers.{i}.attention.attention.(query|key|value).weight"),
        ("layers.{i}.attn.Wo.weight", "encoder.layers.{i}.attention.attention.output.weight"),
        ("layers.{i}.mlp_norm.weight", "encoder.layers.{i}.feedforward.norm.weight"),
        ("layers.{i}.mlp.Wi.weight", "encoder.layers.{i}.feedforward.feedforward.(up|gate).weight"),
        ("layers.{i}.mlp.Wo.weight", "encoder.layers.{i}.feedforward.feedforward.down.weight"),
        ("final_norm.weight", "encoder.norm.weight"),
    ),
    heads={
        **masked_lm("bert.mlm", "head.dense.weight", "head.norm.weight", "decoder.bias", "decoder.weight"),
        **dict.fromkeys(HEAD_KINDS, HEAD),
    },
    architectures=library_classes("ModernBert", ForMaskedLM=("bert.mlm",)),
    copies=(("decoder.weight", "embeddings.tok_embeddings.weight"),),
    head_dropout=dict.fromkeys(HEAD_KINDS, HeadDropout("classifier_dropout", 0.0)),
    pooling=BASE.head,
    pooling_key=PoolingKey("classifier_pooling", "cls", {"first": "cls", "mean": "mean"}),
    token_ids={
        "pad_token_id": "pad",
        "bos_token_id": "cls",
        "eos_token_id": "sep",
        "cls_token_id": "cls",
        "sep_token_id": "sep",
    },
    tokenizer_config={"model_input_names": ["input_ids", "attention_mask"]},
)

FORMATS = [FORMAT]
