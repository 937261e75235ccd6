"""A variant as a module: embedding, encoder, and the objectives that read it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from zoo.blocks.evaluating import evaluating
from zoo.blocks.features import Features, ReadsLayers
from zoo.blocks.fused import fused_layers
from zoo.blocks.onednn import onednn_linear
from zoo.core.batch import Batch, Encoding, Layout, Output
from zoo.core.errors import ZooError
from zoo.core.interfaces import Embedding, Encoder, Objective, Reads, Tokenizer
from zoo.core.prefetch import prefetch
from zoo.core.specs import Variant
from zoo.pooling.config import VectorConfig, vector_config
from zoo.text.collate import Sequences
from zoo.text.device_batches import MOST_TOKENS, Function, Mapped, mapped
from zoo.text.encoding import GPU_WINDOW, WINDOW, Text, check_texts, encoded_windows, tokens_up_to
from zoo.weights.scores import ModelScores
from zoo.weights.sentence import SentenceConfig

T = TypeVar("T")

Given: TypeAlias = Sequence[Encoding] | Sequences
"""Sequences one by one, or end to end."""

log = logging.getLogger("zoo")


@dataclass(frozen=True)
class Origin:
    """The folder that a model was loaded from, and what its files say beyond the model itself."""

    folder: str
    config: Mapping[str, Any]
    metadata: Mapping[str, str]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """How the weights were made, as far as the zoo knows."""
    sentence: SentenceConfig | None = None
    scores: ModelScores | None = None
    left_out: tuple[str, ...] = ()
    """The stored names of unused weights, such as those of a head of unknown kind."""


class Model(ReadsLayers):
    """An encoder with its objectives; a task head is one more objective.

    `loss_weights` are the objectives' factors in the sum of losses, 1 by default. If `causal`, no token attends to
    later ones. A model loaded from a folder has the folder's `tokenizer`, if there is one, and its `origin`.
    """

    tokenizer: Tokenizer | None = None
    origin: Origin | None = None
    _logged = False
    """Whether it was logged that texts become vectors as the folder says."""

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
        self.embedding, self.encoder = embedding, encoder
        self._keys = {name: _key(name) for name in objectives}
        self.objectives = nn.ModuleDict({self._keys[name]: objective for name, objective in objectives.items()})

    def __repr__(self) -> str:
        modules: dict[str, nn.Module] = {"embedding": self.embedding, "encoder": self.encoder}
        modules |= {name: self.objective(name) for name in self.objective_names}
        origin = f", loaded from {self.origin.folder}" if self.origin else ""
        width = max(map(len, modules))
        lines = (
            f"  {name:<{width}}  {_size(module):>11,}  {type(module).__name__}" for name, module in modules.items()
        )
        return "\n".join([f"Model {self.variant.name}, {_size(self):,} parameters{origin}", *lines])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    def objective(self, name: str) -> Objective:
        """The objective of this name. Raises KeyError if there is none."""
        found = self.objectives[self._keys[name]]
        assert isinstance(found, Objective)
        return found

    @property
    def objective_names(self) -> tuple[str, ...]:
        """What this model is trained to do, by name."""
        return tuple(self._keys)

    def hidden(self, batch: Batch) -> Tensor:
        """Packed tokens to hidden states in context. -> [T, H]

        Raises ZooError for a pair of texts if the embedding can't tell them apart.
        """
        hidden: Tensor = self.encoder(self._embedded(batch), self._layout(batch))
        return hidden

    def hidden_states(self, batch: Batch) -> list[Tensor]:
        """The encoder's input and the output of each of its layers. -> L + 1 times [T, H]. Raises like `hidden`."""
        embedded = self._embedded(batch)
        return [embedded, *self.encoder.states(embedded, self._layout(batch))]

    def read(self, batch: Batch) -> Tensor:
        """What a task head reads: the hidden states in context, or its features of all layers. -> [T, H]

        Raises like `hidden`, and ZooError if a layer is not there.
        """
        features = self.features
        if features is None:
            return self.hidden(batch)
        read: Tensor = features(self.kept(batch) if self.kept else self.selected(batch), self._layout(batch))
        return read

    def _embedded(self, batch: Batch) -> Tensor:
        self.check(batch)
        embedded: Tensor = self.embedding(batch)
        return embedded

    def check(self, batch: Batch) -> None:
        """Raises ZooError for a pair of texts if the embedding can't tell them apart."""
        if not self.embedding.reads_pairs and batch.has_pairs:
            raise ZooError(
                f"the model {self.variant.name!r} reads single texts, as its embedding has only one segment; "
                "give it no second text"
            )

    def _layout(self, batch: Batch) -> Layout:
        layout = batch.layout.as_causal() if self.causal else batch.layout
        return layout.with_types(batch.token_types) if self.encoder.reads_types else layout

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the losses that `forward` gives: those of the objectives."""
        return self.objective_names

    def n_targets(self, name: str, batch: Batch) -> Tensor:
        """How many predictions the loss of this name averages. Scalar."""
        return self.objective(name).n_targets(batch)

    def forward(self, batch: Batch, states: list[Tensor] | None = None) -> dict[str, Output]:
        """Every objective's loss and predictions, by name; a list that is given gets the states of all layers."""
        table = self.embedding.tokens.weight
        if self.features is not None:
            hidden = self.read(batch)
            return {name: self.objective(name)(hidden, batch, table) for name in self._keys}
        self.check(batch)
        outputs: dict[str, Output] = {}
        for name in self._reading("embedded"):
            outputs[name] = output = self.objective(name)(self.embedding.narrow(batch), batch, table)
            batch = batch if output.corrupted is None else output.corrupted
        for name, hidden in self._encoded(self._embedded(batch), batch, states):
            outputs[name] = self.objective(name)(hidden, batch, table)
        return {name: outputs[name] for name in self._keys}

    def _reading(self, what: Reads) -> list[str]:
        return [name for name in self._keys if self.objective(name).reads == what]

    def _encoded(self, embedded: Tensor, batch: Batch, wanted: list[Tensor] | None) -> Iterator[tuple[str, Tensor]]:
        """The input of each objective after the encoder, by name."""
        wants_states = self._reading("states")
        if not wants_states and wanted is None:
            hidden = self.encoder(embedded, self._layout(batch))
        else:
            states = [] if wanted is None else wanted
            states += [embedded, *self.encoder.states(embedded, self._layout(batch))]
            hidden = states[-1]
            yield from ((name, torch.stack(states)) for name in wants_states)
        yield from ((name, hidden) for name in self._reading("hidden"))

    @contextmanager
    def eval_mode(self, n_tokens: int = 0) -> Iterator[torch.device]:
        """Inside, no dropout and no gradients, and faster layers if `n_tokens` pay for them. Yields the device.

        Threads may predict with one model at once, but not train it meanwhile: then there is no dropout there, either.
        """
        fused = fused_layers(n_tokens, self.embedding, self.encoder)
        with evaluating(self) as trains, torch.no_grad(), onednn_linear(self.encoder, n_tokens, keep=not trains), fused:
            yield next(self.parameters()).device

    def map_sequences(
        self,
        encodings: Given,
        function: Function,
        divide: Callable[[Tensor, Batch], Iterable[T]],
        batch_size: int | None = None,
    ) -> list[T]:
        """A function's values for all sequences, in the order of the encodings, without dropout and gradients.

        The function gets the hidden states [T, H] of a batch, and the batch; `divide` gets what it returned, on the
        CPU, and gives one value per sequence. A batch has `batch_size` sequences, or by default about as many tokens
        as the device handles well.
        """
        values: dict[int, T] = {}
        for indices, batch, found in self._mapped(encodings, function, batch_size):
            values |= zip(indices, divide(found, batch), strict=True)
        return [values[index] for index in range(len(encodings))]

    def encode_sequences(self, encodings: Given, function: Function) -> Tensor:
        """A function's vectors [B, P] of all sequences, in their order, as `map_sequences` makes them. [N, P]"""
        made = torch.empty(0, 0)
        for indices, _, found in self._mapped(encodings, function):
            if not len(made):
                made = found.new_empty(len(encodings), found.shape[1])
            made.index_copy_(0, torch.from_numpy(np.array(indices)), found)
        return made

    def _mapped(self, given: Given, function: Function, batch_size: int | None = None) -> Mapped:
        sequences = given if isinstance(given, Sequences) else Sequences(given)
        if len(sequences):
            device = next(self.parameters()).device
            made = mapped(self, self.hidden, self.variant.dims, sequences, function, device, batch_size)
            with self.eval_mode(tokens_up_to(sequences, MOST_TOKENS)):  # while the first batches for a GPU are made
                yield from made

    def encode(
        self,
        texts: str | Iterable[Text],
        *,
        pool: str | Sequence[str] | None = None,
        max_length: int | None = None,
        normalize: bool | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
    ) -> Tensor:
        """One vector per text or pair, in order; one vector for a single text.

        `pool` is one or several of `zoo.weights.sentence.POOLINGS`, over all tokens, special ones included; several are
        concatenated. Defaults are those of the sentence encoder's folder, which is logged once; otherwise the mean, as
        many tokens as the model has positions, no normalisation, no prompt.

        -> [N, H], or [H] for a single text. Raises ZooError if the model has no tokenizer, or an item is no text.
        """
        config = vector_config(
            self.sentence,
            self.variant.dims,
            pool=pool,
            max_length=max_length,
            normalize=normalize,
            prompt=prompt,
            prompt_name=prompt_name,
        )
        if isinstance(texts, tuple) and texts and isinstance(texts[0], str):
            raise ZooError(
                "a tuple of texts may mean a pair or several texts; give a list: [(one, other)], or [one, other]"
            )
        if config.keeps_tokens:
            raise ZooError("a vector per token is not one per text; Model.embed gives them")
        windows = self._windows([texts] if isinstance(texts, str) else texts, config)
        made = [self.encode_sequences(encodings, pool) for encodings, pool in windows]
        vectors = torch.cat([torch.empty(0, config.width), *made])
        return vectors[0] if isinstance(texts, str) else vectors

    def embed(self, texts: Iterable[Text], config: VectorConfig | None = None) -> Iterator[list[Tensor]]:
        """Vectors of texts or pairs, in order, made window by window, so that memory does not grow with their number.

        -> [P] per text, or [S, H] if tokens are kept, in float32. How many texts were cut is logged at the end.
        Raises ZooError if the model has no tokenizer, or an item is no text.
        """
        config = config or vector_config(self.sentence, self.variant.dims)
        for encodings, pool in self._windows(texts, config):
            if config.keeps_tokens:
                yield self.map_sequences(encodings, pool, config.by_text)
            else:
                yield list(self.encode_sequences(encodings, pool))

    def _windows(self, texts: Iterable[Text], config: VectorConfig) -> Iterator[tuple[Sequences, Function]]:
        """The sequences of some texts at a time, and what makes vectors of hidden states."""
        tokenizer = self.text_tokenizer
        if config.from_folder and not self._logged:
            self._logged = True
            log.warning(config.from_folder)
        pool = partial(config.vectors, n_not_pooled=config.n_not_pooled(tokenizer))
        on_gpu = next(self.parameters()).device.type == "cuda"
        most = GPU_WINDOW if on_gpu and not config.keeps_tokens else WINDOW
        windows = encoded_windows(tokenizer, map(config.prepare, check_texts(texts)), config.max_length, most)
        yield from ((encodings, pool) for encodings in (prefetch(windows, 1) if on_gpu else windows))

    @property
    def sentence(self) -> SentenceConfig | None:
        """The sentence-encoder settings of the folder that the model was loaded from, if any."""
        return self.origin.sentence if self.origin else None

    @property
    def text_tokenizer(self) -> Tokenizer:
        """The tokenizer of a model that was loaded. Raises ZooError if its folder held none."""
        if self.tokenizer is None:
            where = f" in {self.origin.folder}" if self.origin else ""
            raise ZooError(f"there is no tokenizer{where}, so the model {self.variant.name!r} cannot read text")
        return self.tokenizer

    def copy_pooler_to(self, fresh: Objective) -> bool:
        """Copy the pooler that an objective of this model has trained to another; false if either has none."""
        for objective in self.objectives.values():
            trained, pooler = getattr(objective, "pooler", None), getattr(fresh, "pooler", None)
            alike = type(trained) is type(pooler)
            if alike and isinstance(trained, nn.Module) and isinstance(pooler, nn.Module):
                pooler.load_state_dict(trained.state_dict())
                return True
        return False

    def with_head(self, name: str, head: Objective) -> Model:
        """The same encoder with a task head in place of its objectives.

        A head with a `pooler` starts from that of a pre-training objective, if one has it. One with frozen features
        freezes embedding and encoder.
        """
        features = getattr(head, "features", None)
        if features is None:
            self.copy_pooler_to(head)
        model = Model(self.variant, self.embedding, self.encoder, {name: head}, causal=self.causal)
        model.tokenizer, model.origin = self.tokenizer, self.origin
        if isinstance(features, Features) and features.config.frozen:
            model.freeze()
        return model


def _key(name: str) -> str:
    """A part's name as a module's: without dots, and not an attribute of the container, as "type" is. Names of parts
    hold neither slashes nor exclamation marks, so different parts keep different names.
    """
    key = name.replace(".", "/")
    return f"{key}!" if hasattr(nn.ModuleDict(), key) else key


def _size(module: nn.Module) -> int:
    """Parameters, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters())
