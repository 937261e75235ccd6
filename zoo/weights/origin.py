"""Where a model was loaded from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.weights.scores import ModelScores
from zoo.weights.sentence import SentenceConfig


@dataclass(frozen=True)
class ModelOrigin:
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
