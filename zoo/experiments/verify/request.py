"""The options of a verification, in Python and on the command line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from zoo.core.options import Amount, Help, Options, Whole

CHECKS, AGAIN = "Checks", "Training again"

Depth = Literal["files", "models", "training"]


class VerifyRequest(Options):
    """The options of `zoo verify`."""

    depth: Annotated[
        Depth,
        Help(
            "files: score the stored predictions again; models: also predict again with the kept models; "
            "training: also train again.",
            CHECKS,
            "models",
        ),
    ] = "files"
    seeds: Annotated[Amount, Help("With --depth training: the number of seeds to train again.", AGAIN, "1")] = 3
    margin: Annotated[
        Annotated[float, Field(ge=0.0)],
        Help(
            "With --depth training: scores shown to differ by less than this many points count as equal.", AGAIN, "0.5"
        ),
    ] = 1.0
    device: Annotated[
        str | None,
        Help("The device to compute on: auto, cpu, cuda, cuda:1 or mps.", AGAIN, "cpu", "the run's, if available"),
    ] = None
    workers: Annotated[
        Annotated[Whole, Field(le=256)] | None,
        Help(
            "Parallel processes; 0 runs all jobs in the current process.",
            AGAIN,
            "4",
            "2; on GPUs, as many as their memory holds",
        ),
    ] = None
