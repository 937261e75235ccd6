"""A variant as a module: embedding, encoder, and the objectives that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from zoo.batch import Batch, Output
from zoo.interfaces import Embedding, Encoder, Objective
from zoo.specs import Variant


class Model(nn.Module):
    """An encoder with its objectives; a task head is one more objective.

    `weights` are the objectives' shares in the sum of losses, 1 if not given. If `causal`, no token sees later ones.
    """

    def __init__(
        self,
        variant: Variant,
        embedding: Embedding,
        encoder: Encoder,
        objectives: Mapping[str, Objective],
        *,
        weights: Mapping[str, float] | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.variant = variant
        self.weights = weights or {}
        self.causal = causal
        self.embedding = embedding
        self.encoder = encoder
        self.objectives = nn.ModuleDict({_key(name): objective for name, objective in objectives.items()})

    def objective(self, name: str) -> Objective:
        """The objective of this name. Raises KeyError where there is none."""
        found = self.objectives[_key(name)]
        assert isinstance(found, Objective)
        return found

    def encode(self, batch: Batch) -> Tensor:
        """Packed tokens to hidden states in context. -> [T, H]"""
        layout = replace(batch.layout, causal=True) if self.causal else batch.layout
        hidden: Tensor = self.encoder(self.embedding(batch), layout)
        return hidden

    def forward(self, batch: Batch) -> dict[str, Output]:
        """Every objective's loss and predictions, by name."""
        hidden = self.encode(batch)
        table = self.embedding.tokens.weight
        return {_name(key): objective(hidden, batch, table) for key, objective in self.objectives.items()}

    def with_head(self, name: str, head: Objective) -> Model:
        """The same encoder with a task head in place of its objectives.

        A head with a `pooler` starts from the pooler that a pre-training objective has trained, if one has.
        """
        for objective in self.objectives.values():
            trained, fresh = getattr(objective, "pooler", None), getattr(head, "pooler", None)
            if isinstance(trained, nn.Module) and isinstance(fresh, nn.Module):
                fresh.load_state_dict(trained.state_dict())
        return Model(self.variant, self.embedding, self.encoder, {name: head}, causal=self.causal)


def _key(name: str) -> str:
    """A part's name as a module name, which may not hold a dot."""
    return name.replace(".", "/")


def _name(key: str) -> str:
    return key.replace("/", ".")
