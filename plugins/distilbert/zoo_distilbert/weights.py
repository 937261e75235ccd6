"""DistilBERT's checkpoints, in the names of the transformers library."""

from __future__ import annotations

from zoo import PoolingConfig
from zoo.weights.format import CheckpointFormat, HeadDropout, Setting
from zoo.weights.shared import (
    WORDPIECE_SETTINGS,
    activation_setting,
    library_classes,
    masked_lm,
    task_heads,
    transformer_embedding,
)
from zoo_distilbert.variants import VARIANTS

THEIRS, OURS = "transformer.layer.{i}", "encoder.layers.{i}"
AFTER_POOLING = HeadDropout("seq_classif_dropout", 0.2)

FORMAT = CheckpointFormat(
    name="distilbert",
    base=next(variant for variant in VARIANTS if variant.name == "distilbert-base-uncased"),
    settings=(
        Setting("vocab_size", "dims.vocab_size", 30_522),
        Setting("dim", "dims.hidden_width", 768),
        Setting("dim", "dims.embedding_width", 768),
        Setting("n_layers", "dims.n_layers", 6),
        Setting("n_heads", "dims.n_heads", 12),
        Setting("hidden_dim", "dims.ffn_width", 3_072),
        Setting("max_position_embeddings", "dims.max_length", 512),
        activation_setting("activation", "gelu"),
        Setting("dropout", "dims.dropout", 0.1),
        Setting("attention_dropout", "dims.attention_dropout", 0.1),
        Setting("initializer_range", "init.linear_std", 0.02),
        Setting("initializer_range", "init.embedding_std", 0.02),
    ),
    prefix="distilbert.",
    base_prefixes=("embeddings", "transformer"),
    base_weights=(
        *transformer_embedding(segments=None),
        (f"{THEIRS}.attention.q_lin.{{p}}", f"{OURS}.attention.attention.query.{{p}}"),
        (f"{THEIRS}.attention.k_lin.{{p}}", f"{OURS}.attention.attention.key.{{p}}"),
        (f"{THEIRS}.attention.v_lin.{{p}}", f"{OURS}.attention.attention.value.{{p}}"),
        (f"{THEIRS}.attention.out_lin.{{p}}", f"{OURS}.attention.attention.output.{{p}}"),
        (f"{THEIRS}.sa_layer_norm.{{p}}", f"{OURS}.attention.norm.{{p}}"),
        (f"{THEIRS}.ffn.lin1.{{p}}", f"{OURS}.feedforward.feedforward.up.{{p}}"),
        (f"{THEIRS}.ffn.lin2.{{p}}", f"{OURS}.feedforward.feedforward.down.{{p}}"),
        (f"{THEIRS}.output_layer_norm.{{p}}", f"{OURS}.feedforward.norm.{{p}}"),
    ),
    heads={
        **masked_lm(
            "bert.mlm", "vocab_transform.{p}", "vocab_layer_norm.{p}", "vocab_projector.bias", "vocab_projector.weight"
        ),
        **task_heads("pre_classifier.{p}"),
    },
    architectures=library_classes("DistilBert", ForMaskedLM=("bert.mlm",)),
    copies=(("vocab_projector.weight", "embeddings.word_embeddings.weight"),),
    ignored=("embeddings.position_ids",),
    tokenizer=WORDPIECE_SETTINGS,
    tokenizer_config={"model_input_names": ["input_ids", "attention_mask"]},
    head_dropout={
        "classification": AFTER_POOLING,
        "multiple-choice": AFTER_POOLING,
        "token-classification": HeadDropout(None),
        "question-answering": HeadDropout("qa_dropout", 0.1),
    },
    pooling=PoolingConfig(activation="relu"),
)

FORMATS = [FORMAT]
