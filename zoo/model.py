"""A variant as a module: embedding, encoder, and the objectives that read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from zoo.core.batch import Batch, Layout, Output
from zoo.core.errors import ZooError
from zoo.core.interfaces import Embedding, Encoder, Objective, Tokenizer
from zoo.core.specs import Variant

if TYPE_CHECKING:
    from zoo.weights.sentence import Sentence


@dataclass(frozen=True)
class Origin:
    """The folder that a model was loaded from, and what its files say beyond the model itself."""

    folder: str
    config: Mapping[str, Any]
    metadata: Mapping[str, str]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """How the weights were made, as far as the zoo knows."""
    sentence: Sentence | None = None
    """How the folder wants a text to become one vector, where it is a sentence encoder's."""
    left_out: tuple[str, ...] = ()
    """The stored names of weights that the model has no place for, as those of a head of unknown kind."""


class Model(nn.Module):
    """An encoder with its objectives; a task head is one more objective.

    `loss_weights` are the objectives' factors in the sum of losses, 1 if not given. If `causal`, no token sees later
    ones.
    A model that was loaded from a folder has the folder's `tokenizer`, if there is one, and its `origin`.
    """

    tokenizer: Tokenizer | None = None
    origin: Origin | None = None

    def __init__(
        self,
        variant: Variant,
        embedding: Embedding,
        encoder: Encoder,
        objectives: Mapping[str, Objective],
        *,
        loss_weights: Mapping[str, float] | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.variant = variant
        self.loss_weights = loss_weights or {}
        self.causal = causal
        self.embedding = embedding
        self.encoder = encoder
        self._keys = {name: _key(name) for name in objectives}
        self.objectives = nn.ModuleDict({self._keys[name]: objective for name, objective in objectives.items()})

    def objective(self, name: str) -> Objective:
        """The objective of this name. Raises KeyError where there is none."""
        found = self.objectives[self._keys[name]]
        assert isinstance(found, Objective)
        return found

    @property
    def objective_names(self) -> tuple[str, ...]:
        """What this model is trained to do, by name."""
        return tuple(self._keys)

    def hidden(self, batch: Batch) -> Tensor:
        """Packed tokens to hidden states in context. -> [T, H]

        Raises ZooError for a pair of texts where the embedding can't tell them apart.
        """
        hidden: Tensor = self.encoder(self._embedded(batch), self._layout(batch))
        return hidden

    def hidden_states(self, batch: Batch) -> list[Tensor]:
        """What enters the encoder and what leaves each of its layers. -> L + 1 times [T, H]. Raises as `hidden`."""
        embedded = self._embedded(batch)
        return [embedded, *self.encoder.states(embedded, self._layout(batch))]

    def _embedded(self, batch: Batch) -> Tensor:
        if not self.embedding.reads_pairs and batch.segments.any():
            raise ZooError(
                f"the model {self.variant.name!r} reads single texts, as its embedding has one segment alone; "
                "give it no second text"
            )
        embedded: Tensor = self.embedding(batch)
        return embedded

    def _layout(self, batch: Batch) -> Layout:
        return replace(batch.layout, causal=True) if self.causal else batch.layout

    def forward(self, batch: Batch) -> dict[str, Output]:
        """Every objective's loss and predictions, by name."""
        hidden = self.hidden(batch)
        table = self.embedding.tokens.weight
        return {name: self.objectives[key](hidden, batch, table) for name, key in self._keys.items()}

    def encode(
        self,
        texts: str | Iterable[str | tuple[str, str]],
        *,
        pool: str | Sequence[str] | None = None,
        max_length: int | None = None,
        normalize: bool | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
    ) -> Tensor:
        """One vector for each text or pair, in order, or the one vector of a single text.

        Of the tokens, special ones included, `pool` takes the mean, or what else `zoo.weights.sentence.POOLINGS` names;
        several are put side by side. What is not given here is as the folder of a sentence encoder says, which is
        logged once, and else the mean, at most as many tokens as the model has positions, no normalisation, no prompt.

        -> [N, H], or [H] for a single text. Raises ZooError where the model has no tokenizer, or an item is no text.
        """
        from zoo.inference.reading import reading_for
        from zoo.inference.vectors import encode

        reading = reading_for(
            self, pool=pool, max_length=max_length, normalize=normalize, prompt=prompt, prompt_name=prompt_name
        )
        return encode(self, texts, reading)

    def copy_pooler_to(self, fresh: Objective) -> bool:
        """Start an objective's pooler as the one that an objective of this model has trained; whether both have one."""
        for objective in self.objectives.values():
            trained, pooler = getattr(objective, "pooler", None), getattr(fresh, "pooler", None)
            if isinstance(trained, nn.Module) and isinstance(pooler, nn.Module):
                pooler.load_state_dict(trained.state_dict())
                return True
        return False

    def with_head(self, name: str, head: Objective) -> Model:
        """The same encoder with a task head in place of its objectives.

        A head with a `pooler` starts from the pooler that a pre-training objective has trained, if one has.
        """
        self.copy_pooler_to(head)
        model = Model(self.variant, self.embedding, self.encoder, {name: head}, causal=self.causal)
        model.tokenizer, model.origin = self.tokenizer, self.origin
        return model


def _key(name: str) -> str:
    """A part's name as a module's: without dots, and no attribute of what holds the modules, as "type" is.

    No name has a slash or an exclamation mark of its own, so that those of two parts stay different.
    """
    key = name.replace(".", "/")
    return f"{key}!" if hasattr(nn.ModuleDict(), key) else key
