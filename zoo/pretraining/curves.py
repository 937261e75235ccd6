"""Learning curves of pre-trainings, drawn from their logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.core.files import write_text
from zoo.document import Axis, Chart, Panel, Point, Series
from zoo.document.svg import standalone
from zoo.pretraining.log import read_log

POINTS = 60
TITLE = "Losses and accuracies over the tokens read: lines for training, dots for held-out text"


def draw(folders: Sequence[Path], output: Path, names: Sequence[str]) -> None:
    """Write an SVG file of the losses and accuracies of runs, over the tokens read."""
    write_text(output, standalone(curves(folders, names), TITLE))


def curves(folders: Sequence[Path], names: Sequence[str]) -> Chart:
    """A panel for losses and one for accuracies, if any was measured: lines for training, dots for held-out text."""
    found = dict(zip(names, (list(read_log(folder)) for folder in folders), strict=True))
    panels = []
    for field, label, scale, least in (("loss", "loss, nats", 1, 0.2), ("accuracy", "accuracy x 100", 100, 10.0)):
        series = tuple(
            each
            for name, lines in found.items()
            for each in _series(lines, field, scale, f"{name} " if len(found) > 1 else "")
        )
        panels += [Panel("", series, Axis("tokens read"), Axis(label, least_span=least))] if series else []
    return Chart(tuple(panels), tuple(dict.fromkeys(each.name for panel in panels for each in panel.series)))


def _series(lines: Sequence[dict[str, Any]], field: str, scale: int, prefix: str) -> Iterator[Series]:
    steps = [line for line in lines if line["event"] == "step"]
    for name in sorted({name for line in steps for name in line[field]}):
        points = np.array([(line["tokens"], scale * line[field][name]) for line in steps if name in line[field]])
        means = [chunk.mean(axis=0) for chunk in np.array_split(points, min(POINTS, len(points)))]
        yield Series(prefix + name, tuple(Point(float(at), float(value)) for at, value in means), "line")
        held_out = [line for line in lines if line["event"] == "evaluation" and name in line]
        scored = [(line["step"], scale * line[name][field]) for line in held_out if line[name][field] is not None]
        tokens = {line["step"]: float(line["tokens"]) for line in steps}
        yield Series(prefix + name, tuple(Point(tokens[step], value) for step, value in scored if step in tokens))
