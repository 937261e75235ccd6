"""The section on probabilities: how far they are from the share of right answers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from zoo.document import Axis, Chart, Figure, Notes, Panel, Point, Section, Series, Table
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.calibration import N_BINS, Calibration, calibrations

TITLE = "Reliability: share of correct predictions against mean probability; the closer to the diagonal, the better"


def calibration_section(run: ComparisonRun) -> Section | None:
    """A row per task and system, and reliability plots; None if no probabilities are kept."""
    found = list(calibrations(run))
    if not found:
        return None
    figure = Figure(TITLE, reliability_chart(found), reliability_table(found))
    return Section("calibration", "Calibration", (calibration_table(found), Notes((note(),)), figure))


def note() -> str:
    """What is measured, and of what."""
    return (
        f"ECE is the expected calibration error in {N_BINS} bins of equal width (Guo et al. 2017), mean ± standard "
        "deviation over seeds, x 100: the mean distance between probability and share of correct "
        "predictions. A prediction is a class or a choice; in multi-label tasks, each label; in tagging, "
        "the tag of each word that was read; in question answering, the span, which is correct if it matches an answer "
        "exactly. Baselines have no probabilities."
    )


def calibration_table(found: Sequence[Calibration]) -> Table:
    """A row per task and system."""
    rows = tuple(
        (
            f"{each.task}: {each.system}",
            spread(each.ece),
            f"{100 * each.confidence:.1f}",
            f"{100 * each.accuracy:.1f}",
            f"{100 * (each.confidence - each.accuracy):+z.1f}",
            f"{each.n_answers:,}",
        )
        for each in found
    )
    return Table(("task and system", "ECE", "mean probability", "right", "overconfidence", "answers"), rows)


def reliability_table(found: Sequence[Calibration]) -> Table:
    """A row per task, system and bin that holds an answer; the seeds together."""
    rows = tuple(
        (
            f"{each.task}: {each.system}",
            f"{one.low:.3f}-{one.high:.3f}",
            f"{100 * one.confidence:.1f}",
            f"{100 * one.accuracy:.1f}",
            f"{one.n:,}",
        )
        for each in found
        for one in each.bins
    )
    return Table(("task and system", "probability above", "mean probability", "right", "answers of all seeds"), rows)


def reliability_chart(found: Sequence[Calibration]) -> Chart:
    """A panel per task, a line per system."""
    systems, tasks = (tuple(dict.fromkeys(names)) for names in zip(*((e.system, e.task) for e in found), strict=True))
    return Chart(tuple(_reliability(task, [each for each in found if each.task == task]) for task in tasks), systems)


def _reliability(task: str, found: Sequence[Calibration]) -> Panel:
    series = []
    for each in found:
        points = tuple(Point(100 * one.confidence, 100 * one.accuracy) for one in each.bins)
        series += [Series(each.system, points, "line"), Series(each.system, points)]
    return Panel(task, tuple(series), Axis("mean probability x 100"), Axis("right x 100"), diagonal=True)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, x 100."""
    return f"{100 * fmean(values):.1f}" + (f" ± {100 * stdev(values):.1f}" if len(values) > 1 else "")
