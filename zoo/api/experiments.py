"""Comparisons and ablations: planned, run, reported, merged and verified."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from rich.console import Console

from zoo.api.comparisons import Comparison, Submission, Verification
from zoo.api.judging import Judged, report_judged, verify_judgement
from zoo.api.signature import takes
from zoo.builtin_plugin import EXECUTORS
from zoo.core.errors import UnknownName, ZooError
from zoo.core.options import Options
from zoo.core.specs import Variant
from zoo.experiments.plan.ablation import Ablation
from zoo.experiments.plan.options import AblationOptions, ComparisonOptions, ExperimentOptions
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.requests import ablation_plan, asked_path, comparison_plan, kept_plan
from zoo.experiments.results.judged import is_judged
from zoo.experiments.verify.request import VerifyRequest
from zoo.registry.catalog import Catalog

if TYPE_CHECKING:
    from zoo.experiments.results.run import ComparisonRun
    from zoo.experiments.runner.estimate import Estimate
    from zoo.experiments.runner.executors import Executor, ExecutorFactory

RUNS = Path("runs")
Place = str | Path


@takes(ComparisonOptions)
def compare(
    *variants: str | Variant,
    progress: bool = False,
    catalog: Catalog | None = None,
    command: str | None = None,
    **options: Any,
) -> Comparison:
    """Pre-train variants on the same text, fine-tune them on the same tasks, and compare them; as `zoo compare`.

    Without variants, compares the three tiny ones. With `progress`, progress is shown on standard error. `command`
    is recorded as the command line, for the report. Raises ZooError before any training if no plan can be made;
    jobs that fail are listed in `failures`.
    """
    asked = ComparisonOptions.of(options)
    command = command or _called("compare", variants, options)
    return _carried_out("compare", catalog, variants, asked, progress, command)


@takes(AblationOptions)
def ablate(
    *variants: str,
    progress: bool = False,
    catalog: Catalog | None = None,
    command: str | None = None,
    **options: Any,
) -> Comparison:
    """Change one variant into another, one design choice at a time, and report each effect; as `zoo ablate`.

    Two variants are the ends of a path; more are every variant on it, in order; a `preset` is a paper's ablation
    table. Raises ZooError before any training if no plan can be made.
    """
    command = command or _called("ablate", variants, options)
    return _carried_out("ablate", catalog, variants, AblationOptions.of(options), progress, command)


@takes(ComparisonOptions)
def plan_comparison(*variants: str | Variant, catalog: Catalog | None = None, **options: Any) -> Plan:
    """The plan that `compare` would run; it can be saved, sent and passed to it as `plan`."""
    return _planned(catalog or Catalog.installed(), variants, ComparisonOptions.of(options))


@takes(AblationOptions)
def plan_ablation(*variants: str, catalog: Catalog | None = None, **options: Any) -> Plan:
    """The plan that `ablate` would run; it can be saved, sent and passed to it as `plan`."""
    return _planned(catalog or Catalog.installed(), variants, AblationOptions.of(options))


@takes(AblationOptions)
def ablation_edges(*variants: str, catalog: Catalog | None = None, **options: Any) -> Ablation:
    """The edges that `ablate` would report on, one design choice each; no data are read."""
    return asked_path(catalog or Catalog.installed(), variants, AblationOptions.of(options))[1]


def estimate(
    plan: Plan,
    *,
    workers: int | None = None,
    reuse: Sequence[Place] = (),
    out: Place | None = None,
    catalog: Catalog | None = None,
) -> Estimate:
    """The time, disk and memory that a plan needs, estimated from a few steps of every variant. Jobs whose results
    are in `out`, or in the run folders in `reuse`, cost nothing. Raises RunFailed if a variant fails.
    """
    from zoo.experiments.runner import estimate as runner
    from zoo.experiments.statistics.seeding import jobs_for

    workers = _workers(plan, workers)
    folder = Path(out) if out else RUNS / "none"
    return runner.estimate(
        catalog or Catalog.installed(),
        plan,
        folder,
        workers=workers,
        reuse=[Path(p) for p in reuse],
        needed=jobs_for(plan, ()),
    )


def report(
    run: Place,
    *,
    margin: float | None = None,
    family_wise: bool | None = None,
    against: str | None = None,
    across_hardware: bool = False,
) -> Comparison | Judged:
    """A finished run or judgement, read from its saved results; `margin`, `family_wise` and `against` replace its own.

    Raises ZooError if the folder holds no results, and UnknownName if `against` is no variant of the run.
    """
    if is_judged(Path(run)):
        return report_judged(Path(run), margin=margin, family_wise=family_wise, against=against)
    done = replace(_read(Path(run)), across_hardware=across_hardware)
    claims = done.plan.claims.changed(margin=margin, family_wise=family_wise, against=against)
    names = [variant.name for variant in done.plan.variants]
    if claims.against not in (None, *names):
        raise UnknownName("variant of this run", str(claims.against), names)
    return Comparison(Path(run), replace(done, plan=done.plan.model_copy(update={"claims": claims})))


def merge(*runs: Place, out: Place | None = None, across_hardware: bool = False) -> Comparison:
    """Runs of the same tasks merged into one, and written to `out` if given; as `zoo merge`. Raises ZooError if they
    are not comparable.
    """
    from zoo.experiments.results.merge import merge as merged
    from zoo.experiments.results.merge import write_merged

    if len(runs) < 2:
        raise ZooError("give at least two run folders; zoo report shows a single one")
    run = merged({str(folder): _read(Path(folder)) for folder in runs})
    comparison = Comparison(Path(out) if out else None, replace(run, across_hardware=across_hardware))
    if out is not None:
        write_merged(comparison.run, Path(out))
        comparison.write_report()
    return comparison


@takes(VerifyRequest)
def verify(run: Place, *, progress: bool = False, **options: Any) -> Verification:
    """Check a run's published numbers against its files, its kept models, or by training again; as `zoo verify`.

    `run` is a run folder, or its results.json.
    """
    from zoo.experiments.verify.files import verify as check

    asked, catalog = VerifyRequest.of(options), Catalog.installed()
    folder = Path(run).parent if Path(run).name == "results.json" else Path(run)
    if is_judged(folder):
        return Verification(folder, tuple(verify_judgement(folder, asked)), has_models=False)
    checks = list(check(folder))
    if asked.depth != "files":
        checks += _tried_again(folder, asked, progress, catalog)
    return Verification(folder, tuple(checks))


def glue_submission(run: Place, *, variant: str | None = None, out: Place | None = None) -> Submission:
    """Write the files that GLUE's leaderboard takes; as `zoo glue-submission`.

    `variant` is required if the run has several; `out` is `submission` in the run folder by default.
    """
    from zoo.experiments.submission.write import submit

    folder = Path(out) if out else Path(run) / "submission"
    sources = submit(_read(Path(run)), variant, folder)
    return Submission(folder / "submission.zip", tuple(map(str, sources)))


def superglue_submission(
    run: Place, *, variant: str | None = None, out: Place | None = None, data: Place | None = None
) -> Submission:
    """Write the files that SuperGLUE's leaderboard takes, but for ReCoRD's; as `zoo superglue-submission`.

    `variant` is required if the run has several. By default, `out` is `superglue-submission` in the run folder, and
    `data` is the folder that the run read its tasks from.
    """
    from zoo.experiments.submission.superglue import submit_superglue

    folder = Path(out) if out else Path(run) / "superglue-submission"
    sources = submit_superglue(_read(Path(run)), variant, folder, Path(data) if data else None)
    return Submission(folder / "submission.zip", tuple(map(str, sources)))


def check_glue_submission(path: Place) -> list[str]:
    """What is wrong with a submission (a folder or a zip), one line each; an empty list if nothing is."""
    from zoo.experiments.submission.glue import check

    return list(check(Path(path)))


def _read(folder: Path) -> ComparisonRun:
    """A finished run. Its tasks may name kinds and metrics of plugins, which a catalog makes known."""
    from zoo.experiments.results.folder import read_run

    Catalog.installed()
    return read_run(folder)


def _planned(catalog: Catalog, variants: Sequence[str | Variant], asked: Options) -> Plan:
    assert isinstance(asked, ExperimentOptions)
    if asked.plan is not None or asked.resume:
        if variants:
            raise ZooError("the plan decides the variants; leave them out, or omit --plan and --resume")
        return kept_plan(catalog, asked.plan or _begun(asked.out or _newest()), asked)
    if isinstance(asked, AblationOptions):
        return ablation_plan(catalog, [str(name) for name in variants], asked)
    assert isinstance(asked, ComparisonOptions)
    return comparison_plan(catalog, variants, asked)


def _called(function: str, variants: Sequence[str | Variant], options: dict[str, Any]) -> str:
    """A call in Python, as it is written in a report."""
    names = [repr(one if isinstance(one, str) else one.name) for one in variants]
    return f"zoo.{function}({', '.join([*names, *(f'{name}={value!r}' for name, value in options.items())])})"


def _carried_out(
    kind: str,
    catalog: Catalog | None,
    variants: Sequence[str | Variant],
    asked: ExperimentOptions,
    progress: bool,
    command: str,
) -> Comparison:
    """Run a plan, and write its report into the run folder."""
    from zoo.experiments.runner.progress import Display
    from zoo.experiments.runner.run import run
    from zoo.experiments.statistics.seeding import wanted_jobs

    if asked.resume and asked.out is None:
        asked = asked.model_copy(update={"out": _newest()})
    catalog = catalog or Catalog.installed()
    plan = _planned(catalog, variants, asked)
    if kind == "ablate" and plan.ablation is None:
        raise ZooError("the plan is a comparison's and has no edges to report on; run it with zoo compare")
    if asked.max_time and not plan.claims.looks:
        raise ZooError("--max-time goes with --until-decided; a fixed number of seeds is always finished")
    folder = asked.out or RUNS / f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
    executor = _executor(catalog, asked, plan)
    try:
        with Display(plan, Console(stderr=True, quiet=not progress)) as display:
            done = run(
                plan,
                folder,
                executor=executor,
                watcher=display,
                reuse=asked.reuse,
                catalog=catalog,
                wanted=wanted_jobs,
                seconds=asked.max_time or inf,
                command=command,
            )
    except KeyboardInterrupt:
        again = f"zoo {kind} --resume --out {shlex.quote(str(folder))}"
        raise KeyboardInterrupt(f"finished jobs are kept in {folder}; continue with: {again}") from None
    comparison = Comparison(folder, done)
    comparison.write_report()
    return comparison


def _executor(catalog: Catalog, asked: ExperimentOptions, plan: Plan) -> Executor:
    """The executor of the jobs, the zoo's or a plugin's. Raises UnknownName if there is none."""
    name, brought = asked.executor, catalog.offered["executor"]
    if name not in (known := {**EXECUTORS, **brought}):
        raise UnknownName("executor", name, known)
    make: ExecutorFactory = catalog.executor(name) if name in brought else resolve_name(EXECUTORS[name])
    return make(catalog, _workers(plan, asked.workers), asked.address)


def _workers(plan: Plan, asked: int | None) -> int:
    """The number asked for, else what suits the plan's device."""
    from zoo.experiments.runner.placement import default_workers

    return default_workers(plan) if asked is None else asked


def _begun(folder: Path) -> Path:
    """The plan of the run in a folder. Raises ZooError if there is none."""
    plan = folder / "plan.json"
    if not os.path.lexists(plan):
        raise ZooError(f"there is no run in {folder} to continue; leave out --resume to start one")
    return plan


def _newest() -> Path:
    plans = sorted(RUNS.glob("*/plan.json"), key=lambda path: path.stat().st_mtime)
    if not plans:
        raise ZooError(f"there is no run in {RUNS} to continue; give its folder with --out")
    return plans[-1].parent


def _tried_again(folder: Path, asked: VerifyRequest, progress: bool, catalog: Catalog) -> list[Any]:
    from tempfile import TemporaryDirectory

    from zoo.experiments.results.folder import read_what_is_sound
    from zoo.experiments.runner.progress import Display
    from zoo.experiments.verify.rerun import again_on, reevaluate, repeated_plan, retrain

    done, _ = read_what_is_sound(folder)  # damage has been reported already
    compute = again_on(done.plan, asked.device)
    checks = list(reevaluate(done, folder, catalog, compute))
    if asked.depth == "training":
        plan = repeated_plan(done.plan, asked.seeds, compute)
        console = Console(stderr=True, quiet=not progress)
        with TemporaryDirectory() as stage, Display(plan, console) as display:
            workers = _workers(plan, asked.workers)
            checks += retrain(done, plan, Path(stage) / "run", catalog, asked.margin, workers, display)
    return checks
