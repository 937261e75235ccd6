"""Vectors of texts, a window of texts at a time, so that memory does not grow with their number."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakSet

import torch
from tokenizers.normalizers import Lowercase
from torch import Tensor

from zoo.core.batch import Batch, Encoding
from zoo.core.errors import ZooError
from zoo.core.interfaces import Tokenizer
from zoo.inference.pooling import pooled
from zoo.inference.reading import Reading, reading_for
from zoo.text.collate import collate

if TYPE_CHECKING:
    from zoo.model import Model

Text: TypeAlias = str | tuple[str, str]

WINDOW = 512
"""Texts that are held at once; sorted by length, they make batches without waste."""

BATCH_TOKENS = 4_096

log = logging.getLogger("zoo")

_LOWERCASE = Lowercase()
_told: WeakSet[Model] = WeakSet()
"""Models of which it was said that their folder's settings are followed."""


def encode(model: Model, texts: str | Iterable[Text], reading: Reading) -> Tensor:
    """One vector for each text or pair, in order, [N, P]; or the one of a single text, [P]."""
    if isinstance(texts, str):
        return encode(model, [texts], reading)[0]
    if isinstance(texts, tuple) and texts and isinstance(texts[0], str):
        raise ZooError(
            "a tuple of texts may mean a pair or several texts; give a list: [(one, other)], or [one, other]"
        )
    if reading.keeps_tokens:
        raise ZooError("a vector for each token is not one for each text; zoo.inference.vectors.vectors gives them")
    windows = [torch.stack(window) for window in vectors(model, texts, reading)]
    return torch.cat(windows) if windows else torch.empty(0, reading.width)


def vectors(model: Model, texts: Iterable[Text], reading: Reading | None = None) -> Iterator[list[Tensor]]:
    """Vectors of texts or pairs in order, a window at a time, in float32; how many texts were cut is logged at the end.

    -> [P] a text, or [S, H] where the reading keeps tokens. Raises ZooError where the model has no tokenizer, or an
    item is no text.
    """
    tokenizer, reading = tokenizer_for(model), reading or reading_for(model)
    if reading.followed and model not in _told:
        _told.add(model)
        log.warning(reading.followed)
    n_left_out = 0 if reading.pools_prompt or not reading.prompt else _n_before(tokenizer, reading)
    rest = _checked(texts)
    n_texts = n_cut = 0
    while window := list(islice(rest, WINDOW)):
        encodings, cut = frame(tokenizer, [_prepared(text, reading) for text in window], reading.max_length)
        n_texts, n_cut = n_texts + len(window), n_cut + cut
        yield _window(model, encodings, reading, n_left_out)
    tell_cut(n_cut, n_texts, reading.max_length)


def tell_cut(n_cut: int, n_items: int, max_length: int) -> None:
    """Log how many items lost their ends, if any did."""
    if n_cut:
        log.warning(f"{n_cut:,} of {n_items:,} items were cut to {max_length:,} tokens")


def _checked(texts: Iterable[Text]) -> Iterator[Text]:
    """The same texts. Raises ZooError for an item that is neither a text nor a tuple of two, or is no valid Unicode."""
    for index, text in enumerate(texts):
        parts = (text,) if isinstance(text, str) else text
        pair = isinstance(text, tuple) and len(text) == 2 and all(isinstance(part, str) for part in text)
        if not (isinstance(text, str) or pair):
            raise ZooError(f"item {index} is {text!r:.60}; it should be a text, or a tuple of two texts for a pair")
        try:
            "".join(parts).encode()
        except UnicodeEncodeError:
            raise ZooError(f"item {index} holds half of a surrogate pair: {text!r:.60}; read it as UTF-8") from None
        yield text


def _prepared(text: Text, reading: Reading) -> Text:
    """A text with the prompt before it, in the case that the reading wants."""
    first, *others = (text,) if isinstance(text, str) else text
    made = [reading.prompt + first, *others]
    if reading.lowercases:
        made = [_LOWERCASE.normalize_str(part) for part in made]
    return made[0] if len(made) == 1 else (made[0], made[1])


def _n_before(tokenizer: Tokenizer, reading: Reading) -> int:
    """How many tokens are the prompt's, with the special one before it. Raises ZooError where no room is left."""
    n = len(frame(tokenizer, [_prepared("", reading)], reading.max_length)[0][0]) - 1
    if n + 1 >= reading.max_length:
        raise ZooError(f"the prompt {reading.prompt!r:.60} leaves no room for text within {reading.max_length} tokens")
    return n


def tokenizer_for(model: Model) -> Tokenizer:
    """A loaded model's tokenizer. Raises ZooError where its folder held none."""
    if model.tokenizer is None:
        where = f" in {model.origin.folder}" if model.origin else ""
        raise ZooError(f"there is no tokenizer{where}, so the model {model.variant.name!r} can read no text")
    return model.tokenizer


def frame(tokenizer: Tokenizer, texts: Sequence[Text], max_length: int) -> tuple[list[Encoding], int]:
    """Each text or pair as one sequence, and how many had to be cut."""
    pairs = [text for text in texts if not isinstance(text, str)]
    seconds = iter(tokenizer.encode([second for _, second in pairs]))
    firsts = tokenizer.encode([text if isinstance(text, str) else text[0] for text in texts])
    made, n_cut = [], 0
    for text, first in zip(texts, firsts, strict=True):
        second = None if isinstance(text, str) else next(seconds)
        made.append(tokenizer.join(first, second, max_length))
        n_ids = len(first) + (0 if second is None else len(second))
        n_cut += n_ids + tokenizer.n_special(second is not None) > max_length
    return made, n_cut


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


def _window(model: Model, encodings: list[Encoding], reading: Reading, n_left_out: int) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    with at_rest(model) as device:
        for places in batches(encodings):
            batch = collate([encodings[place] for place in places])
            hidden = model.hidden(batch.to(device)).float().cpu()
            made = _vectors(hidden, batch, reading, n_left_out)
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


def _vectors(hidden: Tensor, batch: Batch, reading: Reading, n_left_out: int) -> Sequence[Tensor]:
    if reading.keeps_tokens:
        return torch.split(reading.steps(hidden), list(batch.layout.lengths))
    return list(reading.steps(pooled(hidden, batch.layout, reading.poolings, n_left_out)))
