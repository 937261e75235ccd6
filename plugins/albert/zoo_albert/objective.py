"""Sentence order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from zoo import Dims, Flags, Passage, ZooError
from zoo.blocks import PairObjective
from zoo.core.corpus import TokenCorpus
from zoo.text.packing import partners


class SentenceOrder(PairObjective):
    """Distinguish two consecutive segments in order (0) from the same two swapped (1); Lan et al. 2020, section 3.1.

    If a chunk holds one sentence, the released code falls back to a random document's text, which is next-sentence
    prediction. Here such chunks make no pair, unless `fallback` is set and the packing leaves them
    (bert.segment_pair with lone_sentences); each is then marked by a label of its own, so that they can be counted.
    """

    label = "albert.sop"
    fallback_label = "albert.sop.fallback"

    def __init__(self, dims: Dims, *, fallback: bool = False, pair: Literal["joint", "compare"] = "joint") -> None:
        super().__init__(dims, pair=pair)
        self.fallback = fallback

    def prepare(self, passages: Sequence[Passage], corpus: TokenCorpus, rng: np.random.Generator) -> list[Passage]:
        """A random half of the passages have their two parts swapped; one whose form reveals the order has no label.

        A cut sentence reveals it, unless all three borders cut one. Lengths reveal it, unless another passage has
        (nearly) the same lengths in the other order: only such partners have labels. Raises ZooError if a passage has a
        single part and there is no `fallback`.
        """
        made, documents = list(passages), np.array([passage.document for passage in passages])
        uneven: dict[bool, list[int]] = {False: [], True: []}
        for index, passage in enumerate(passages):
            if passage.second is None:
                made[index] = self._with_random_segment(passage, passages, documents != passage.document, rng)
            elif len(set(passage.cuts)) > 1:
                continue
            elif len(passage.first) == len(passage.second):
                made[index] = self._ordered(passage, rng)
            else:
                uneven[passage.cuts[0]].append(index)
        for members in uneven.values():
            lengths = [(len(passages[index].first), len(passages[index])) for index in members]
            places = [sorted((first, both - first)) for first, both in lengths]
            for pair in partners(places, [2 * first < both for first, both in lengths], rng):
                for index in (members[place] for place in pair):
                    made[index] = self._ordered(passages[index], rng)
        return made

    def _ordered(self, passage: Passage, rng: np.random.Generator) -> Passage:
        """The two parts as they are or swapped, by chance."""
        labels = {**passage.labels, self.label: int(rng.integers(2))}
        if not labels[self.label] or passage.second is None:
            return replace(passage, labels=labels)
        return replace(passage, first=passage.second, second=passage.first, labels=labels)

    def _with_random_segment(
        self, passage: Passage, passages: Sequence[Passage], elsewhere: Flags, rng: np.random.Generator
    ) -> Passage:
        """The passage with text of another document, if there is any among them."""
        if not self.fallback:
            raise ZooError("albert.sop needs passages of two parts; use a packing of pairs, such as bert.segment_pair")
        if not elsewhere.any():
            return passage
        other = passages[int(rng.choice(np.flatnonzero(elsewhere)))]
        second = other.first if other.second is None else other.second
        return replace(passage, second=second, labels={**passage.labels, self.label: 1, self.fallback_label: 1})
