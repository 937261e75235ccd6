"""The report of minimal pairs: accuracies, differences and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from pydantic import JsonValue

from zoo.document import Axis, Chart, Document, Figure, Notes, Panel, Point, Section, Series, Table
from zoo.experiments.statistics.pairs import ALL, Accuracy, PairedDifference, Right, accuracies, differences, groups_of
from zoo.tasks.kinds.minimal_pairs import TIE
from zoo.tasks.minimal_pairs import MinimalPair, content_hash

if TYPE_CHECKING:
    from zoo.inference.text_scores import TextScore

Level: TypeAlias = Literal["field", "term", "phenomenon"]
LEVELS: tuple[Level, ...] = ("field", "term", "phenomenon")

MOST_ROWS = 80
"""Groups that are drawn."""

SHORTER = "shorter"
"""The baseline that prefers the sentence of fewer characters."""


@dataclass(frozen=True)
class PairReport:
    """Scores of minimal pairs by one model or more: by model, the good and the bad sentence's of each pair."""

    source: str
    pairs: Sequence[MinimalPair]
    scores: Mapping[str, Sequence[tuple[TextScore, TextScore]]]
    methods: Mapping[str, str]

    @cached_property
    def right(self) -> dict[str, Right]:
        """By model, whether the good sentence of each pair is the more probable; a tie is not right. [N]"""
        return {model: np.array([margin(*pair) > TIE for pair in scores]) for model, scores in self.scores.items()}

    @cached_property
    def groups(self) -> dict[str, dict[str, Right]]:
        """The pairs of each group, by level, wide to narrow; a level with a single group is left out."""
        found = {level: groups_of(self.pairs, level) for level in LEVELS}
        return {ALL: {ALL: np.ones(len(self.pairs), bool)}} | {
            level: groups for level, groups in found.items() if len(groups) > 1
        }

    @cached_property
    def accuracies(self) -> dict[str, dict[str, tuple[Accuracy, ...]]]:
        """By level and model, the accuracy on each group."""
        return {
            level: {model: accuracies(right, groups) for model, right in self.right.items()}
            for level, groups in self.groups.items()
        }

    @cached_property
    def differences(self) -> tuple[PairedDifference, ...]:
        """Of every two models, on all pairs and by phenomenon."""
        return differences(self.right, self.groups.get("phenomenon", {}))

    @property
    def document(self) -> Document:
        """Accuracy by group, differences with verdicts, and how they were made."""
        sections = [Section("accuracy", "Accuracy", (self._figure(), self._table(), self._notes()), brief=True)]
        if self.differences:
            sections.append(Section("differences", "Differences", (self._verdicts(),), brief=True))
        return Document(f"Minimal pairs: {self.source}", tuple(sections), self._data)

    def _table(self) -> Table:
        rows: list[tuple[str, ...]] = []
        rules: set[int] = set()
        for level, groups in self.groups.items():
            rules.add(len(rows))
            for place, (name, members) in enumerate(groups.items()):
                found = (shown(its[place]) for its in self.accuracies[level].values())
                rows.append((name, str(int(members.sum())), *found, f"{100 * self._shorter(members):.1f}"))
        columns = ("group", "pairs", *(f"{model} x 100" for model in self.scores), f"{SHORTER} x 100")
        return Table(columns, tuple(rows), rules=frozenset(rules))

    def _shorter(self, members: Right) -> float:
        signs = [np.sign(len(pair.bad) - len(pair.good)) for pair, its in zip(self.pairs, members, strict=True) if its]
        return float(np.mean(signs)) / 2 + 0.5

    def _figure(self) -> Figure:
        level = list(self.groups)[-1]
        rows = tuple(self.groups[level])[:MOST_ROWS]
        series = tuple(
            Series(model, tuple(_point(row, each) for row, each in enumerate(found[:MOST_ROWS])))
            for model, found in self.accuracies[level].items()
        )
        panel = Panel("", series, Axis("accuracy x 100"), rows=rows, x_line=50.0)
        return Figure("Accuracy with its 95% interval; at 50, chance", Chart((panel,), tuple(self.scores)))

    def _verdicts(self) -> Table:
        columns = ("difference", "x 100", "interval", "only first", "only second", "p", "verdict")
        rows = tuple(
            (
                f"{d.group}: {d.first} - {d.second}",
                f"{100 * d.difference:+z.1f}",
                f"{100 * d.low:+z.1f} to {100 * d.high:+z.1f}",
                str(d.only_first),
                str(d.only_second),
                "< 0.001" if d.adjusted_p < 0.001 else f"{d.adjusted_p:.3f}",
                d.verdict,
            )
            for d in self.differences
        )
        return Table(columns, rows, words=frozenset({"verdict"}))

    def _notes(self) -> Notes:
        lines = [f"{model}: {method}." for model, method in self.methods.items()]
        for model, scores in self.scores.items():
            of, n_ties = f"of {len(scores):,} pairs", sum(abs(margin(*pair)) <= TIE for pair in scores)
            n_cut = sum(good.cut or bad.cut for good, bad in scores)
            lines += [
                f"{model} gives equal probability to both sentences of {n_ties} {of}; these count as wrong."
            ] * bool(n_ties)
            lines += [f"{model} read {n_cut} {of} only in part, because they exceed its maximum length."] * bool(n_cut)
        lines.append("Intervals of accuracies are Wilson's, over pairs. Models are as they are, without seeds.")
        if self.differences:
            lines.append(
                "Verdicts: McNemar's exact test at 5%, on the same pairs; Holm over phenomena, not over models. The "
                "intervals of differences are those of the test: they exclude 0 exactly where a model is better."
            )
        return Notes((*lines, f"{len(self.pairs):,} pairs of {self.source}, SHA-256 {content_hash(self.pairs)[:16]}."))

    def _data(self) -> dict[str, JsonValue]:
        return {
            "source": self.source,
            "content_hash": content_hash(self.pairs),
            "methods": dict(self.methods),
            "accuracies": {
                level: {model: [each.model_dump() for each in its] for model, its in by_model.items()}
                for level, by_model in self.accuracies.items()
            },
            "differences": [d.model_dump() for d in self.differences],
            "pairs": [self._pair(number, pair) for number, pair in enumerate(self.pairs)],
        }

    def _pair(self, number: int, pair: MinimalPair) -> dict[str, JsonValue]:
        both = {model: [score.log_probability for score in scores[number]] for model, scores in self.scores.items()}
        return {**asdict(pair), "log_probabilities": both}


def margin(good: TextScore, bad: TextScore) -> float:
    """By how much the good sentence is the more probable, in nats."""
    return good.log_probability - bad.log_probability


def shown(found: Accuracy) -> str:
    """An accuracy and its interval, x 100."""
    return f"{100 * found.accuracy:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _point(row: int, found: Accuracy) -> Point:
    return Point(100 * found.accuracy, row, x_range=(100 * found.low, 100 * found.high))
