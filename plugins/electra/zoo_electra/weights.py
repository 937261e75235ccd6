"""ELECTRA's checkpoints, discriminators and generators, in the names of the transformers library."""

from __future__ import annotations

from zoo import PoolingConfig
from zoo.weights.format import CheckpointFormat, HeadDropout, Setting
from zoo.weights.shared import (
    WORDPIECE_SETTINGS,
    library_classes,
    masked_lm,
    task_heads,
    transformer_embedding,
    transformer_layers,
    transformer_settings,
)
from zoo_electra.variants import VARIANTS

FORMAT = CheckpointFormat(
    name="electra",
    base=next(variant for variant in VARIANTS if variant.name == "electra-small-discriminator"),
    settings=(
        *transformer_settings(
            vocab_size=30_522, width=256, n_layers=12, n_heads=4, ffn_width=1_024, activation="gelu", dropout=0.1
        ),
        Setting("embedding_size", "dims.embedding_width", 128),
        Setting("max_position_embeddings", "dims.max_length", 512),
        Setting("type_vocab_size", "embedding.n_segments", 2, unset=2),
    ),
    fixed={
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
        "summary_type": "first",
        "summary_use_proj": True,
        "summary_activation": "gelu",
    },
    prefix="electra.",
    base_prefixes=("embeddings", "embeddings_project", "encoder"),
    base_weights=(
        *transformer_embedding(),
        ("embeddings_project.{p}", "embedding.project.{p}"),
        *transformer_layers(),
    ),
    heads={
        "electra.rtd": (
            ("discriminator_predictions.dense.{p}", "objectives.electra/rtd.dense.{p}"),
            ("discriminator_predictions.dense_prediction.{p}", "objectives.electra/rtd.output.{p}"),
        ),
        **masked_lm(
            "electra.mlm",
            "generator_predictions.dense.{p}",
            "generator_predictions.LayerNorm.{p}",
            "generator_lm_head.bias",
            "generator_lm_head.weight",
        ),
        **task_heads("sequence_summary.summary.{p}"),
        "classification": (
            ("classifier.dense.{p}", "objectives.task.pooler.dense.{p}"),
            ("classifier.out_proj.{p}", "objectives.task.output.{p}"),
        ),
    },
    architectures=library_classes("Electra", ForPreTraining=("electra.rtd",), ForMaskedLM=("electra.mlm",)),
    copies=(("generator_lm_head.weight", "embeddings.word_embeddings.weight"),),
    ignored=("embeddings.position_ids", "embeddings.token_type_ids"),
    not_stored=("electra.generator",),
    tokenizer=WORDPIECE_SETTINGS,
    tokenizer_config={"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
    head_dropout={"multiple-choice": HeadDropout("summary_last_dropout", 0.1)},
    drops_head_input=True,
    pooling=PoolingConfig(activation="gelu"),
)

FORMATS = [FORMAT]
