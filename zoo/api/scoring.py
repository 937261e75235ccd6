"""What models know without training: minimal pairs, texts, and candidates for a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from zoo.api.models import AnyModel, at_work, names_of
from zoo.api.rendered import Rendered
from zoo.core.errors import UnknownName, ZooError
from zoo.core.specs import InferencePrecision
from zoo.document import Document
from zoo.experiments.report.pairs import PairReport
from zoo.experiments.report.texts import GapReport, TextReport
from zoo.inference.likelihood import language_model
from zoo.inference.text_scores import Gap, read_gaps, read_texts, score_gap, score_pairs, score_texts
from zoo.machine.usage import measured
from zoo.model import Model
from zoo.tasks.minimal_pairs import MinimalPair, limited, read_pairs
from zoo.tasks.starter import PAIRS

T = TypeVar("T")


class HasDocument(Protocol):
    """What has a document of tables, charts and notes."""

    @property
    def document(self) -> Document: ...


@dataclass(frozen=True, repr=False)
class Reported(Rendered):
    """A report that prints as its tables, and is written in any format."""

    report: HasDocument

    @property
    def document(self) -> Document:
        """Tables, charts and notes."""
        return self.report.document


@dataclass(frozen=True, repr=False)
class Scored(Reported):
    """Scores of one model or more: `report` holds them, and what follows from them."""

    report: PairReport | TextReport | GapReport


def score(
    *models: AnyModel,
    pairs: str | Path | Sequence[MinimalPair] | None = None,
    texts: str | Path | Iterable[str] | None = None,
    cloze: str | Path | Sequence[Gap] | None = None,
    within_words: bool = False,
    limit: int | None = None,
    device: str | None = None,
    precision: InferencePrecision = "fp32",
) -> Scored:
    """Score minimal pairs, texts or candidates for a gap with pre-trained language models; as `zoo score`.

    Give one of `pairs` (a suite such as micro-pairs, a JSONL file or a folder of such files), `texts` (a file with one
    text per line) or `cloze` (a file of texts with a gap and its candidates, separated by tabs). Scores are
    pseudo-log-likelihoods of masked language models, and log-likelihoods of causal ones. With `within_words`, the
    following tokens of a masked token's word are masked too. `limit` takes the first pairs of each phenomenon. Raises
    ZooError if a model predicts no tokens, or the input is malformed.
    """
    asked = {"pairs": pairs, "texts": texts, "cloze": cloze}
    if sum(given is not None for given in asked.values()) != 1:
        raise ZooError("say what to score: one of pairs, texts and cloze, such as --pairs micro-pairs")
    how = _Scoring(models, within_words, device, precision)
    if pairs is not None:
        return Scored(_pairs(how, pairs, limit))
    return Scored(_texts(how, texts) if texts is not None else _gaps(how, cloze))


@dataclass(frozen=True)
class _Scoring:
    """With which models, and how."""

    models: Sequence[AnyModel]
    within_words: bool
    device: str | None
    precision: InferencePrecision

    def by_model(self, scored: Callable[[Model], T]) -> tuple[dict[str, T], dict[str, str]]:
        """What each model gives, one model in memory at a time; and how it was made."""
        if not self.models:
            raise ZooError("name a model to score with: its folder, such as runs/mine/model")
        scores: dict[str, T] = {}
        methods: dict[str, str] = {}
        for name, given in zip(names_of(self.models), self.models, strict=True):
            with at_work(given, self.device, self.precision) as (model, compute), measured(compute) as usage:
                if name in scores:
                    raise ZooError(f"{name} is given twice; give each model once")
                causal = language_model(model).causal
                scores[name] = scored(model)
                methods[name] = f"{self._method(causal)}; {usage()}"
        return scores, methods

    def _method(self, causal: bool) -> str:
        hidden = "the later pieces of its word hidden with it" if self.within_words else "one token hidden at a time"
        return "log-likelihood from left to right" if causal else f"pseudo-log-likelihood, {hidden}"


def _pairs(how: _Scoring, given: str | Path | Sequence[MinimalPair], limit: int | None) -> PairReport:
    source, found = _found_pairs(given)
    pairs = limited(found, limit)
    source += f", the first {limit} of each phenomenon" if len(pairs) < len(found) else ""
    scores, methods = how.by_model(lambda model: score_pairs(model, pairs, within_words=how.within_words))
    return PairReport(source, pairs, scores, methods)


def _texts(how: _Scoring, given: str | Path | Iterable[str]) -> TextReport:
    texts = list(read_texts(Path(given)) if isinstance(given, str | Path) else given)
    if not texts:
        raise ZooError(f"{_source(given)}: holds no text to score")
    scores, methods = how.by_model(lambda model: list(score_texts(model, texts, within_words=how.within_words)))
    return TextReport(_source(given), texts, scores, methods)


def _gaps(how: _Scoring, given: str | Path | Sequence[Gap] | None) -> GapReport:
    gaps = read_gaps(Path(given)) if isinstance(given, str | Path) else list(given or ())
    scores, methods = replace(how, within_words=False).by_model(lambda model: [score_gap(model, gap) for gap in gaps])
    return GapReport(_source(given), gaps, scores, methods)


def _found_pairs(given: str | Path | Sequence[MinimalPair]) -> tuple[str, Sequence[MinimalPair]]:
    """A suite by name, or files. Raises UnknownName for what is neither."""
    if not isinstance(given, str | Path):
        return _source(given), given
    if str(given) in PAIRS:
        return str(given), PAIRS[str(given)].pairs()
    if not Path(given).exists():
        raise UnknownName("suite of minimal pairs, a file or a folder", str(given), PAIRS)
    return str(given), read_pairs(Path(given))


def _source(given: object) -> str:
    return str(given) if isinstance(given, str | Path) else "given in Python"
