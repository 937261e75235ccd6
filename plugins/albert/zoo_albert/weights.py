"""ALBERT's checkpoints, in the names of the transformers library."""

from __future__ import annotations

from zoo.weights.format import CheckpointFormat, HeadDropout, Setting
from zoo.weights.shared import library_classes, masked_lm, pooler_and_heads, transformer_embedding, transformer_settings
from zoo_albert.variants import VARIANTS

POOLER = "pooler.{p}"
THEIRS = "encoder.albert_layer_groups.{g}.albert_layers.{i}"

FORMAT = CheckpointFormat(
    name="albert",
    base=next(variant for variant in VARIANTS if variant.name == "albert-base-v2"),
    settings=(
        *transformer_settings(
            vocab_size=30_000,
            width=4_096,
            n_layers=12,
            n_heads=64,
            ffn_width=16_384,
            activation="gelu_new",
            dropout=0.0,
        ),
        Setting("embedding_size", "dims.embedding_width", 128),
        Setting("max_position_embeddings", "dims.max_length", 512),
        Setting("type_vocab_size", "embedding.n_segments", 2, unset=2),
        Setting("num_hidden_groups", "encoder.n_groups", 1, unset=1),
        Setting("inner_group_num", "encoder.inner_layers", 1, unset=1),
    ),
    fixed={"position_embedding_type": "absolute"},
    prefix="albert.",
    base_prefixes=("embeddings", "encoder", "pooler"),
    joint_pairs=("albert.sop",),
    base_weights=(
        *transformer_embedding(),
        ("encoder.embedding_hidden_mapping_in.{p}", "embedding.project.{p}"),
        (f"{THEIRS}.attention.query.{{p}}", "encoder.attentions.{g}.{i}.attention.query.{p}"),
        (f"{THEIRS}.attention.key.{{p}}", "encoder.attentions.{g}.{i}.attention.key.{p}"),
        (f"{THEIRS}.attention.value.{{p}}", "encoder.attentions.{g}.{i}.attention.value.{p}"),
        (f"{THEIRS}.attention.dense.{{p}}", "encoder.attentions.{g}.{i}.attention.output.{p}"),
        (f"{THEIRS}.attention.LayerNorm.{{p}}", "encoder.attentions.{g}.{i}.norm.{p}"),
        (f"{THEIRS}.ffn.{{p}}", "encoder.feedforwards.{g}.{i}.feedforward.up.{p}"),
        (f"{THEIRS}.ffn_output.{{p}}", "encoder.feedforwards.{g}.{i}.feedforward.down.{p}"),
        (f"{THEIRS}.full_layer_layer_norm.{{p}}", "encoder.feedforwards.{g}.{i}.norm.{p}"),
    ),
    heads={
        **masked_lm(
            "bert.mlm",
            "predictions.dense.{p}",
            "predictions.LayerNorm.{p}",
            "predictions.bias",
            "predictions.decoder.weight",
        ),
        "albert.sop": (
            (POOLER, "objectives.albert/sop.pooler.dense.{p}"),
            ("sop_classifier.classifier.{p}", "objectives.albert/sop.classify.{p}"),
        ),
        **pooler_and_heads(POOLER),
    },
    architectures=library_classes("Albert", ForPreTraining=("bert.mlm", "albert.sop"), ForMaskedLM=("bert.mlm",)),
    copies=(
        ("predictions.decoder.weight", "embeddings.word_embeddings.weight"),
        ("predictions.decoder.bias", "predictions.bias"),
    ),
    ignored=("embeddings.position_ids", "embeddings.token_type_ids"),
    tokenizer_classes=("AlbertTokenizer",),
    tokenizer_config={"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
    tokenizer=(
        Setting("do_lower_case", "lowercase", None),
        Setting("keep_accents", "strip_accents", None, read=lambda value, config: not value),
    ),
    head_dropout=dict.fromkeys(
        ("classification", "multiple-choice", "token-classification"), HeadDropout("classifier_dropout_prob", 0.1)
    ),
)

FORMATS = [FORMAT]
