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
        Help("Score the stored predictions; also let kept models predict; or also train again.", CHECKS, "models"),
    ] = "files"
    seeds: Annotated[Amount, Help("With --depth training, how many seeds to train again.", AGAIN, "1")] = 3
    margin: Annotated[
        Annotated[float, Field(ge=0.0)],
        Help(
            "With --depth training, scores shown to differ by less than this many points count as equal.", AGAIN, "0.5"
        ),
    ] = 1.0
    device: Annotated[
        str | None,
        Help("Where to compute again: auto, cpu, cuda, cuda:1 or mps.", AGAIN, "cpu", "as the run, if it is here"),
    ] = None
    workers: Annotated[
        Annotated[Whole, Field(le=256)] | None,
        Help("Parallel processes; 0 runs in this one.", AGAIN, "4", "2; on GPUs, as many as their memory holds"),
    ] = None
