"""`zoo ablate`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, Strict, open_catalog, print_json, show_table
from zoo.commands.experiment import DryRun, SavePlan, experiment
from zoo.commands.options import takes
from zoo.experiments.plan.options import PATH, AblationOptions

if TYPE_CHECKING:
    from zoo.experiments.plan.ablation import Ablation
    from zoo.registry.catalog import Catalog

Variants = Annotated[
    list[str] | None,
    typer.Argument(
        help="The two ends of the path; or every variant on it, in order.", autocompletion=COMPLETIONS["variants"]
    ),
]


@takes(AblationOptions)
def ablate(
    variants: Variants = None,
    *,
    options: AblationOptions,
    list_presets: Annotated[
        bool, typer.Option("--list", help="List the presets and stop.", rich_help_panel=PATH)
    ] = False,
    edges: Annotated[
        bool, typer.Option("--edges", help="Print the edges of the path and stop.", rich_help_panel=PATH)
    ] = False,
    save_plan: SavePlan = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Change one variant into another, one design choice at a time, and report the effect of each choice.

    Example: zoo ablate bert-tiny albert-tiny --pretrain-tokens 1M
    """
    import zoo

    catalog, names = open_catalog(strict), variants or ()
    if list_presets:
        _print_presets(catalog)
        return 0
    if edges:
        _print_path(zoo.ablation_edges(*names, catalog=catalog, **options.given), as_json)
        return 0
    given, done = options.given | {"catalog": catalog}, partial(zoo.ablate, *names)
    return experiment(partial(zoo.plan_ablation, *names), done, save_plan, dry_run, as_json, **given)


def _print_path(ablation: Ablation, as_json: bool) -> None:
    from zoo.experiments.report.ablation import path_table

    if as_json:
        print_json(ablation.model_dump_json(indent=1))
        return
    show_table(path_table(ablation))
    for limit in ablation.paper.limits if ablation.paper else ():
        print(limit)


def _print_presets(catalog: Catalog) -> None:
    from zoo.document import Table

    rows = tuple(
        (name, table.title, table.source, f"{sum(bool(row.variants) for row in table.rows)}", ", ".join(table.sizes))
        for name, table in catalog.paper_tables.items()
    )
    columns = ("preset", "what it asks", "source", "variants", "sizes")
    show_table(Table(columns, rows, words=frozenset({"what it asks", "source", "sizes"})))
