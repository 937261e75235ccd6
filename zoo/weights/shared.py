"""Tables that the formats of BERT and the families after it share: settings, names of weights, classes."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.weights.format import POOL, UNTIED_DECODER, Setting
from zoo.weights.name_table import NameRule

WORDPIECE_SETTINGS = (
    Setting("do_lower_case", "lowercase", None),
    Setting("strip_accents", "strip_accents", None),
    Setting("tokenize_chinese_chars", "split_chinese", None),
)
"""The options of BERT's tokenizer in tokenizer_config.json, for the families that use it."""

_ACTIVATIONS = {
    "swish": "silu",
    "gelu_python": "gelu",
    **dict.fromkeys(("gelu_pytorch_tanh", "gelu_fast", "gelu_accurate"), "gelu_new"),
}
"""Other names of the same functions."""


def activation_setting(theirs: str, default: str, called: Mapping[str, str] | None = None) -> Setting:
    """The layers' activation, also by other names of the same functions; `called` are those of one family alone."""
    ours = {**_ACTIVATIONS, **(called or {})}
    back = {name: other for other, name in (called or {}).items()}
    return Setting(
        theirs,
        "dims.activation",
        default,
        read=lambda value, config: ours.get(value, value),
        write=lambda value, config: back.get(value, value),
    )


def transformer_settings(
    *,
    vocab_size: int,
    width: int,
    n_layers: int,
    n_heads: int,
    ffn_width: int,
    activation: str,
    dropout: float,
    norm_eps: float = 1e-12,
) -> tuple[Setting, ...]:
    """The settings that BERT, RoBERTa and ALBERT share, with the reference library's defaults for absent ones."""
    return (
        Setting("vocab_size", "dims.vocab_size", vocab_size),
        Setting("hidden_size", "dims.hidden_width", width),
        Setting("num_hidden_layers", "dims.n_layers", n_layers),
        Setting("num_attention_heads", "dims.n_heads", n_heads),
        Setting("intermediate_size", "dims.ffn_width", ffn_width),
        activation_setting("hidden_act", activation),
        Setting("hidden_dropout_prob", "dims.dropout", dropout),
        Setting("attention_probs_dropout_prob", "dims.attention_dropout", dropout),
        Setting("layer_norm_eps", "dims.norm_eps", norm_eps),
        Setting("initializer_range", "init.linear_std", 0.02),
        Setting("initializer_range", "init.embedding_std", 0.02),
    )


def transformer_embedding(segments: str | None = "embedding.segments.weight") -> tuple[NameRule, ...]:
    """The names of an embedding's tables and norm, which BERT and the families after it share."""
    return (
        ("embeddings.word_embeddings.weight", "embedding.tokens.weight"),
        ("embeddings.position_embeddings.weight", "embedding.positions.weight"),
        *([("embeddings.token_type_embeddings.weight", segments)] if segments else []),
        ("embeddings.LayerNorm.{p}", "embedding.norm.{p}"),
    )


def transformer_layers() -> tuple[NameRule, ...]:
    """The names of post-norm layers, which BERT and the families after it share."""
    return (
        ("encoder.layer.{i}.attention.self.query.{p}", "encoder.layers.{i}.attention.attention.query.{p}"),
        ("encoder.layer.{i}.attention.self.key.{p}", "encoder.layers.{i}.attention.attention.key.{p}"),
        ("encoder.layer.{i}.attention.self.value.{p}", "encoder.layers.{i}.attention.attention.value.{p}"),
        ("encoder.layer.{i}.attention.output.dense.{p}", "encoder.layers.{i}.attention.attention.output.{p}"),
        ("encoder.layer.{i}.attention.output.LayerNorm.{p}", "encoder.layers.{i}.attention.norm.{p}"),
        ("encoder.layer.{i}.intermediate.dense.{p}", "encoder.layers.{i}.feedforward.feedforward.up.{p}"),
        ("encoder.layer.{i}.output.dense.{p}", "encoder.layers.{i}.feedforward.feedforward.down.{p}"),
        ("encoder.layer.{i}.output.LayerNorm.{p}", "encoder.layers.{i}.feedforward.norm.{p}"),
    )


def pooler_and_heads(pooler: str) -> dict[str, tuple[NameRule, ...]]:
    """A pooler that stands in the encoder, and task heads over it."""
    return {POOL: ((pooler, "objectives.pool.pooler.dense.{p}"),), **task_heads(pooler)}


def task_heads(pooler: str) -> dict[str, tuple[NameRule, ...]]:
    """Task heads; the reference library names all but the pooler alike in all families."""
    pooled = ((pooler, "objectives.task.pooler.dense.{p}"), ("classifier.{p}", "objectives.task.output.{p}"))
    return {
        "classification": pooled,
        "multiple-choice": pooled,
        "token-classification": (("classifier.{p}", "objectives.task.output.{p}"),),
        "question-answering": (("qa_outputs.{p}", "objectives.task.output.{p}"),),
    }


def masked_lm(objective: str, transform: str, norm: str, bias: str, table: str) -> dict[str, tuple[NameRule, ...]]:
    """The head of masked tokens, a `zoo.blocks.TokenPrediction`: where its layers are stored, with {p} if they have
    biases, and the table of an output layer that is not tied."""
    head, p = f"objectives.{objective.replace('.', '/')}", transform.rpartition(".")[2]
    layers = ((transform, f"{head}.head.transform.{p}"), (norm, f"{head}.head.norm.{p}"), (bias, f"{head}.head.bias"))
    return {objective: layers, UNTIED_DECODER: ((table, f"{head}.decoder.weight"),)}


def library_classes(family: str, **language_models: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The reference library's classes of a family of encoders and their heads: those given, which differ, and the
    others, which all families have."""
    heads = {
        "Model": (),
        **language_models,
        "ForSequenceClassification": ("classification",),
        "ForTokenClassification": ("token-classification",),
        "ForQuestionAnswering": ("question-answering",),
        "ForMultipleChoice": ("multiple-choice",),
    }
    return {f"{family}{name}": its for name, its in heads.items()}
