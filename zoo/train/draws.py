"""Random numbers in a step: each part draws from a seed of its own, so that what one drops moves no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

from zoo.core.seeds import reseed, seed_of
from zoo.model import Model


class Draws:
    """The parts of a model with what they draw from; without a seed, all draw from torch's own generator.

    On a GPU each part has a generator, whose seed may change between a step's recording and its repetition.
    """

    def __init__(self, model: Model, seed: int | None, device: torch.device) -> None:
        self._model, self._seed = model, seed
        self._parts = [model.embedding, model.encoder, *model.objectives.values()] if seed is not None else []
        self.generators = [torch.Generator(device) for _ in self._parts] if device.type == "cuda" else []
        self._of_device = torch.cuda.default_generators[device.index or 0] if self.generators else None

    def reseed(self, *place: int) -> None:
        """Let the parts' generators begin anew for a step and micro-batch."""
        for number, generator in enumerate(self.generators):
            generator.manual_seed(seed_of("step", self._seed, *place, number))

    @contextmanager
    def apart(self, *place: int) -> Iterator[None]:
        """Inside, each part draws for a step and micro-batch from its own seed; on a GPU call `reseed` before."""
        begins = [self._beginning(number, place) for number in range(len(self._parts))]
        hooks = [part.register_forward_pre_hook(begin) for part, begin in zip(self._parts, begins, strict=True)]
        if self._parts:  # an encoder that is asked for all its states isn't called itself
            hooks.append(self._model.embedding.register_forward_hook(begins[1]))
        before = self._of_device.graphsafe_get_state() if self._of_device else None
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            if self._of_device and before is not None:
                self._of_device.graphsafe_set_state(before)

    def _beginning(self, number: int, place: tuple[int, ...]) -> Callable[..., None]:
        """What is called before a part begins."""
        if self._of_device:
            return partial(_take, self._of_device, self.generators[number])
        return partial(_reseed, seed_of("step", self._seed, *place, number))


def _reseed(seed: int, *_: object) -> None:
    reseed(seed)


def _take(of_device: torch.Generator, generator: torch.Generator, *_: object) -> None:
    """Let the device's generator go on as another one: its state is exchanged, which a recording allows."""
    of_device.graphsafe_set_state(generator.graphsafe_get_state())
