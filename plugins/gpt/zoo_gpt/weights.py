"""GPT's and GPT-2's checkpoints, in the names of the transformers library, which stores their matrices transposed."""

from __future__ import annotations

from typing import Any

from zoo import PoolingConfig
from zoo.weights.format import UNTIED_DECODER, CheckpointFormat, Config, HeadDropout, Setting
from zoo.weights.name_table import NameRule
from zoo.weights.shared import activation_setting
from zoo_gpt.variants import HEAD, VARIANTS

LAYER = "encoder.layers.{i}"
OUTPUT = ("classifier.{p}", "objectives.task.output.{p}")
TRANSPOSED = tuple(f"h.{{i}}.{name}.weight" for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"))
BUFFERS = ("h.{i}.attn.bias", "h.{i}.attn.masked_bias")


def _four_times(width: Any, config: Config) -> Any:
    return 4 * width


def _inner(width: Any, config: Config) -> Any:
    return 4 * config.get("n_embd", 768) if width is None else width


def _settings(vocab_size: int, max_length: int) -> tuple[Setting, ...]:
    return (
        Setting("vocab_size", "dims.vocab_size", vocab_size),
        Setting("n_positions", "dims.max_length", max_length),
        Setting("n_embd", "dims.hidden_width", 768),
        Setting("n_embd", "dims.embedding_width", 768),
        Setting("n_layer", "dims.n_layers", 12),
        Setting("n_head", "dims.n_heads", 12),
        Setting("embd_pdrop", "dims.dropout", 0.1),
        Setting("resid_pdrop", "dims.dropout", 0.1),
        Setting("attn_pdrop", "dims.attention_dropout", 0.1),
        Setting("layer_norm_epsilon", "dims.norm_eps", 1e-5),
        Setting("initializer_range", "init.linear_std", 0.02),
        Setting("initializer_range", "init.embedding_std", 0.02),
    )


def _names(tokens: str, positions: str) -> tuple[NameRule, ...]:
    return (
        (f"{tokens}.weight", "embedding.tokens.weight"),
        (f"{positions}.weight", "embedding.positions.weight"),
        ("h.{i}.ln_1.{p}", f"{LAYER}.attention.norm.{{p}}"),
        ("h.{i}.attn.c_attn.{p}", f"{LAYER}.attention.attention.(query|key|value).{{p}}"),
        ("h.{i}.attn.c_proj.{p}", f"{LAYER}.attention.attention.output.{{p}}"),
        ("h.{i}.ln_2.{p}", f"{LAYER}.feedforward.norm.{{p}}"),
        ("h.{i}.mlp.c_fc.{p}", f"{LAYER}.feedforward.feedforward.up.{{p}}"),
        ("h.{i}.mlp.c_proj.{p}", f"{LAYER}.feedforward.feedforward.down.{{p}}"),
    )


HEADS: dict[str, tuple[NameRule, ...]] = {
    "gpt.lm": (),
    UNTIED_DECODER: (("lm_head.weight", "objectives.gpt/lm.decoder.weight"),),
    "classification": (("score.weight", "objectives.task.output.weight"),),
}
POOLING = PoolingConfig(**{**dict(HEAD), "dropout": 0.0})
NO_DROPOUT = HeadDropout(None, 0.0)
TOKENIZER_CONFIG: dict[str, Any] = {"model_input_names": ["input_ids", "attention_mask"]}


def _named(name: str) -> Any:
    return next(variant for variant in VARIANTS if variant.name == name)


GPT = CheckpointFormat(
    name="openai-gpt",
    base=_named("openai-gpt"),
    settings=(
        *_settings(40_478, 512),
        Setting("n_embd", "dims.ffn_width", 768, read=_four_times),
        # What the library calls gelu here is the tanh approximation (modeling_openai.py, ACT_FNS).
        activation_setting("afn", "gelu", {"gelu": "gelu_new"}),
    ),
    prefix="transformer.",
    base_prefixes=("tokens_embed", "positions_embed", "h"),
    base_weights=_names("tokens_embed", "positions_embed"),
    heads=HEADS,
    architectures={
        "OpenAIGPTModel": (),
        "OpenAIGPTLMHeadModel": ("gpt.lm",),
        "OpenAIGPTForSequenceClassification": ("classification",),
    },
    copies=(("lm_head.weight", "tokens_embed.weight"),),
    ignored=(*BUFFERS, "position_ids"),
    transposed=TRANSPOSED,
    causal=True,
    tokenizer_classes=("OpenAIGPTTokenizer",),
    tokenizer_config=TOKENIZER_CONFIG,
    head_dropout={"classification": NO_DROPOUT},
    pooling=POOLING,
)

GPT2 = CheckpointFormat(
    name="gpt2",
    base=_named("gpt2"),
    settings=(
        *_settings(50_257, 1_024),
        Setting("n_inner", "dims.ffn_width", None, read=_inner),
        activation_setting("activation_function", "gelu_new"),
    ),
    fixed={
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
    prefix="transformer.",
    base_prefixes=("wte", "wpe", "h", "ln_f"),
    base_weights=(*_names("wte", "wpe"), ("ln_f.{p}", "encoder.norm.{p}")),
    heads={
        **HEADS,
        "token-classification": (OUTPUT,),
        "question-answering": (("qa_outputs.{p}", "objectives.task.output.{p}"),),
    },
    architectures={
        "GPT2Model": (),
        "GPT2LMHeadModel": ("gpt.lm",),
        "GPT2ForSequenceClassification": ("classification",),
        "GPT2ForTokenClassification": ("token-classification",),
        "GPT2ForQuestionAnswering": ("question-answering",),
    },
    copies=(("lm_head.weight", "wte.weight"),),
    ignored=BUFFERS,
    transposed=TRANSPOSED,
    causal=True,
    tokenizer_classes=("GPT2Tokenizer",),
    tokenizer=(Setting("add_prefix_space", "add_prefix_space", None),),
    tokenizer_config=TOKENIZER_CONFIG,
    head_dropout={"classification": NO_DROPOUT},
    pooling=POOLING,
)

FORMATS = [GPT, GPT2]
