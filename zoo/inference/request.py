"""The options of a probe, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from zoo.core.options import MACHINE, Amount, DeviceName, Help, Options, Paths
from zoo.core.specs import TrainingPrecision

DATA, TRAINING = "Task and text", "Training"

LEARNING_RATE = 0.01
"""Of heads alone, which have no encoder to disturb."""


class ProbeRequest(Options):
    """The options of `zoo probe`."""

    data: Annotated[Path | None, Help("The folder that holds the task's files.", DATA, "data/glue")] = None
    corpus: Annotated[
        Paths,
        Help("Text files or folders to pre-train a variant on; may be repeated.", DATA, "wiki.txt", "text of the task"),
    ] = ()
    pretrain_tokens: Annotated[
        Annotated[Amount, Field(ge=64)] | None,
        Help("Pre-training tokens of a variant.", TRAINING, "1M", "as its record says"),
    ] = None
    seeds: Annotated[
        Annotated[Amount, Field(le=100)], Help("Number of heads per layer, one per seed.", TRAINING, "5")
    ] = 3
    steps: Annotated[
        Amount | None, Help("Training steps of the heads.", TRAINING, "200", "as the variant's record says")
    ] = None
    learning_rate: Annotated[
        Annotated[float, Field(gt=0.0, le=10.0)], Help("Learning rate of the heads.", TRAINING, "0.003")
    ] = LEARNING_RATE
    control: Annotated[
        bool | None, Help("Also probe the same encoder with random weights.", TRAINING, default="yes")
    ] = None
    device: DeviceName = None
    precision: Annotated[TrainingPrecision, Help("Number format: fp32 or bf16.", MACHINE, "bf16")] = "fp32"
