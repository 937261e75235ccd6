"""Masked tokens and next sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from zoo import IGNORE, Batch, Ids, Output, Passage, ZooError
from zoo.blocks import MaskedTokens, PairObjective, next_tokens, predict_next_tokens
from zoo.core.corpus import TokenCorpus
from zoo.text.packing import partners

__all__ = ["MaskedTokens", "NextSentence", "NextToken"]


class NextToken(MaskedTokens):
    """Predict each token from those before it; "LTR", Devlin et al. 2019, section 5.1."""

    causal = True

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token but the first of its sequence. Scalar."""
        return (next_tokens(batch) != IGNORE).sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V], M = T - B."""
        return predict_next_tokens(self.head, hidden, batch, self.table(token_table))


class NextSentence(PairObjective):
    """Distinguish the next text (0) from text of another document (1); Devlin et al. 2019, section 3.1, task 2.

    Where google-research/bert, create_pretraining_data.py, fills up with text from a random place, here two passages of
    different documents exchange their second parts. So every text is read once, and neither a length nor a cut sentence
    shows which segment is random: random ones are the real ones of other passages.
    """

    label = "bert.nsp"

    def prepare(self, passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> list[Passage]:
        """A random half of the passages exchange second parts; those without a partner have no label.

        Partners have second parts of the same length, or the longer is cut. So that this does not reveal the label,
        unchanged passages get partners and are cut alike. Raises ZooError if the corpus has a single document, or a
        passage a single part.
        """
        if corpus.n_documents < 2:
            raise ZooError(
                "bert.nsp takes text of other documents, and the corpus has one; separate documents by blank lines"
            )
        alike: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for index, label in enumerate(rng.integers(2, size=len(passages)).tolist()):
            alike[label, *passages[index].cuts[1:]].append(index)
        made = list(passages)
        for (label, *_), members in sorted(alike.items()):
            lengths = [len(_second(passages[index])) for index in members]
            for one, other in partners(lengths, [passages[index].document for index in members], rng):
                self._label(made, members[one], members[other], label)
        return made

    def _label(self, made: list[Passage], one: int, other: int, label: int) -> None:
        """Cut two second parts to the same length, and exchange them if the label is 1."""
        seconds = [_second(made[one]), _second(made[other])]
        length = min(map(len, seconds))
        for index, second in zip((one, other), seconds[::-1] if label else seconds, strict=True):
            made[index] = replace(made[index], second=second[:length], labels={**made[index].labels, self.label: label})


def _second(passage: Passage) -> Ids:
    if passage.second is None:
        raise ZooError("bert.nsp needs passages of two parts; use a packing of pairs, such as bert.segment_pair")
    return passage.second
