"""Sections of what is missing, where a run was made, and how to repeat it."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.document import Notes, Section, Table
from zoo.experiments.plan.job import Job
from zoo.experiments.results.records import FailedResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.seeding import jobs_for
from zoo.experiments.statistics.verdicts import Comparisons
from zoo.machine.environment import Environment


def missing_section(run: ComparisonRun, comparisons: Comparisons) -> Section:
    """The jobs that are not finished, with the reason; printed at the end of a command, if there are any."""
    jobs = jobs_for(run.plan, comparisons.differences)
    table = missing_table(run, jobs)
    if table.rows:
        return Section("missing", "Missing results", (table,), brief=True)
    rest = len(run.plan.jobs) - len(run.results)
    spared = f" The other {rest} of the plan were not needed." if rest else ""
    return Section("missing", "Missing results", (Notes((f"Nothing: {len(run.results)} jobs are finished.{spared}",)),))


def environment_section(run: ComparisonRun) -> Section:
    """Versions, plugins and machines."""
    return Section("environment", "Environment", (Notes(tuple(where(run))),))


def repeat_section(run: ComparisonRun) -> Section:
    """How to reproduce the results, or to check them."""
    folder = run.plan.data_folder
    steps = (
        "Install the versions above; with the same instruction set and number of threads, results repeat bit for bit.",
        *([f"Put the tasks' files in {folder}, or give their folder with --data."] if folder else []),
        f"Save the plan (SHA-256 {run.plan.content_hash}) as plan.json and run: "
        "zoo compare --plan plan.json --out again",
        "Check that this run's numbers follow from its predictions: zoo verify RUN",
    )
    return Section("repeat", "How to reproduce it", (Notes(steps, numbered=True),))


def missing_table(run: ComparisonRun, jobs: Sequence[Job]) -> Table:
    """A row per job that is not finished, of those that are needed."""
    there = {result.job for result in run.results}
    rows = [(failure.job.name, f"failed: {failure.reason}") for failure in run.failures]
    rows += [(job.name, "not done yet") for job in jobs if job not in there]
    return Table(("job", "reason"), tuple(rows), words=frozenset({"reason"}))


def where(run: ComparisonRun) -> list[str]:
    """The environments of the results."""
    seen: dict[str, Environment] = {}
    kernels: dict[str, set[str]] = {}
    for result in run.results:
        if not isinstance(result, FailedResult):
            place = result.environment
            seen.setdefault(key := place.model_dump_json(), place)
            kernels.setdefault(key, set()).update(result.cost.kernels)
    lines = []
    for key, place in seen.items():
        libraries = ", ".join(f"{name} {version}" for name, version in place.libraries.items())
        plugins = ", ".join(f"{name} {version}" for name, version in place.plugins.items())
        lines += [
            f"zoo {place.zoo}; Python {place.python}; {libraries}",
            f"plugins: {plugins}",
            f"{place.platform}, {place.processors} processors: {place.hardware}",
            *([f"driver {place.driver}"] if place.driver else []),
            *([f"kernels of attention and layers: {', '.join(sorted(kernels[key]))}"] if kernels[key] else []),
        ]
    return lines
