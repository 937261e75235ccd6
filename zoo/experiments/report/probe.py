"""The report of a probe: the score of every layer, beside an encoder with random weights and beside baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import JsonValue

from zoo.core.specs import Record
from zoo.document import MISSING, Axis, Chart, Document, Figure, Notes, Panel, Point, Section, Series, Table
from zoo.experiments.report.differences import interval_and_p
from zoo.experiments.report.plots import LEAST_SPAN
from zoo.experiments.statistics.bootstrap import Array, resampled
from zoo.experiments.statistics.decisions import decided
from zoo.experiments.statistics.draft import draft
from zoo.experiments.statistics.error import LEVEL, error_of
from zoo.experiments.statistics.tests import N_DRAWS, Difference
from zoo.tasks.scoring import Scored, main_limits, main_score, score

RANDOM = "random weights"
"""The control: the same encoder with weights as before any training."""


class LayerScore(Record):
    """The main score of one layer's head: mean over seeds, and the 95% interval over seeds and items."""

    layer: int
    values: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ProbeReport:
    """A probe's predictions by system, layer and seed, and scores of baselines; `source` says what was probed."""

    source: str
    task: Scored
    gold: Mapping[str, Sequence[Any]]
    answers: Mapping[str, Sequence[Sequence[Mapping[str, Sequence[Any]]]]]
    baselines: Mapping[str, float]
    settings: Mapping[str, JsonValue]

    @cached_property
    def values(self) -> dict[str, list[Array]]:
        """By system and layer, the main score of each seed. [K]"""
        return {
            system: [np.array([self._score(answers) for answers in seeds]) for seeds in layers]
            for system, layers in self.answers.items()
        }

    @cached_property
    def drawn(self) -> dict[str, list[Array]]:
        """The same on drawn items. [R, K]"""
        return {
            system: [
                resampled(
                    self.task, self.gold, {split: [each[split] for each in seeds] for split in self.gold}, N_DRAWS
                )
                for seeds in layers
            ]
            for system, layers in self.answers.items()
        }

    @cached_property
    def layers(self) -> dict[str, list[LayerScore]]:
        """By system, the score of each layer; the first is the embeddings."""
        return {system: [self._layer(system, n) for n in range(len(its))] for system, its in self.values.items()}

    @cached_property
    def differences(self) -> list[Difference]:
        """Of each layer to that of the random encoder, corrected by Holm over layers; none without it."""
        if len(self.values) < 2:
            return []
        (first, ours), (second, theirs) = self.values.items()
        drafts = [
            draft(
                f"layer {layer}", first, second, ours[layer] - theirs[layer],
                self.drawn[first][layer] - self.drawn[second][layer], self.n_items,
            )
            for layer in range(len(ours))
        ]  # fmt: skip
        return decided(drafts)

    @property
    def n_items(self) -> int:
        """The items of the smallest development split."""
        return min(map(len, self.gold.values()))

    @property
    def document(self) -> Document:
        """A row and a point per layer."""
        section = Section("layers", "Layers", (self._figure(), self._table(), self._notes()), brief=True)
        return Document(f"Probe of {self.source} on {self.task.name}", (section,), self._data)

    def _score(self, answers: Mapping[str, Sequence[Any]]) -> float:
        return main_score(self.task, {split: score(self.task, self.gold[split], answers[split]) for split in self.gold})

    def _layer(self, system: str, layer: int) -> LayerScore:
        values, drawn = self.values[system][layer], self.drawn[system][layer]
        mean, error = float(values.mean()), error_of(values, drawn, self.n_items, fixed=len(values) == 1)
        half = error.reach(LEVEL) if error.known else 0.0
        least, most = main_limits(self.task)
        low, high = max(mean - half, least), min(mean + half, most)
        return LayerScore(layer=layer, values=tuple(values.tolist()), mean=mean, low=low, high=high)

    def _table(self) -> Table:
        systems = list(self.layers)
        columns = ["layer", *(f"{system} x 100" for system in systems)]
        columns += ["difference x 100", "95% interval", "p", "verdict"] if self.differences else []
        rows = [
            (_called(layer), *(_shown(self.layers[system][layer]) for system in systems), *self._difference(layer))
            for layer in range(len(self.layers[systems[0]]))
        ]
        empty = [MISSING] * (len(columns) - 2)
        rows += [(name, f"{100 * value:.1f}", *empty) for name, value in self.baselines.items()]
        rules = frozenset({len(self.layers[systems[0]])}) if self.baselines else frozenset[int]()
        return Table(tuple(columns), tuple(rows), words={"verdict"}, rules=rules)

    def _difference(self, layer: int) -> tuple[str, ...]:
        if not self.differences:
            return ()
        found = self.differences[layer]
        return f"{100 * found.difference:+z.1f}", *interval_and_p(found), found.verdict

    def _figure(self) -> Figure:
        series = [each for system, layers in self.layers.items() for each in _series(system, layers)]
        ends = (0, len(next(iter(self.layers.values()))) - 1)
        series += [
            Series(name, tuple(Point(end, 100 * value) for end in ends), "line")
            for name, value in self.baselines.items()
        ]
        panel = Panel("", tuple(series), Axis("layer; 0 is the embeddings"), Axis("score x 100", least_span=LEAST_SPAN))
        title = f"{', '.join(self.task.metrics)} x 100 by layer, with the 95% interval"
        return Figure(title, Chart((panel,), (*self.layers, *self.baselines)))

    def _notes(self) -> Notes:
        best = max(self.layers[next(iter(self.layers))], key=lambda each: each.mean)
        lines = [
            "A linear head per layer and seed, on a frozen encoder: mean over seeds, and in brackets the 95% interval "
            f"over seeds and development items; {_settings(self.settings)}.",
            f"Best: layer {best.layer}. It was chosen on these items, so its score is slightly optimistic.",
        ]
        if self.differences:
            lines.append(
                f"{RANDOM.capitalize()}: the same encoder before any training, with the same tokenizer; scores that "
                "its layers reach too are not due to pre-training (Hewitt and Liang 2019). Holm over layers."
            )
        return Notes(tuple(lines))

    def _data(self) -> dict[str, JsonValue]:
        return {
            "source": self.source,
            "task": self.task.name,
            "metrics": list(self.task.metrics),
            "settings": dict(self.settings),
            "layers": {system: [each.model_dump(mode="json") for each in its] for system, its in self.layers.items()},
            "differences": [each.model_dump(mode="json") for each in self.differences],
            "baselines": dict(self.baselines),
        }


def _called(layer: int) -> str:
    return f"{layer}, the embeddings" if layer == 0 else str(layer)


def _series(system: str, layers: Sequence[LayerScore]) -> Iterator[Series]:
    points = tuple(Point(each.layer, 100 * each.mean, y_range=(100 * each.low, 100 * each.high)) for each in layers)
    yield Series(system, points, "line")
    yield Series(system, points)


def _shown(found: LayerScore) -> str:
    return f"{100 * found.mean:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _settings(settings: Mapping[str, JsonValue]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
