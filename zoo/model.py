"""A variant as a module: embedding, encoder, and the objectives that read it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from zoo.blocks.evaluating import evaluating
from zoo.blocks.features import Features, ReadsLayers
from zoo.blocks.fused import fused_layers
from zoo.blocks.onednn import onednn_linear
from zoo.core.batch import Batch, Encoding, Layout, Output
from zoo.core.errors import ZooError
from zoo.core.interfaces import Embedding, Encoder, Objective, Reads, Tokenizer
from zoo.core.specs import Variant
from zoo.pooling.config import VectorConfig, vector_config
from zoo.text.collate import Sequences
from zoo.text.collecting import Rows, as_sequences, rows, values, within
from zoo.text.device_batches import MOST_TOKENS, Function, Mapped, mapped, mapped_by_length
from zoo.text.encoding import GPU_WINDOW, WINDOW, Text, check_texts, encoded_windows, tokens_up_to
from zoo.weights.origin import ModelOrigin
from zoo.weights.sentence import SentenceConfig

T = TypeVar("T")
R = TypeVar("R")

Given: TypeAlias = Sequence[Encoding] | Sequences
"""Sequences one by one, or end to end."""

log = logging.getLogger("zoo")


class Model(ReadsLayers):
    """An encoder with its objectives; a task head is one more objective.

    `loss_weights` are the objectives' factors in the sum of losses, 1 by default. If `causal`, no token attends to
    later ones. A model loaded from a folder has the folder's `tokenizer`, if there is one, and its `origin`.
    """

    tokenizer: Tokenizer | None = None
    origin: ModelOrigin | None = None
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
        windows = iter([as_sequences(encodings)])
        made = self._collected(windows, function, partial(values, divide), batch_size)
        return [value for values in made for value in values]

    def encode_sequences(self, encodings: Given, function: Function) -> Tensor:
        """A function's vectors [B, P] of all sequences, in their order, as `map_sequences` makes them. [N, P]"""
        made = Rows(len(encodings))
        for _ in self._collected(iter([as_sequences(encodings)]), function, made.put):
            pass
        return made.made

    def _collected(
        self,
        windows: Iterable[Sequences],
        function: Function,
        collect: Callable[[Sequences, Mapped], R],
        batch_size: int | None = None,
    ) -> Iterator[R]:
        """What is collected of a function's results for some sequences at a time, which follow each other."""
        device, dims = next(self.parameters()).device, self.variant.dims
        while batch_size is None:
            windows, stream = mapped(self, self.hidden, dims, windows, function, device)
            if stream is None:
                break
            for some, batch, found in within(lambda: self.eval_mode(MOST_TOKENS), stream):
                yield collect(some, iter([([*batch.order], batch, found)]))
        for window in windows:
            made = mapped_by_length(window, self.hidden, dims, function, device, batch_size)
            with self.eval_mode(tokens_up_to(window, MOST_TOKENS)):
                collected = collect(window, made)
            yield collected

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
        many tokens as the model has positions, no normalization, no prompt.

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
        given = [texts] if isinstance(texts, str) else list(texts)
        made = Rows(len(given))
        for _ in self._collected(self._windows(given, config), self._pooled(config), made.put):
            pass
        vectors = made.made.view(len(given), config.width)
        return vectors[0] if isinstance(texts, str) else vectors

    def embed(self, texts: Iterable[Text], config: VectorConfig | None = None) -> Iterator[list[Tensor]]:
        """Vectors of texts or pairs, in order, made window by window, so that memory does not grow with their number.

        -> [P] per text, or [S, H] if tokens are kept, in float32. How many texts were cut is logged at the end.
        Raises ZooError if the model has no tokenizer, or an item is no text.
        """
        config = config or vector_config(self.sentence, self.variant.dims)
        collect = partial(values, config.by_text) if config.keeps_tokens else rows
        return self._collected(self._windows(texts, config), self._pooled(config), collect)

    def _pooled(self, config: VectorConfig) -> Function:
        """What makes vectors of hidden states."""
        return partial(config.vectors, n_not_pooled=config.n_not_pooled(self.text_tokenizer))

    def _windows(self, texts: Iterable[Text], config: VectorConfig) -> Iterator[Sequences]:
        """The sequences of some texts at a time."""
        if config.from_folder and not self._logged:
            self._logged = True
            log.warning(config.from_folder)
        on_gpu = next(self.parameters()).device.type == "cuda"
        most = GPU_WINDOW if on_gpu and not config.keeps_tokens else WINDOW
        prepared = map(config.prepare, check_texts(texts))
        return encoded_windows(self.text_tokenizer, prepared, config.max_length, most)

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
