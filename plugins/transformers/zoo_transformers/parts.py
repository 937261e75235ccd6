"""A model of the transformers library as an embedding and an encoder of the zoo's."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

import torch
from torch import Tensor, nn

from zoo import Batch, Dims, Embedding, Encoder, Layout, ZooError
from zoo.formulas import one_width
from zoo_transformers.heads import TaskLayers
from zoo_transformers.library import MIXES_NEIGHBOURS, Config, build, config_of, embedding_scale, is_causal

DEVICES_OWN = ("memory", "ALLOC_FAILED", "deterministic", "CUDA error")
"""Words of errors that say something of the device, and nothing of the model."""


class Tokens(Embedding):
    """The table of word embeddings alone; all else is the encoder's. Positions and types are added there."""

    keeps_own_init = True

    def __init__(self, dims: Dims, *, config: Config | None = None) -> None:
        super().__init__()
        if config is None:
            one_width(dims)
        self.tokens = nn.Embedding(dims.vocab_size, dims.embedding_width)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, E]"""
        out: Tensor = self.tokens(batch.ids)
        return out


class LibraryEncoder(Encoder):
    """A model that AutoModel makes of a config.json, without its word embeddings; Wolf et al. 2020, section 3.

    Without a `config`, it is the library's BERT of the variant's sizes. Sequences are given to it in padded rectangles
    with a mask, or, where its layers would read padding as text, in rectangles of equal lengths.
    """

    keeps_own_init = True
    reads_types = True

    def __init__(self, dims: Dims, *, config: Config | None = None) -> None:
        super().__init__()
        found = config_of(dims, config)
        self.model = build(found)
        self.scale = embedding_scale(self.model) or 1.0
        self.model.set_input_embeddings(nn.Identity())
        self.can_be_causal = is_causal(found)  # type: ignore[misc]
        self.padded = found.model_type not in MIXES_NEIGHBOURS
        self.has_types = isinstance(found.__dict__.get("type_vocab_size"), int) and found.type_vocab_size > 1

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, E] -> [T, H]"""
        return self._run(hidden, layout, output_hidden_states=False)[-1]

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, E] -> [T, H] after each layer, the last one as `forward` has it. Raises ZooError if layers have other
        lengths than the text."""
        *layers, last = self._run(hidden, layout, output_hidden_states=True)
        yield from layers[1:-1]
        yield last

    def head_layers(self, library_class: str, n_outputs: int) -> nn.Module:
        """What a class of the library's, as MPNetForSequenceClassification, has on top of its encoder."""
        return TaskLayers(copy(self.model.config), library_class, n_outputs)

    def _run(self, hidden: Tensor, layout: Layout, *, output_hidden_states: bool) -> list[Tensor]:
        """Every layer's states if asked for, the first being the input, and the output. Each [T, H]"""
        types = layout.types if self.has_types else None
        if self.padded:
            rows, mask = layout.pad(hidden)
            outputs = self._call(rows, mask, None if types is None else layout.pad(types)[0], output_hidden_states)
            return [layout.pack(states) for states in outputs]
        pieces = layout.rectangles(hidden)
        kinds = [None] * len(pieces) if types is None else layout.rectangles(types)
        runs = [
            self._call(rows, rows.new_ones(rows.shape[:2]), its, output_hidden_states)
            for rows, its in zip(pieces, kinds, strict=True)
        ]
        return [torch.cat([states.flatten(0, 1) for states in layer]) for layer in zip(*runs, strict=True)]

    def _call(self, rows: Tensor, mask: Tensor, types: Tensor | None, output_hidden_states: bool) -> list[Tensor]:
        """[B, S, E] to states, each [B, S, H]."""
        given = {} if types is None else {"token_type_ids": types.long()}
        given |= {"inputs_embeds": rows * self.scale, "attention_mask": mask.long()}
        try:
            made = self.model(output_hidden_states=output_hidden_states, return_dict=True, **given)
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
            if any(word in str(error) for word in DEVICES_OWN):  # the runner knows what to do then
                raise
            kind, shape = self.model.config.model_type, " x ".join(map(str, rows.shape[:2]))
            raise ZooError(f"the transformers library cannot run this {kind} on {shape} tokens: {error}") from None
        states = [*(made.hidden_states if output_hidden_states else ()), made.last_hidden_state]
        if any(each.shape[1] != rows.shape[1] for each in states):
            raise ZooError(
                f"layers of a {self.model.config.model_type} have other lengths than the text; read the last"
            )
        return states
