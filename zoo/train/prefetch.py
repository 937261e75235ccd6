"""Batches for a whole pre-training, made beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice

from zoo.core.batch import Batch
from zoo.core.specs import Pretraining
from zoo.text.pretraining_data import DataPosition, PretrainingData

PREFETCH_TOKENS = 500_000
"""How much is made ahead: long enough to bridge the time in which the next shard is packed and masked."""


class BatchStream:
    """Batch after batch of a recipe: of short sequences first where it says so, then of long ones."""

    def __init__(self, make: Callable[[int, int], PretrainingData], recipe: Pretraining) -> None:
        """`make` gives the data for a length and a number of tokens per batch."""
        self._n_short = recipe.short_steps
        self._short = make(recipe.short_length or recipe.sequence_length, recipe.short_batch_tokens)
        self._long = make(recipe.sequence_length, recipe.batch_tokens)

    def share_read(self) -> float:
        """The share of the corpus that an epoch of the long sequences reads."""
        return self._long.share_read()

    def __iter__(self) -> Iterator[Batch]:
        """From the start, without end."""
        return (batch for batch, _ in self.starting_at(0, DataPosition()))

    def starting_at(self, step: int, position: DataPosition) -> Iterator[tuple[Batch, DataPosition]]:
        """The batches from a step on, which reads the one at `position`; each with the position of the one after it."""
        short = self._short.starting_at(position) if step < self._n_short else iter(())
        for number, (batch, following) in zip(range(step + 1, self._n_short + 1), short, strict=False):
            yield batch, following if number < self._n_short else DataPosition()
        yield from self._long.starting_at(position if step >= self._n_short else DataPosition())


class ResumableLoader:
    """Batches as the loop takes them; it knows the last one that was taken and the position that follows it."""

    def __init__(self, placed: Iterator[tuple[Batch, DataPosition]]) -> None:
        self._positioned = placed
        self._first: list[tuple[Batch, DataPosition]] = []
        self.position = DataPosition()
        self.batch: Batch | None = None

    def begin(self) -> None:
        """Wait for the first batch, so that what is wrong with the data is raised now."""
        self._first = list(islice(self._positioned, 1))

    def __iter__(self) -> Iterator[Batch]:
        for batch, position in chain(self._first, self._positioned):
            self.batch, self.position = batch, position
            yield batch

    def close(self) -> None:
        """Stop making batches."""
        close = getattr(self._positioned, "close", None)
        if close:
            close()
