"""`zoo compare`: what it is asked; what it does is imported when it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import JsonValue

from zoo.commands.console import AsJson, Precision, Strict, open_catalog, print_json, print_rows, split
from zoo.commands.merge import put_together, run_folders
from zoo.commands.report import AcrossHardware
from zoo.core.errors import ZooError
from zoo.registry.catalog import Catalog
from zoo.registry.search_grids import Tuning, tuning

if TYPE_CHECKING:
    from zoo.core.specs import Variant
    from zoo.experiments.plan.corpus import CorpusSource
    from zoo.experiments.plan.plan import Plan
    from zoo.experiments.results.run import ComparisonRun
    from zoo.experiments.runner.executors import Executor
    from zoo.experiments.statistics.verdicts import Comparisons

DEFAULT_VARIANTS = ("bert-tiny", "roberta-tiny", "albert-tiny")
DEFAULT_SEEDS = 3
RUNS = Path("runs")


class Where(StrEnum):
    """Who does the jobs."""

    local = "local"
    ray = "ray"


def compare(
    variants: Annotated[
        list[str] | None,
        typer.Argument(
            help="Variants, expressions or folders with models, the tiny three if none; or runs to put together."
        ),
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks, separated by commas; the starter suite if none.")] = None,
    glue: Annotated[Path | None, typer.Option(help="The folder that holds GLUE's task folders.")] = None,
    corpus: Annotated[
        list[Path] | None, typer.Option(help="Text files or folders to pre-train on; may be repeated.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=100, help="Fine-tuning seeds; 3 if not given.")] = None,
    pretrain_each_seed: Annotated[
        bool, typer.Option("--pretrain-each-seed", help="Pre-train anew for every seed, not once for all.")
    ] = False,
    tokens: Annotated[int | None, typer.Option(min=64, help="Pre-training tokens, for each variant.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Fine-tuning steps, for each variant and task.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="Threads of a process; 1 if not given.")] = None,
    tune: Annotated[
        list[str] | None,
        typer.Option(help="A grid's name, or FIELD=VALUE,VALUE; several settings: the best on dev is shown."),
    ] = None,
    precision: Annotated[Precision | None, typer.Option(help="What passes compute in; fp32 if not given.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Do this plan, the plan.json of a run.")] = None,
    save_plan: Annotated[Path | None, typer.Option(help="Write the plan to this file, and do nothing else.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the jobs and what they will take.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or the newest.")] = False,
    reuse: Annotated[
        list[Path] | None, typer.Option(help="A run folder, or a folder of them, whose equal jobs are taken over.")
    ] = None,
    keep_finetuned: Annotated[
        bool, typer.Option("--keep-finetuned", help="Keep every fine-tuned model, for `zoo verify --depth models`.")
    ] = False,
    workers: Annotated[int, typer.Option(min=0, max=256, help="Processes; 0 works in this one.")] = 2,
    executor: Annotated[Where, typer.Option(help="Processes here, or a Ray cluster.")] = Where.local,
    address: Annotated[str | None, typer.Option(help="The Ray cluster's address; a local one if none.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/compare-DATE-TIME if none.")] = None,
    across_hardware: AcrossHardware = False,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Pre-train variants on the same text, fine-tune them on the same tasks, and print one table."""
    if runs := run_folders(variants or ()):
        return put_together(runs, out, across_hardware, as_json)
    catalog = open_catalog(strict)
    if resume:
        out = out or _newest()
        plan = out / "plan.json"
    if plan is not None:
        given: dict[str, object] = {"VARIANTS": variants, "--tasks": tasks, "--seeds": seeds, "--tokens": tokens}
        given |= {"--pretrain-each-seed": pretrain_each_seed, "--steps": steps, "--threads": threads}
        _refuse_beside_plan(given | {"--tune": tune, "--precision": precision})
        work = kept_plan(catalog, plan, glue, corpus, keep_finetuned)
    else:
        names = variants or DEFAULT_VARIANTS
        chosen = {name: catalog.variant(name, beside=names) for name in names}
        work = new_plan(
            catalog,
            [chosen[name] for name in names],
            tasks,
            folders={variant.name: path for name, variant in chosen.items() if (path := catalog.folder(name))},
            glue=glue,
            corpus=corpus,
            seeds=seeds or DEFAULT_SEEDS,
            pretrain_each_seed=pretrain_each_seed,
            tokens=tokens,
            steps=steps,
            threads=threads or 1,
            precision=precision or Precision.fp32,
            keep_finetuned=keep_finetuned,
            tune=tune,
        )
    if save_plan is not None:
        return _save(work, save_plan)
    folder = out or RUNS / f"compare-{datetime.now():%Y%m%d-%H%M%S}"
    if dry_run:
        return _foretell(catalog, work, folder, workers, reuse or [], as_json)
    return carry_out(work, folder, chosen_executor(work, executor, workers, address), reuse or [], as_json)


def new_plan(
    catalog: Catalog,
    variants: Sequence[Variant],
    tasks: str | None,
    *,
    folders: Mapping[str, Path] | None = None,
    glue: Path | None = None,
    corpus: Sequence[Path] | None = None,
    seeds: int = DEFAULT_SEEDS,
    pretrain_each_seed: bool = False,
    tokens: int | None = None,
    steps: int | None = None,
    threads: int = 1,
    precision: Precision = Precision.fp32,
    keep_finetuned: bool = False,
    tune: Sequence[str] | None = None,
    one_head: bool = True,
) -> Plan:
    """The plan that the options of a command line mean; tasks are separated by commas, the starter suite if none."""
    from zoo.experiments.plan.make import make_plan, with_budget

    starter = [task.name for task in catalog.tasks.values() if task.suite == "microworld"]
    names = split(tasks) if tasks is not None else starter
    return make_plan(
        catalog,
        [with_budget(variant, tokens, steps) for variant in variants],
        names,
        n_seeds=seeds,
        corpus=_files(corpus),
        data_folder=glue.resolve() if glue else None,
        threads=threads,
        precision=precision.value,
        pretrain_each_seed=pretrain_each_seed,
        folders=folders,
        keep_finetuned=keep_finetuned,
        tuning=_tuning(catalog, tune, names, steps) if tune else None,
        one_head=one_head,
    )


def _tuning(catalog: Catalog, asked: Sequence[str], tasks: Sequence[str], steps: int | None) -> Tuning:
    found = tuning(asked, tasks, catalog.grids)
    lengths = [
        setting for settings in found.settings.values() for setting in settings if setting.epochs or setting.steps
    ]
    if steps is not None and lengths:
        raise ZooError(
            f"--steps and the settings of {found.name} ({lengths[0].label}) both say how long; leave one out"
        )
    return found


def kept_plan(
    catalog: Catalog, path: Path, glue: Path | None, corpus: Sequence[Path] | None, keep_finetuned: bool = False
) -> Plan:
    """A plan from a file, its data perhaps in another place by now. Raises ZooError where they are other data."""
    from zoo.experiments.plan.make import check_plan
    from zoo.experiments.plan.plan import read_plan

    plan = read_plan(path)
    moved: dict[str, Any] = {"keep_finetuned": plan.keep_finetuned or keep_finetuned}
    if glue:
        moved["data_folder"] = str(glue.resolve())
        if plan.corpus.kind == "tasks":
            moved["corpus"] = plan.corpus.model_copy(update={"folder": str(glue.resolve())})
    moved |= {"corpus": files} if (files := _files(corpus)) else {}
    plan = plan.model_copy(update=moved)
    check_plan(catalog, plan)
    return plan


def chosen_executor(plan: Plan, where: Where, workers: int, address: str | None) -> Executor:
    """Who is to do the jobs."""
    from zoo.experiments.runner.executors import InProcess, LocalProcesses

    if where is Where.ray:
        from zoo.experiments.runner.ray_cluster import RayCluster

        return RayCluster(address, workers)
    if address is not None:
        raise ZooError("--address is a Ray cluster's; give --executor ray with it")
    return LocalProcesses(workers) if workers else InProcess()


def carry_out(plan: Plan, folder: Path, executor: Executor, reuse: Sequence[Path], as_json: bool) -> int:
    """Do a plan, write its report, print its table; status 1 where a job failed."""
    from zoo.commands.console import console
    from zoo.experiments.report.build import print_table
    from zoo.experiments.report.results_json import summary

    done, found = done_and_judged(plan, folder, executor, reuse)
    if as_json:
        print_json(summary(done, found, costs=True))
    else:
        print_table(done, found, console())
        print(f"run folder: {folder}")
    return 1 if done.failures else 0


def done_and_judged(
    plan: Plan, folder: Path, executor: Executor, reuse: Sequence[Path] = ()
) -> tuple[ComparisonRun, Comparisons]:
    """A plan's run, followed on the terminal, and its verdicts; both are in its folder's report, too."""
    from rich.console import Console

    from zoo.experiments.report.build import write_report
    from zoo.experiments.runner.progress import Display
    from zoo.experiments.runner.run import run
    from zoo.experiments.statistics.verdicts import compare_systems

    with Display(plan, Console(stderr=True)) as display:
        done = run(plan, folder, executor=executor, watcher=display, reuse=reuse)
    found = compare_systems(done)
    write_report(done, found, folder)
    return done, found


def _foretell(catalog: Catalog, plan: Plan, folder: Path, workers: int, reuse: Sequence[Path], as_json: bool) -> int:
    from zoo.experiments.runner.estimate import forecast

    found = forecast(catalog, plan, folder, workers=workers, reuse=reuse)
    rows: list[dict[str, JsonValue]] = [
        {"job": work.job.name, "state": work.state, "seconds": round(work.seconds, 1) if work.seconds else None}
        for work in found.work
    ]
    if as_json:
        print_json(
            {
                "plan": plan.model_dump(mode="json"),
                "plan_hash": plan.content_hash,
                "jobs": rows,
                "seconds": found.seconds,
                "disk_bytes": found.disk_bytes,
                "memory_bytes": found.memory_bytes,
            }
        )
        return 0
    print_rows(rows, as_json=False)
    left = sum(work.state == "to do" for work in found.work)
    print(
        f"{left} of {len(rows)} jobs to do: about {_duration(found.seconds)} with {workers or 1} process(es), "
        f"{found.disk_bytes / 1e6:,.1f} MB on disk, {found.memory_bytes / 1e6:,.0f} MB of memory in each process"
    )
    return 0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _save(plan: Plan, path: Path) -> int:
    from zoo.core.files import write_text

    write_text(path, plan.model_dump_json(indent=1) + "\n")
    print(f"plan {plan.content_hash[:12]}, {len(plan.jobs)} jobs: {path}")
    return 0


def _files(paths: Sequence[Path] | None) -> CorpusSource | None:
    from zoo.experiments.plan.corpus import FilesCorpus

    return FilesCorpus(paths=tuple(str(path.resolve()) for path in paths)) if paths else None


def _newest() -> Path:
    plans = sorted(RUNS.glob("*/plan.json"), key=lambda path: path.stat().st_mtime)
    if not plans:
        raise ZooError(f"there is no run in {RUNS} to go on with; name its folder with --out")
    print(f"resuming {plans[-1].parent}", file=sys.stderr)
    return plans[-1].parent


def _refuse_beside_plan(given: Mapping[str, object]) -> None:
    extra = [name for name, value in given.items() if value]
    if extra:
        raise ZooError(f"the plan says what is done; leave out {', '.join(extra)}, or make a new plan without --plan")
