"""The section on parts of tasks: scores by type of entity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.document import MISSING, Notes, Section, Table
from zoo.experiments.report.scores import points
from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.parts import PartScores, part_scores


def parts_section(run: ScoredRun) -> Section | None:
    """A table per task whose kind has parts; None if there is no such task."""
    found = list(part_scores(run))
    if not found:
        return None
    note = Notes(("Means over seeds, x 100; the number of gold items as it is.",))
    return Section("parts", "Scores by part", (*_tables(found), note))


def _tables(found: Sequence[PartScores]) -> Iterator[Table]:
    for task in dict.fromkeys(each.task for each in found):
        its = [each for each in found if each.task == task]
        metrics = tuple(dict.fromkeys(name for each in its for name in each.scores))
        several = len({each.split for each in its}) > 1
        rows = tuple((_label(each, several), *(_cell(each, name) for name in metrics)) for each in its)
        yield Table(("part and system", *metrics), rows, title=task)


def _label(each: PartScores, several_splits: bool) -> str:
    return f"{each.part}: {each.system}{f', {each.split}' if several_splits else ''}"


def _cell(each: PartScores, name: str) -> str:
    value = each.scores.get(name)
    return f"{value:,.0f}" if name == "gold" and value is not None else points(value) if value is not None else MISSING
