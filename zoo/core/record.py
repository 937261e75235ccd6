"""What a record is, and the numbers and words in records. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.core.errors import ZooError, explain
from zoo.core.files import read_regular

Width = Annotated[int, Field(ge=1, le=65_536)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1, le=10**15)]
Length = Annotated[int, Field(ge=8, le=1_048_576)]
LONGEST_NAME = 1_000
"""The most characters of a variant's name."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=,:~-]*$", max_length=LONGEST_NAME)]
Precision = Literal["fp32", "bf16", "fp16"]
InferencePrecision = Literal["auto", "fp32", "bf16", "fp16"]
TrainingPrecision = Literal["fp32", "bf16"]
"""Gradients of fp16 passes would vanish without loss scaling, which bf16 does not need."""

Activation = Literal["gelu", "gelu_new", "relu", "silu", "tanh"]

LARGEST_RECORD = 50_000_000
"""The most bytes of a record."""


class Record(BaseModel):
    """A frozen, strictly typed record: unknown fields, NaN and silent conversions are refused."""

    model_config = ConfigDict(defer_build=True, strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def read_record(kind: type[R], path: Path, what: str) -> R:
    """The record in a JSON file. Raises ZooError if it cannot be read, or is not `what` it should be."""
    try:
        return kind.model_validate_json(read_regular(path, LARGEST_RECORD))
    except ValidationError as error:
        raise ZooError(f"{path} is not {what}: {explain(error)}") from None
