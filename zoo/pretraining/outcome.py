"""What a pre-training leaves: its summary, and how its weights were made."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from zoo.core.held_out import HeldOutScore
from zoo.core.specs import Record, Variant
from zoo.machine.environment import Environment
from zoo.model import Model
from zoo.pretraining.preparation import Prepared
from zoo.pretraining.settings import InitialWeights, PretrainOptions, PretrainSpec
from zoo.text.cache import CorpusFacts
from zoo.train.state import TrainingState


class Summary(Record):
    """What came of a run; `peak_bytes` is the memory of the device that it worked on."""

    variant: Variant
    initial_weights: InitialWeights | None
    corpus: CorpusFacts
    share_read: float
    steps: int
    tokens: int
    seconds: float
    labels: dict[str, dict[str, int]]
    held_out: dict[str, HeldOutScore]
    weights_hash: str
    processes: int
    gradient_accumulation_steps: int
    environment: Environment
    peak_bytes: int
    kernels: tuple[str, ...] = ()
    """The attention kernels that this process has taken."""


@dataclass(frozen=True)
class PretrainOutcome:
    """A finished run: its summary and its model."""

    summary: Summary
    model: Model


def provenance(
    spec: PretrainSpec,
    options: PretrainOptions,
    prepared: Prepared,
    state: TrainingState,
    weights: str | None,
    scores: dict[str, HeldOutScore],
    made_in: Environment,
) -> dict[str, JsonValue]:
    """How a model's weights were made, for its card; `weights` is their hash, if they are in one place."""
    kept = spec.model_dump(mode="json", include={"seed", "precision", "tokenizer", "initial_weights"})
    return {
        "made_by": options.made_by,
        "command": options.command,
        "corpus": prepared.text.description,
        **prepared.facts.model_dump(mode="json", exclude={"tokenizer_hash", "separator"}),
        "share_held_out": spec.held_out,
        **kept,
        "recipe": spec.variant.pretraining.model_dump(mode="json"),
        "steps": state.step,
        "tokens_read": state.tokens,
        "scores_on_held_out_documents": {name: score.model_dump(mode="json") for name, score in scores.items()},
        "weights_hash": weights,
        "environment": made_in.model_dump(mode="json"),
    }
