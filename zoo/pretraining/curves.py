"""Learning curves of runs, drawn from their logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.document.plotting import grid, styled
from zoo.pretraining.log import read_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 60


def draw(folders: Sequence[Path], outputs: Sequence[Path], names: Sequence[str]) -> None:
    """Losses and accuracies over the tokens read, lines for training and dots for held-out text.

    Raises ZooError if matplotlib is not installed.
    """
    with styled():
        figure = _figure(folders, names)
        for output in outputs:
            figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, dpi=150)


def _figure(folders: Sequence[Path], names: Sequence[str]) -> Figure:
    figure, (left, right) = grid(2, columns=2, height=4)
    colors: dict[str, str] = {}
    for folder, name in zip(folders, names, strict=True):
        lines = list(read_log(folder))
        for axes, field, scale in ((left, "loss", 1), (right, "accuracy", 100)):
            _curves(axes, lines, field, scale, f"{name} " if len(folders) > 1 else "", colors)
    for axes, title in ((left, "loss, nats"), (right, "accuracy x 100")):
        axes.set_xlabel("tokens read")
        axes.set_title(title)
        axes.grid(alpha=0.3)
    if left.has_data():
        figure.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    return figure


def _curves(
    axes: Axes, lines: Sequence[dict[str, Any]], field: str, scale: int, prefix: str, colors: dict[str, str]
) -> None:
    steps = [line for line in lines if line["event"] == "step"]
    for name in sorted({name for line in steps for name in line[field]}):
        points = np.array([(line["tokens"], scale * line[field][name]) for line in steps if name in line[field]])
        means = [chunk.mean(axis=0) for chunk in np.array_split(points, min(POINTS, len(points)))]
        color = colors.setdefault(prefix + name, f"C{len(colors)}")
        axes.plot(*np.transpose(means), color=color, label=prefix + name, linewidth=1)
        held_out = [line for line in lines if line["event"] == "evaluation" and name in line]
        scored = [(line["step"], scale * line[name][field]) for line in held_out if line[name][field] is not None]
        if scored:
            numbers, scores = zip(*scored, strict=True)
            tokens = np.interp(numbers, [line["step"] for line in steps], [line["tokens"] for line in steps])
            axes.plot(tokens, scores, "o", color=color, markersize=4)
