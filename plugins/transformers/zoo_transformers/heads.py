"""Heads of the transformers library: its own classes, which are given hidden states in place of their encoder."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions as Outputs
from transformers.models.auto import modeling_auto

from zoo import Layout, ZooError
from zoo_transformers.library import class_of

MASKED = "transformers.mlm"
"""The objective that predicts masked tokens, and the head that holds it."""

NEXT = "transformers.ltr"
"""The objective that predicts tokens from left to right, and the head that holds it."""

KINDS: Mapping[str, Mapping[type[Any], Any]] = {
    "classification": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    "token-classification": modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    "question-answering": modeling_auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING,
    "multiple-choice": modeling_auto.MODEL_FOR_MULTIPLE_CHOICE_MAPPING,
    MASKED: modeling_auto.MODEL_FOR_MASKED_LM_MAPPING,
    NEXT: modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING,
}
"""The library's classes with a head, by config, for each kind of head in a format."""

USUAL = {
    "self", "input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds", "head_mask", "labels",
    "start_positions", "end_positions", "encoder_hidden_states", "encoder_attention_mask", "output_attentions",
    "output_hidden_states", "return_dict", "kwargs", "task_type_ids", "past_key_values", "use_cache", "cache_position",
    "logits_to_keep",
}  # fmt: skip
"""What classes with a head take for their encoder's sake; one that takes more may read more than hidden states."""


def kind_of(name: str, config: PretrainedConfig) -> str | None:
    """The kind of head of a class of the library's; None if it is none of this config that the zoo can take."""
    kinds = (kind for kind, classes in KINDS.items() if _find(classes, config, name) is not None)
    return next(kinds, None)


def _find(classes: Mapping[type[Any], Any], config: PretrainedConfig, name: str) -> Any:
    found = classes.get(type(config), None)
    if getattr(found, "__name__", "") != name:
        return None
    takes = {*inspect.signature(found.forward).parameters}
    return found if "inputs_embeds" in takes and takes <= USUAL else None


class Given(nn.Module):
    """Stands for the encoder of a class with a head: gives on the hidden states that it is given, and what the
    encoder's own pooler makes of them. Raises ZooError if its pooler is of no kind that is known."""

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.pooler = getattr(encoder, "pooler", None)
        self.activation = getattr(encoder, "pooler_activation", getattr(encoder, "activation", None))
        if isinstance(self.pooler, nn.Linear) and isinstance(self.activation, nn.Module):
            return  # of the first token, as in ALBERT and BigBird
        if self.pooler is not None and not type(self.pooler).__name__.endswith("Pooler"):
            raise ZooError(f"the pooler of a {encoder.config.model_type} is of no kind that is known")

    @property
    def decoder(self) -> Given:
        """Itself, for classes that call a part of their encoder, as OPT's."""
        return self

    def forward(self, *ignored: Any, inputs_embeds: Tensor, **more: Any) -> Outputs:
        """[B, S, H] to the same as the last layer's output, and pooled [B, H]."""
        pooled = None
        if isinstance(self.pooler, nn.Linear):
            pooled = self.activation(self.pooler(inputs_embeds[:, 0]))  # type: ignore[misc]
        elif self.pooler is not None:
            pooled = self.pooler(inputs_embeds)
        return Outputs(last_hidden_state=inputs_embeds, pooler_output=pooled)


class LibraryHead(nn.Module):
    """The layers that a class of the library's has on top of its encoder. Raises ZooError if there are none such.

    Weights that the class ties to others are no weights of this module: they are looked up whenever it runs.
    """

    def __init__(self, config: PretrainedConfig, name: str, n_outputs: int | None = None) -> None:
        super().__init__()
        kind = kind_of(name, config)
        if kind is None:
            raise ZooError(f"the transformers library has no {name!r:.60} of {config.model_type} that the zoo can take")
        self.kind = kind
        if n_outputs is not None:
            config.num_labels = n_outputs
        self.model: PreTrainedModel = _find(KINDS[kind], config, name)._from_config(config)
        base = getattr(self.model, self.model.base_model_prefix)
        if type(base) is not class_of(config):
            raise ZooError(f"{name} reads other than the hidden states of a {config.model_type}")
        self.tied = _tied(self.model, base.get_input_embeddings().weight)
        setattr(self.model, self.model.base_model_prefix, Given(base))
        for alias in self.tied:
            owner, _, leaf = alias.rpartition(".")
            del self.model.get_submodule(owner)._parameters[leaf]

    def forward(self, rows: Tensor, table: Tensor | None = None) -> tuple[Tensor, ...]:
        """What the class gives for hidden states [B, S, H] of sequences without padding, or [B, choices, S, H] if it
        chooses; `table` is the token table. Raises ZooError if it asks for more."""
        for alias, source in self.tied.items():
            owner, _, leaf = alias.rpartition(".")
            tensor = table if source is None else self.model.get_parameter(source)
            self.model.get_submodule(owner).__dict__[leaf] = tensor
        mask = rows.new_ones(rows.shape[:-1], dtype=torch.long)
        try:
            made: tuple[Tensor, ...] = self.model(inputs_embeds=rows, attention_mask=mask, return_dict=True).to_tuple()
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            name = type(self.model).__name__
            raise ZooError(f"{name} of the transformers library cannot run on hidden states: {error}") from None
        return made


def _tied(model: PreTrainedModel, table: Tensor) -> dict[str, str | None]:
    """The weights outside the encoder that are others: by name, the other's name, None for the token table."""
    said = {*(model._tied_weights_keys or ())}
    groups: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if not name.startswith(f"{model.base_model_prefix}."):
            groups.setdefault(id(parameter), []).append(name)
    tied: dict[str, str | None] = dict.fromkeys(groups.get(id(table), ()))
    for identity, names in groups.items():
        if identity != id(table):
            kept = next((name for name in names if name not in said), names[0])
            tied |= {name: kept for name in names if name != kept}
    return tied


class TaskLayers(LibraryHead):
    """A task head of the library's: the scores of sequences or tokens."""

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:  # type: ignore[override]
        """[T, H] to [B, outputs], or [T, outputs] for a head of tokens."""
        rows = [self._scores(each) for each in layout.rectangles(hidden)]
        return torch.cat(rows)

    def _scores(self, rows: Tensor) -> Tensor:
        """[B, S, H] to [B, outputs] or [B x S, outputs]: start and end of answers are two outputs of a token, and each
        choice is scored by itself."""
        made = super().forward(rows[:, None] if self.kind == "multiple-choice" else rows)
        scores = torch.stack(made[:2], dim=-1) if self.kind == "question-answering" else made[0]
        return scores.flatten(0, 1) if scores.ndim == 3 else scores
