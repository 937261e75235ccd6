"""The options of an audit, in Python and on the command line."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from zoo.core.options import Amount, Help, Options, Texts, read_several

COUNTS = "Counts"

Length = Annotated[Amount, Field(le=1_048_576)]


class AuditRequest(Options):
    """The options of `zoo audit`."""

    module: Annotated[
        bool | None,
        Help("Also build the module and count its parameters.", COUNTS, default="only for names that are given"),
    ] = None
    length: Annotated[
        tuple[Length, ...],
        BeforeValidator(read_several),
        Help("Sequence length in tokens, for memory and operations; may be repeated.", COUNTS, "384", "128 and 512"),
    ] = (128, 512)
    batch: Annotated[
        Annotated[Amount, Field(le=1_000_000)], Help("Sequences per batch, for memory and operations.", COUNTS, "64")
    ] = 32
    figure: Annotated[Texts, Help("A published figure to explain; may be repeated.", COUNTS, "206.9M")] = ()
