"""A model as a function of padded rectangles, as other runtimes call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from zoo.core.batch import Batch
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective
from zoo.core.padded import padded_batch
from zoo.heads import QuestionAnswering, SpanClassification, TaskHead
from zoo.model import Model
from zoo.pooling.config import VectorConfig, vector_config


class PaddedProgram(nn.Module):
    """Ids, mask and token types [B, S] to a model's outputs by name, as in the Hugging Face libraries.

    A model with a task head gives its `logits`, [B, C] or for tags [B, S, C]; for answers `start_logits` and
    `end_logits` [B, S]; one that fills masks `logits` [B, S, V]. Otherwise, or if `vectors`, it gives
    `last_hidden_state` [B, S, H] and `sentence_embedding` [B, P], pooled as its folder says. Raises ZooError if its
    vectors need a prompt.
    """

    def __init__(self, model: Model, vectors: bool = False) -> None:
        super().__init__()
        self.model = model
        self.objective = None if vectors else _predicting(model)
        if isinstance(self.objective, SpanClassification):
            raise ZooError("its head reads marked spans, which a program is not given; export its vectors")
        self.vectors: VectorConfig | None = None
        if self.objective is None:
            self.vectors = vector_config(model.sentence, model.variant.dims)
            if not self.vectors.pools_prompt and self.vectors.prompt:
                raise ZooError("its sentence vectors leave a prompt out of the pooling, which a program cannot see")
        special = model.tokenizer.special_ids if model.tokenizer else ()
        self.register_buffer("special_ids", torch.tensor(special, dtype=torch.int64), persistent=False)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of what `forward` gives, in order."""
        if self.objective is None:
            return "last_hidden_state", "sentence_embedding"
        return ("start_logits", "end_logits") if isinstance(self.objective, QuestionAnswering) else ("logits",)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, ...]:
        """The outputs that `output_names` names."""
        special: Tensor = self.special_ids  # type: ignore[assignment]
        batch = padded_batch(input_ids, attention_mask, token_type_ids, special)
        hidden = self.model.read(batch)
        shape = input_ids.shape
        if self.objective is None:
            assert self.vectors is not None
            return hidden.view(*shape, -1), self.vectors.vectors(hidden, batch)
        if isinstance(self.objective, QuestionAnswering):
            start, end = self.objective.scores(hidden, batch).view(*shape, 2).unbind(-1)
            return start, end
        if isinstance(self.objective, TaskHead):
            logits = self.objective.scores(hidden, batch)
            return (logits.view(*shape, -1) if self.objective.reads_tokens else logits,)
        return (self._of_tokens(self.objective, hidden, batch).view(*shape, -1),)

    def _of_tokens(self, objective: Objective, hidden: Tensor, batch: Batch) -> Tensor:
        logits: Tensor = objective(hidden, batch, self.model.embedding.tokens.weight).logits
        return logits

    def run_packed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The same outputs of a packed batch, without padding: [T, ...] for what is of tokens, [B, ...] otherwise."""
        hidden = self.model.read(batch)
        if self.objective is None:
            assert self.vectors is not None
            return dict(zip(self.output_names, (hidden, self.vectors.vectors(hidden, batch)), strict=True))
        if isinstance(self.objective, TaskHead):
            scores = self.objective.scores(hidden, batch)
            several = scores.unbind(-1) if isinstance(self.objective, QuestionAnswering) else (scores,)
            return dict(zip(self.output_names, several, strict=True))
        return {"logits": self._of_tokens(self.objective, hidden, replace(batch, targets=batch.ids))}


def _predicting(model: Model) -> Objective | None:
    """The objective whose predictions a program gives: a task head, or what fills masks."""
    objectives = [model.objective(name) for name in model.objective_names]
    heads = (one for one in objectives if isinstance(one, TaskHead) or (one.fills_masks and not one.causal))
    return next(heads, None)
