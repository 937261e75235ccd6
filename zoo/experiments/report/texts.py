"""Reports of texts and of gaps: log-probabilities, perplexities, candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from zoo.document import MISSING, Document, Notes, Section, Table

if TYPE_CHECKING:
    from zoo.inference.text_scores import Gap, TextScore

LONGEST = 60
"""Characters of a text that a table shows."""


@dataclass(frozen=True)
class TextReport:
    """Scores of texts by one model or more."""

    source: str
    texts: Sequence[str]
    scores: Mapping[str, Sequence[TextScore]]
    methods: Mapping[str, str]

    @property
    def document(self) -> Document:
        """The perplexity of all texts, then each text's."""
        sections = (
            Section("perplexity", "Perplexity", (self._summary(), self._notes()), brief=True),
            Section("texts", "Texts", (self._table(),), brief=True),
        )
        return Document(f"Texts: {self.source}", sections, self._data)

    def _summary(self) -> Table:
        columns = ("model", "texts", "tokens", "log-probability", "perplexity per token", "perplexity per word")
        totals = {model: summed(scores) for model, scores in self.scores.items()}
        rows = tuple(
            (model, f"{len(self.texts):,}", f"{total.n_tokens:,}", f"{total.log_probability:.2f}", *perplexities(total))
            for model, total in totals.items()
        )
        return Table(columns, rows)

    def _table(self) -> Table:
        of = [f" {model}" if len(self.scores) > 1 else "" for model in self.scores]
        names = [f"{what}{model}" for model in of for what in ("log-probability", "perplexity per token")]
        rows = tuple(
            (str(number), *(cell for score in scores for cell in _cells(score)), text[:LONGEST])
            for number, (text, *scores) in enumerate(zip(self.texts, *self.scores.values(), strict=True), 1)
        )
        return Table(("text", *names, "begins"), rows, words={"begins"})

    def _notes(self) -> Notes:
        lines = [f"{model}: {method}." for model, method in self.methods.items()]
        for model, scores in self.scores.items():
            cut = sum(each.cut for each in scores)
            of = f"of {len(scores):,} texts"
            lines += [f"{model} read {cut} {of} only in part, because they exceed its maximum length."] * bool(cut)
        lines.append("Log-probabilities are in nats. Perplexity per token depends on how a tokenizer splits words.")
        return Notes(tuple(lines))

    def _data(self) -> dict[str, JsonValue]:
        return {
            "methods": dict(self.methods),
            "scores": {model: [asdict(each) for each in scores] for model, scores in self.scores.items()},
        }


@dataclass(frozen=True)
class GapReport:
    """Candidates for gaps, scored by one model or more: by model and gap, the log-probability of each candidate."""

    source: str
    gaps: Sequence[Gap]
    scores: Mapping[str, Sequence[Sequence[float]]]
    methods: Mapping[str, str]

    @property
    def document(self) -> Document:
        """Each gap's candidates, most probable first for the first model."""
        table = Table(("text", "candidate", *self._columns()), tuple(self._rows()), words={"candidate"})
        lines = [f"{model}: {method}." for model, method in self.methods.items()]
        lines.append(
            "Probabilities are over these candidates only; the log-probability of a candidate of several "
            "tokens is their sum."
        )
        section = Section("gaps", "Candidates", (table, Notes(tuple(lines))), brief=True)
        return Document(f"Gaps: {self.source}", (section,), self._data)

    def probabilities(self, model: str) -> list[list[float]]:
        """Of each gap's candidates, 1 in all."""
        return [_softmax(logs) for logs in self.scores[model]]

    def _columns(self) -> Iterator[str]:
        for model in self.scores:
            suffix = f" {model}" if len(self.scores) > 1 else ""
            yield from (f"log-probability{suffix}", f"probability{suffix}")

    def _rows(self) -> Iterator[tuple[str, ...]]:
        shares = {model: self.probabilities(model) for model in self.scores}
        for number, gap in enumerate(self.gaps):
            first = next(iter(self.scores.values()))[number]
            for place in sorted(range(len(gap.candidates)), key=lambda place: -first[place]):
                cells = (
                    cell
                    for model, scores in self.scores.items()
                    for cell in (f"{scores[number][place]:.3f}", f"{shares[model][number][place]:.4f}")
                )
                yield (f"{number + 1}: {gap.filled('...')}"[:LONGEST], gap.candidates[place], *cells)

    def _data(self) -> dict[str, JsonValue]:
        return {
            "methods": dict(self.methods),
            "gaps": [asdict(gap) for gap in self.gaps],
            "log_probabilities": {model: [list(logs) for logs in scores] for model, scores in self.scores.items()},
        }


def summed(scores: Sequence[TextScore]) -> TextScore:
    """Several texts as one."""
    first, *others = scores
    for other in others:
        first = type(first)(
            first.log_probability + other.log_probability,
            first.n_tokens + other.n_tokens,
            first.n_words + other.n_words,
            first.cut or other.cut,
        )
    return first


def perplexities(score: TextScore) -> tuple[str, str]:
    """Per token and per word: exp(-log-probability / n); Salazar et al. 2020, section 2.3."""
    return _perplexity(score.log_probability, score.n_tokens), _perplexity(score.log_probability, score.n_words)


def _perplexity(log_probability: float, n: int) -> str:
    rate = -log_probability / n if n else float("inf")
    return f"{exp(rate):,.2f}" if rate < 100 else MISSING


def _cells(score: TextScore) -> tuple[str, str]:
    return f"{score.log_probability:.3f}", perplexities(score)[0]


def _softmax(logs: Sequence[float]) -> list[float]:
    weights = np.exp(np.array(logs) - max(logs))
    shares: list[float] = (weights / weights.sum()).tolist()
    return shares
