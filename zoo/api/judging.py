"""Predictions that other tools made, compared like a run of the zoo's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.rendered import Rendered
from zoo.api.signature import takes
from zoo.core.errors import UnknownName, ZooError
from zoo.document import Document
from zoo.experiments.judging.options import JudgeOptions
from zoo.experiments.report.judged import judged_document, write_judged_report
from zoo.experiments.results.folder import read_made, write_made
from zoo.experiments.results.judged import JudgedRun, read_judged, write_judged
from zoo.experiments.statistics.verdicts import Comparisons, compare_systems
from zoo.experiments.verify.request import VerifyRequest
from zoo.registry.catalog import Catalog

if TYPE_CHECKING:
    from zoo.experiments.verify.files import Check

RUNS = Path("runs")


@dataclass(frozen=True, repr=False)
class Judged(Rendered):
    """Scores and verdicts on predictions of other tools."""

    folder: Path | None
    run: JudgedRun

    @cached_property
    def statistics(self) -> Comparisons:
        """Which differences are significant."""
        return compare_systems(self.run)

    @cached_property
    def document(self) -> Document:
        """The report as sections."""
        return judged_document(self.run, self.statistics, read_made(self.folder) if self.folder else None)

    def write_report(self) -> None:
        """Write results.json and report.md into the folder."""
        assert self.folder is not None
        write_judged_report(self.run, self.statistics, self.folder)


@takes(JudgeOptions)
def judge(
    *systems: str | Mapping[str, Any], command: str = "zoo.judge(...)", catalog: Catalog | None = None, **options: Any
) -> Judged:
    """Compare systems by their predictions, made with any tool, with the verdicts of `compare`; as `zoo judge`.

    Each system is NAME=FILES, with one file per seed; or a mapping from names to files, to predictions in memory
    (one list per seed) or to scores (one number per seed). Nothing is written without `out`; `command` is
    recorded as the command line, for the report. Raises ZooError, with file and line, for input that does not
    fit.
    """
    from zoo.answers.sources import named
    from zoo.experiments.judging.judge import judged_run
    from zoo.experiments.plan.requests import asked_tasks

    gold: Any = options.get("gold")
    if isinstance(gold, dict):
        raise ZooError("gold labels of several tasks are read from files, such as gold='gold/{task}.tsv'")
    if isinstance(gold, Path) or hasattr(gold, "tolist"):
        options["gold"] = str(gold) if isinstance(gold, Path) else gold.tolist()
    asked = JudgeOptions.of(options)
    catalog = catalog or Catalog.installed()
    tasks = asked_tasks(catalog, asked.tasks, asked.data) if asked.tasks else []
    sources: dict[str, Any] = {}
    for each in systems:
        for name, files in each.items() if isinstance(each, Mapping) else (named(each),):
            sources[name] = f"{sources[name]},{files}" if name in sources and isinstance(files, str) else files
    run = judged_run(sources, asked, tasks)
    judged = Judged(asked.out, run)
    if asked.out is not None:
        write_judged(run, asked.out)
        write_made(asked.out, command)
        judged.write_report()
    return judged


def report_judged(folder: Path, **claims: Any) -> Judged:
    """A judgement's folder, with verdicts as it asks for, or as asked here. Raises ZooError as `zoo.report` does."""
    Catalog.installed()  # makes the kinds and metrics of plugins known
    run = read_judged(folder)
    changed = run.plan.claims.changed(**claims)
    if changed.against not in (None, *run.plan.names):
        raise UnknownName("system of this judgement", str(changed.against), run.plan.names)
    return Judged(folder, replace(run, plan=run.plan.model_copy(update={"claims": changed})))


def verify_judgement(folder: Path, asked: VerifyRequest) -> list[Check]:
    """Whether its numbers follow from its predictions. Raises ZooError if models are asked for: it has none."""
    from zoo.experiments.verify.judged import verify_judged

    if asked.depth != "files":
        raise ZooError(f"{folder} holds predictions that were judged, and no models; leave out --depth {asked.depth}")
    return verify_judged(folder)


def default_folder() -> Path:
    """Where the command writes."""
    return RUNS / f"judge-{datetime.now():%Y%m%d-%H%M%S}"
