"""`zoo compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, Strict, open_catalog
from zoo.commands.experiment import DryRun, SavePlan, experiment
from zoo.commands.options import takes
from zoo.experiments.plan.options import ComparisonOptions

Variants = Annotated[
    list[str] | None,
    typer.Argument(
        help="Variants, expressions or model folders. [dim](default: the three tiny ones)[/dim]",
        autocompletion=COMPLETIONS["variants"],
    ),
]


@takes(ComparisonOptions)
def compare(
    variants: Variants = None,
    *,
    options: ComparisonOptions,
    save_plan: SavePlan = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Pre-train variants on the same text, fine-tune them on the same tasks, and test which differences are
    significant.

    Example: zoo compare bert-tiny albert-tiny --pretrain-tokens 1M --seeds 5
    """
    from functools import partial

    import zoo

    given, names = options.given | {"catalog": open_catalog(strict)}, variants or ()
    done = partial(zoo.compare, *names)
    return experiment(partial(zoo.plan_comparison, *names), done, save_plan, dry_run, as_json, **given)
