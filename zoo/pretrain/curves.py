"""Learning curves of runs, drawn from their logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.pretrain.journal import read_log

POINTS = 60


def draw(folders: Sequence[Path], outputs: Sequence[Path], names: Sequence[str]) -> None:
    """Losses and accuracies over the tokens read, lines for training and dots for held-out text.

    Raises ZooError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ZooError("curves need matplotlib; pip install 'encoder-zoo[plots]'") from None
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for folder, name in zip(folders, names, strict=True):
        lines = list(read_log(folder))
        for axes, field in ((left, "loss"), (right, "accuracy")):
            _curves(axes, lines, field, f"{name} " if len(folders) > 1 else "")
    for axes, title in ((left, "loss, nats"), (right, "accuracy")):
        axes.set_xlabel("tokens read")
        axes.set_title(title)
        axes.grid(alpha=0.3)
        if axes.has_data():
            axes.legend(fontsize="small")
    for output in outputs:
        figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, dpi=150)


def _curves(axes: Any, lines: Sequence[dict[str, Any]], field: str, prefix: str) -> None:
    steps = [line for line in lines if line["event"] == "step"]
    tokens_at = {line["step"]: line["tokens"] for line in steps}
    evaluations = [line for line in lines if line["event"] == "evaluation" and line["step"] in tokens_at]
    for name in sorted({name for line in steps for name in line[field]}):
        points = [(line["tokens"], line[field][name]) for line in steps if name in line[field]]
        size = max(1, len(points) // POINTS)
        chunks = [points[start : start + size] for start in range(0, len(points), size)]
        means = [[sum(column) / len(chunk) for column in zip(*chunk, strict=True)] for chunk in chunks]
        (drawn,) = axes.plot(*zip(*means, strict=True), label=prefix + name, linewidth=1)
        scored = [(tokens_at[e["step"]], e[name][field]) for e in evaluations if name in e]
        if scored:
            axes.plot(*zip(*scored, strict=True), "o", color=drawn.get_color(), markersize=4)
