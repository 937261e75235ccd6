"""`zoo ablate`: what it is asked; what it does is imported when it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.commands.console import AsJson, Strict, console, open_catalog, print_json, split

if TYPE_CHECKING:
    from zoo.core.specs import Variant
    from zoo.experiments.plan.ablation import Ablation
    from zoo.experiments.plan.plan import Plan
    from zoo.registry.catalog import Catalog


def ablate(
    variants: Annotated[
        list[str] | None, typer.Argument(help="Two variants to walk between; more are the path itself.")
    ] = None,
    via: Annotated[str | None, typer.Option(help="Variants to walk by, separated by commas.")] = None,
    preset: Annotated[str | None, typer.Option(help="A paper's table in place of a path.")] = None,
    size: Annotated[str | None, typer.Option(help="A preset's size; its smallest if none.")] = None,
    list_presets: Annotated[bool, typer.Option("--list", help="List the presets and do nothing else.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the edges and train nothing.")] = False,
    tasks: Annotated[str | None, typer.Option(help="Tasks, separated by commas; the starter suite if none.")] = None,
    glue: Annotated[Path | None, typer.Option(help="The folder that holds GLUE's task folders.")] = None,
    corpus: Annotated[
        list[Path] | None, typer.Option(help="Text files or folders to pre-train on; may be repeated.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Fine-tuning seeds.")] = 5,
    pretrain_each_seed: Annotated[
        bool, typer.Option("--pretrain-each-seed", help="Pre-train anew for every seed, not once for all.")
    ] = False,
    tokens: Annotated[int | None, typer.Option(min=64, help="Pre-training tokens, for each variant.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Fine-tuning steps, for each variant and task.")] = None,
    workers: Annotated[int, typer.Option(min=0, max=256, help="Processes; 0 works in this one.")] = 2,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of each process.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/ablate-DATE-TIME if none.")] = None,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Go from one variant to another one design choice at a time, and tell what each choice does."""
    from zoo.commands.compare import new_plan

    catalog = open_catalog(strict)
    if list_presets:
        _print_presets(catalog)
        return 0
    way, ablation = _ablation(catalog, variants or [], split(via or ""), preset, size)
    if dry_run:
        _print_path(ablation, as_json)
        return 0
    plan = new_plan(
        catalog,
        way,
        tasks,
        glue=glue,
        corpus=corpus,
        seeds=seeds,
        pretrain_each_seed=pretrain_each_seed,
        tokens=tokens,
        steps=steps,
        threads=threads,
        one_head=False,  # a choice of head is an edge like any other
    )
    folder = out or Path("runs") / f"ablate-{datetime.now():%Y%m%d-%H%M%S}"
    return _run(plan, ablation, folder, workers, as_json)


def _ablation(
    catalog: Catalog, names: list[str], via: list[str], preset: str | None, size: str | None
) -> tuple[list[Variant], Ablation]:
    from zoo.core.errors import ZooError
    from zoo.experiments.plan.ablation import of_table, path

    if preset is not None:
        if names or via:
            raise ZooError("a preset has variants of its own; give either --preset or variants")
        return of_table(catalog, catalog.ablation(preset), size)
    if size is not None:
        raise ZooError("--size is a preset's; give --preset NAME with it")
    if len(names) < 2:
        raise ZooError("an ablation goes from one variant to another; give both, or --preset NAME (--list shows them)")
    if via and len(names) > 2:
        raise ZooError(f"{len(names)} variants are a path of their own; --via goes with two")
    return path(catalog, names, via)


def _run(plan: Plan, ablation: Ablation, folder: Path, workers: int, as_json: bool) -> int:
    from zoo.commands.compare import Where, chosen_executor, done_and_judged
    from zoo.core.files import write_text
    from zoo.experiments.report.ablation import effects_markdown, print_effects
    from zoo.experiments.statistics.ablation import ablation_path, effects

    done, _ = done_and_judged(plan, folder, chosen_executor(plan, Where.local, workers, None))
    found = effects(done, ablation)
    saved = found.model_dump_json(indent=1) + "\n"
    write_text(ablation_path(folder), saved)
    write_text(folder / "ablation.md", effects_markdown(done, found))
    if as_json:
        print_json(saved.rstrip())
    else:
        print_effects(done, found, console())
        for failure in done.failures:
            print(f"failed: {failure.job.name}: {failure.reason}")
        print(f"run folder: {folder}")
    return 1 if done.failures else 0


def _print_path(ablation: Ablation, as_json: bool) -> None:
    from zoo.experiments.report.ablation import path_table
    from zoo.tables import print_rows

    if as_json:
        print_json(ablation.model_dump_json(indent=1))
        return
    print_rows(path_table(ablation), console())
    for limit in ablation.paper.limits if ablation.paper else ():
        print(limit)


def _print_presets(catalog: Catalog) -> None:
    from zoo.tables import Table, print_rows

    rows = tuple(
        (name, (table.title, table.source, f"{sum(bool(row.variants) for row in table.rows)}", ", ".join(table.sizes)))
        for name, table in catalog.ablations.items()
    )
    print_rows(Table("preset", ("what it asks", "source", "variants", "sizes"), rows), console())
