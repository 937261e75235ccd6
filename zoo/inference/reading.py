"""How a text becomes a vector: as the folder of a sentence encoder says, where the caller does not say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import nn

from zoo.core.errors import UnknownName, ZooError
from zoo.inference.layers import UnitLength, layers_of
from zoo.inference.pooling import POOLS
from zoo.weights.sentence import MODULES, Sentence

if TYPE_CHECKING:
    from zoo.model import Model

TOKENS = "none"
"""The pooling that keeps every token."""


@dataclass(frozen=True)
class Reading:
    """How texts become vectors."""

    poolings: tuple[str, ...]
    max_length: int
    prompt: str
    pools_prompt: bool
    lowercases: bool
    steps: nn.Sequential
    """What is done to a pooled vector, [N, P] -> [N, Q]."""
    width: int
    """The numbers of a vector that is written."""
    followed: str = ""
    """What of this is the folder's word, in one line; empty where it had none."""

    @property
    def keeps_tokens(self) -> bool:
        """Whether a text has a vector for each token."""
        return self.poolings == (TOKENS,)


def reading_for(
    model: Model,
    *,
    pool: str | Sequence[str] | None = None,
    max_length: int | None = None,
    normalize: bool | None = None,
    prompt: str | None = None,
    prompt_name: str | None = None,
) -> Reading:
    """What the caller says; else what the model's folder says; else the mean of all tokens, as they are.

    With a `pool` of the caller's, the layers that the folder has after its own pooling are left out. Raises
    UnknownName and ZooError, also where the folder asks for what the zoo cannot do.
    """
    said = model.origin.sentence if model.origin else None
    poolings = _poolings(pool, said)
    layers, width = layers_of(said if pool is None else None, model.variant.dims.hidden_width * len(poolings))
    follows = said is not None and normalize is None and poolings != (TOKENS,)
    scales = said.normalizes if said and follows else bool(normalize)
    reading = Reading(
        poolings=poolings,
        max_length=_length(model, max_length, said),
        prompt=_prompt(prompt, prompt_name, said),
        pools_prompt=said is None or said.pools_prompt,
        lowercases=said is not None and said.lowercases,
        steps=nn.Sequential(*layers, *[UnitLength()] * scales),
        width=width,
    )
    if said is None:
        return reading
    followed = {
        f"pooling {'+'.join(poolings)}": pool is None,
        f"{len(layers)} more layers": bool(layers),
        f"at most {reading.max_length:,} tokens": max_length is None and said.max_length is not None,
        "text in lower case": reading.lowercases,
        f"the prompt {reading.prompt!r:.60}": reading.prompt and prompt is None,
        "vectors of length 1": follows and scales,
    }
    words = ", ".join(word for word, is_so in followed.items() if is_so)
    return replace(reading, followed=f"as {said.root / MODULES} says: {words}" if words else "")


def _poolings(pool: str | Sequence[str] | None, said: Sentence | None) -> tuple[str, ...]:
    if pool is None:
        return said.poolings if said else ("mean",)
    names = (pool,) if isinstance(pool, str) else tuple(pool)
    if names == (TOKENS,):
        return names
    for name in names or ("",):
        if name not in POOLS:
            raise UnknownName("pooling", name, [*POOLS, TOKENS] if len(names) == 1 else POOLS)
    return names


def _length(model: Model, given: int | None, said: Sentence | None) -> int:
    most = model.variant.dims.max_length
    if given is not None and given > most:
        raise ZooError(f"max_length={given} is more than the {most} positions of the model")
    return given or min(most, said.max_length if said and said.max_length else most)


def _prompt(given: str | None, name: str | None, said: Sentence | None) -> str:
    if given is not None and name is not None:
        raise ZooError("give a prompt or the name of one, not both")
    name = said.default_prompt if said and given is None and name is None else name
    if name is None:
        return given or ""
    known = said.prompts if said else {}
    if name not in known:
        raise UnknownName("prompt", name, known, str(said.root) if said else "")
    return known[name]
