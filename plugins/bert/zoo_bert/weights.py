"""BERT's checkpoints, in the names of google-research/bert as the transformers library stores them."""

from __future__ import annotations

from zoo.weights.format import CheckpointFormat, Setting
from zoo.weights.shared import (
    WORDPIECE_SETTINGS,
    library_classes,
    masked_lm,
    pooler_and_heads,
    transformer_embedding,
    transformer_layers,
    transformer_settings,
)
from zoo_bert.variants import VARIANTS

POOLER = "pooler.dense.{p}"

FORMAT = CheckpointFormat(
    name="bert",
    base=next(variant for variant in VARIANTS if variant.name == "bert-base-uncased"),
    settings=(
        *transformer_settings(
            vocab_size=30_522, width=768, n_layers=12, n_heads=12, ffn_width=3_072, activation="gelu", dropout=0.1
        ),
        Setting("hidden_size", "dims.embedding_width", 768),
        Setting("max_position_embeddings", "dims.max_length", 512),
        Setting("type_vocab_size", "embedding.n_segments", 2, unset=2),
    ),
    fixed={"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False},
    prefix="bert.",
    base_prefixes=("embeddings", "encoder", "pooler"),
    joint_pairs=("bert.nsp",),
    base_weights=(*transformer_embedding(), *transformer_layers()),
    heads={
        **masked_lm(
            "bert.mlm",
            "cls.predictions.transform.dense.{p}",
            "cls.predictions.transform.LayerNorm.{p}",
            "cls.predictions.bias",
            "cls.predictions.decoder.weight",
        ),
        "bert.nsp": (
            (POOLER, "objectives.bert/nsp.pooler.dense.{p}"),
            ("cls.seq_relationship.{p}", "objectives.bert/nsp.classify.{p}"),
        ),
        **pooler_and_heads(POOLER),
    },
    architectures=library_classes(
        "Bert",
        ForPreTraining=("bert.mlm", "bert.nsp"),
        ForMaskedLM=("bert.mlm",),
        ForNextSentencePrediction=("bert.nsp",),
    ),
    copies=(
        ("cls.predictions.decoder.weight", "embeddings.word_embeddings.weight"),
        ("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ),
    ignored=("embeddings.position_ids", "embeddings.token_type_ids"),
    tokenizer_classes=(
        "BertTokenizer",
        "DistilBertTokenizer",
        "ElectraTokenizer",
        "MobileBertTokenizer",
        "LayoutLMTokenizer",
        "ConvBertTokenizer",
        "SqueezeBertTokenizer",
        "LxmertTokenizer",
    ),
    tokenizer_config={"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
    tokenizer=WORDPIECE_SETTINGS,
)

FORMATS = [FORMAT]
