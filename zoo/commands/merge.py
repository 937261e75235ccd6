"""`zoo compare RUN RUN`: runs put together in place of variants compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.core.errors import ZooError


def run_folders(names: Sequence[str]) -> list[Path]:
    """The names, if they are run folders. Raises ZooError where only some are, or one alone."""
    found = [Path(name) for name in names if (Path(name) / "plan.json").is_file()]
    if found and len(found) < len(names):
        raise ZooError("give either runs, to put them together, or variants, to compare them; not both")
    if len(found) == 1:
        raise ZooError(f"{found[0]} is a run by itself; see it with: zoo report {found[0]}")
    return found


def put_together(folders: Sequence[Path], out: Path | None, across_hardware: bool, as_json: bool) -> int:
    """Report on several runs as one, and write it if there is an `out`; status 1 where something failed in all."""
    from zoo.commands.console import console, print_json
    from zoo.experiments.report.build import print_table, write_report
    from zoo.experiments.report.results_json import summary
    from zoo.experiments.results.folder import read_run
    from zoo.experiments.results.merge import merge, write_merged
    from zoo.experiments.statistics.verdicts import compare_systems

    merged = merge({str(folder): read_run(folder) for folder in folders})
    merged = merged.model_copy(update={"across_hardware": across_hardware})
    found = compare_systems(merged)
    if out is not None:
        write_merged(merged, out)
        write_report(merged, found, out)
    if as_json:
        print_json(summary(merged, found, costs=True))
    else:
        print_table(merged, found, console())
    return 1 if merged.failures else 0
