"""A config.json to a model of the transformers library, its word embeddings apart. No code of a folder is ever run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias

from torch import nn
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_MAPPING,
)

from zoo import Dims, ZooError

OF_ITS_FILES = (
    "model_type", "architectures", "auto_map", "dtype", "torch_dtype", "_name_or_path", "transformers_version",
    "quantization_config", "task_head", "id2label", "label2id", "num_labels", "problem_type",
)  # fmt: skip
"""Keys of a config.json that speak of the files that it came with, or of a head."""

READS_IDS = ("esm", "longformer")
"""Families whose layers ask for ids: to count masks, or to fill texts up to windows."""

MIXES_NEIGHBOURS = ("convbert", "funnel", "nystromformer", "yoso")
"""Families whose layers pool, convolve or sample tokens, where padding would be read as text."""


BOTH_SIDES = ("bert-generation", "xlnet")
"""Families with a language model whose tokens see the whole text, unless they are asked not to."""

INNER_WIDTHS = ("intermediate_size", "ffn_dim", "n_inner", "d_inner", "hidden_dim")
"""What families call the width of the feed-forward network."""


Config: TypeAlias = dict[str, Any]
"""The values of a config.json."""


def config_of(dims: Dims, config: Config | None) -> PretrainedConfig:
    """The library's record of a config, by default of its BERT of these sizes. Raises ZooError as `read_config`."""
    config = config or _bert(dims)
    found = read_config(config, "its config")
    if found is None:
        raise ZooError(f"the transformers library knows no model type {config.get('model_type')!r:.60}")
    return found


def _bert(dims: Dims) -> Config:
    return {
        "model_type": "bert", "vocab_size": dims.vocab_size, "hidden_size": dims.hidden_width,
        "num_hidden_layers": dims.n_layers, "num_attention_heads": dims.required("n_heads"),
        "intermediate_size": dims.required("ffn_width"), "max_position_embeddings": dims.max_length,
        "hidden_dropout_prob": dims.dropout, "attention_probs_dropout_prob": dims.attention_dropout,
        "layer_norm_eps": dims.norm_eps,
    }  # fmt: skip


def read_config(config: Mapping[str, Any], where: str) -> PretrainedConfig | None:
    """The library's record of a config.json; None if the library has no text model of its model_type.

    Raises ZooError if its values do not fit, or the model is none of single texts.
    """
    kind = str(config["model_type"])
    try:
        made = AutoConfig.for_model(kind, **{k: v for k, v in config.items() if k not in OF_ITS_FILES})
    except ValueError as error:
        if "Unrecognized model identifier" in str(error):
            return None
        raise ZooError(f"{where}: the transformers library refuses it: {error}") from None
    except Exception as error:
        raise ZooError(f"{where}: the transformers library refuses it: {type(error).__name__}: {error}") from None
    problem = _problem(made)
    if problem:
        raise ZooError(f"{where}: a model of type {kind!r:.60} {problem}; the zoo compares models of texts")
    made.use_cache = False
    return made


def _problem(config: PretrainedConfig) -> str:
    """Why the models of a config do not read single texts through a table of word embeddings; empty if they do."""
    if type(config) not in MODEL_MAPPING:
        return "has no AutoModel"
    if config.is_encoder_decoder:
        return "has an encoder and a decoder"
    lacking = [name for name in ("vocab_size", "hidden_size", "num_hidden_layers") if not _has(config, name)]
    if lacking:
        return f"has no {lacking[0]} in its config"
    if config.model_type in READS_IDS:
        return "reads the ids of tokens besides their embeddings"
    takes = inspect.signature(class_of(config).forward).parameters
    missing = [name for name in ("inputs_embeds", "attention_mask") if name not in takes]
    return f"takes no {missing[0]}" if missing else ""


def _has(config: PretrainedConfig, name: str) -> bool:
    return isinstance(getattr(config, name, None), int)


def class_of(config: PretrainedConfig) -> Any:
    """The class that AutoModel makes of a config."""
    found = MODEL_MAPPING[type(config)]
    chosen: Any = found[0] if isinstance(found, tuple) else found
    return chosen


def build(config: PretrainedConfig, where: str = "its config") -> PreTrainedModel:
    """The model that AutoModel makes of a config, without a pooler. Raises ZooError if its sizes do not fit."""
    pooler = {"add_pooling_layer": False} if "add_pooling_layer" in _parameters(class_of(config)) else {}
    try:
        model: PreTrainedModel = class_of(config)._from_config(config, **pooler)
    except Exception as error:
        said = " ".join(str(error).split())
        what = f"the transformers library cannot build a {config.model_type} of these sizes"
        raise ZooError(f"{where}: {what}: {said}") from None
    for module in model.modules():  # whole numbers that a model counts out, as MRA's positions, are no weights
        own = module.named_buffers(recurse=False)
        module._non_persistent_buffers_set |= {name for name, tensor in own if not tensor.is_floating_point()}
    if isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = nn.Identity()
    if embedding_scale(model) is None:
        raise ZooError(
            f"{where}: the word embeddings of a {config.model_type} are not a plain table, which the zoo needs"
        )
    return model


def embedding_scale(model: PreTrainedModel) -> float | None:
    """What a model multiplies the rows of its table of words by; None if it does something else with them."""
    tokens = model.get_input_embeddings()
    if type(tokens) is nn.Embedding:
        return 1.0
    scale = getattr(tokens, "scalar_embed_scale", getattr(tokens, "embed_scale", None))
    return float(scale) if isinstance(tokens, nn.Embedding) and isinstance(scale, int | float) else None


def decodes(config: PretrainedConfig) -> bool:
    """Whether a text is to be read from its last token: the library has a language model of it, and no masked one."""
    kind = config.model_type
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def is_causal(config: PretrainedConfig) -> bool:
    """Whether no token of a text sees one after it."""
    return decodes(config) and config.model_type not in BOTH_SIDES


def _parameters(kind: type[Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(kind.__init__).parameters


def dims_of(config: PretrainedConfig, model: PreTrainedModel) -> Dims:
    """The sizes of a model, as far as all families have them."""
    activation = str(getattr(config, "hidden_act", getattr(config, "activation_function", "gelu")))
    heads = getattr(config, "num_attention_heads", None)
    inner = (getattr(config, name, None) for name in INNER_WIDTHS)
    tokens: Any = model.get_input_embeddings()
    vocab_size, embedding_width = tokens.weight.shape
    return Dims(
        vocab_size=vocab_size,
        embedding_width=embedding_width,
        hidden_width=config.hidden_size,
        n_layers=config.num_hidden_layers,
        n_heads=heads if isinstance(heads, int) else None,
        ffn_width=next((value for value in inner if isinstance(value, int)), None),
        max_length=_longest(config, model),
        activation=activation if activation in ("gelu", "gelu_new", "relu", "silu") else "gelu",  # type: ignore[arg-type]
    )


NO_LIMIT = 512
"""The longest text of models whose config states no limit, such as those with relative positions alone."""


def _longest(config: PretrainedConfig, model: PreTrainedModel) -> int:
    """The most tokens of a text: the stated limit, and the rows of a table of positions that text may take."""
    stated = getattr(config, "max_position_embeddings", None)
    limits = [stated] if isinstance(stated, int) and stated > 0 else []
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith("position_embeddings"):
            taken = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - taken)
    return min([*limits, 1_048_576], default=NO_LIMIT) if limits else NO_LIMIT
