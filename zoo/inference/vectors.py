"""Vectors of texts, a window of texts at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor

from zoo.batch import Batch, Encoding
from zoo.errors import ZooError
from zoo.interfaces import Tokenizer
from zoo.text.collate import collate

if TYPE_CHECKING:
    from zoo.model import Model

Text: TypeAlias = str | tuple[str, str]
Pool: TypeAlias = Literal["mean", "cls", "none"]

WINDOW = 512
"""Texts that are held at once; sorted by length, they make batches without waste."""

BATCH_TOKENS = 4_096


def encode(model: Model, texts: Iterable[Text], *, pool: Literal["mean", "cls"], max_length: int | None) -> Tensor:
    """One vector for each text or pair, in order. -> [N, H]"""
    windows = [torch.stack(window) for window in vectors(model, texts, pool=pool, max_length=max_length)]
    return torch.cat(windows) if windows else torch.empty(0, model.variant.dims.hidden_width)


def vectors(
    model: Model, texts: Iterable[Text], *, pool: Pool = "mean", max_length: int | None = None
) -> Iterator[list[Tensor]]:
    """Vectors of texts or pairs in order, a window at a time, in float32.

    `mean` is over all tokens of a sequence, special ones included, as sentence encoders have it; `cls` is the first
    token. -> [H] a text, and with `none` [S, H]. Raises ZooError where the model has no tokenizer.
    """
    tokenizer = tokenizer_for(model)
    length = max_length or model.variant.dims.max_length
    if length > model.variant.dims.max_length:
        raise ZooError(f"max_length={length} is more than the {model.variant.dims.max_length} positions of the model")
    rest = iter(texts)
    while window := list(islice(rest, WINDOW)):
        yield _window(model, frame(tokenizer, window, length), pool)


def tokenizer_for(model: Model) -> Tokenizer:
    """A loaded model's tokenizer. Raises ZooError where its folder held none."""
    if model.tokenizer is None:
        where = f" in {model.origin.folder}" if model.origin else ""
        raise ZooError(f"there is no tokenizer{where}, so the model {model.variant.name!r} can read no text")
    return model.tokenizer


def frame(tokenizer: Tokenizer, texts: Sequence[Text], max_length: int) -> list[Encoding]:
    """Each text or pair as one sequence."""
    pairs = [text for text in texts if not isinstance(text, str)]
    seconds = iter(tokenizer.encode([second for _, second in pairs]))
    firsts = tokenizer.encode([text if isinstance(text, str) else text[0] for text in texts])
    return [
        tokenizer.join(first, None if isinstance(text, str) else next(seconds), max_length)
        for text, first in zip(texts, firsts, strict=True)
    ]


@contextmanager
def at_rest(model: Model) -> Iterator[torch.device]:
    """Without dropout and gradients for a while; gives the model's device."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield next(model.parameters()).device
    finally:
        model.train(training)


def _window(model: Model, encodings: list[Encoding], pool: Pool) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    with at_rest(model) as device:
        for places in batches(encodings):
            batch = collate([encodings[place] for place in places]).to(device)
            made = _pooled(model.hidden(batch).float().cpu(), batch, pool)
            found |= {places[index]: vector for index, vector in zip(batch.order, made, strict=True)}
    return [found[place] for place in range(len(encodings))]


def batches(encodings: Sequence[Encoding]) -> Iterator[list[int]]:
    """Places of sequences of like length, together about as many tokens as a batch holds."""
    batch: list[int] = []
    tokens = 0
    for place in sorted(range(len(encodings)), key=lambda place: len(encodings[place])):
        if batch and tokens + len(encodings[place]) > BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(place)
        tokens += len(encodings[place])
    if batch:
        yield batch


def _pooled(hidden: Tensor, batch: Batch, pool: Pool) -> Sequence[Tensor]:
    layout = batch.to(torch.device("cpu")).layout
    if pool == "none":
        return torch.split(hidden, list(layout.lengths))
    return (layout.mean(hidden) if pool == "mean" else layout.first(hidden)).unbind()
