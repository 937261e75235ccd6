"""Training items, some of them changed anew in each epoch, as the fields of `Augmentation` say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch

from zoo.core.augmentation import TEXT_WAYS, Augmentation
from zoo.core.batch import MIX, Batch, Encoding
from zoo.core.interfaces import Tokenizer
from zoo.core.seeds import seed_of
from zoo.tasks.kinds import EncodedItem, TaskKind
from zoo.tasks.task import Example, Label
from zoo.text.synonyms import Synonyms
from zoo.text.word_masking import word_borders

Rng: TypeAlias = np.random.Generator

Learned: TypeAlias = tuple[EncodedItem, Label]

Words: TypeAlias = list[tuple[str, int]]
"""Words of a text, each with the place of the word that it stands for."""


@dataclass(frozen=True)
class Augmenter:
    """Changes items of a kind of task in the ways that a recipe gives.

    What is drawn for an item depends on the seed, the epoch and the item's number alone, and so on no batch.
    """

    kind: TaskKind
    tokenizer: Tokenizer
    recipe: Augmentation
    seed: int
    max_length: int
    synonyms: Synonyms | None = None

    def changed(self, items: Sequence[Example], encoded: Sequence[EncodedItem], epoch: int) -> dict[int, Learned]:
        """By number, the items that are others in an epoch."""
        texts: dict[int, Example] = {}
        found: dict[int, Learned] = {}
        for number, item in enumerate(items):
            rng = np.random.default_rng(seed_of("augmentation", self.seed, epoch, number))
            if rng.random() >= self.recipe.augmented:
                continue
            way = str(rng.choice(self.recipe.ways))
            if way in TEXT_WAYS:
                new = self.kind.reworded(item, self._rewording(way, rng))
                if new != item:
                    texts[number] = new
            else:
                found[number] = self._hidden(encoded[number], way, rng), item.label
        again, _ = self.kind.encode([*texts.values()], self.tokenizer, self.max_length)
        return found | {number: (new, texts[number].label) for number, new in zip(texts, again, strict=True)}

    def _rewording(self, way: str, rng: Rng) -> Callable[[Sequence[str]], Words]:
        share = getattr(self.recipe, way)

        def change(texts: Sequence[str]) -> Words:
            words = [(word, place) for place, word in enumerate(texts)]
            return WAYS[way](words, max(1, round(share * len(words))), rng, self.synonyms) if words else words

        return change

    def _hidden(self, item: EncodedItem, way: str, rng: Rng) -> EncodedItem:
        """The item with words of each of its sequences hidden behind the mask."""
        if item.windows:
            windows = tuple(self._hidden(window, way, rng) for window in item.windows)
            return replace(item, windows=windows, encodings=tuple(window.encodings[0] for window in windows))
        share = getattr(self.recipe, way)
        hidden = tuple(hide(its, share, self.tokenizer, rng, at_once=way == "cut_out") for its in item.encodings)
        return replace(item, encodings=hidden)


def hide(encoding: Encoding, share: float, tokenizer: Tokenizer, rng: Rng, *, at_once: bool) -> Encoding:
    """A sequence with a share of its words masked, here and there or one run of them."""
    begins, ends = word_borders(encoding.ids, np.array([len(encoding)]), encoding.special, tokenizer)
    if not len(begins):
        return encoding
    n = max(1, round(share * len(begins)))
    start = int(rng.integers(len(begins) - n + 1)) if at_once else 0
    words = range(start, start + n) if at_once else rng.permutation(len(begins))[:n].tolist()
    ids = encoding.ids.copy()
    for word in words:
        ids[begins[word] : ends[word]] = tokenizer.mask_id
    return replace(encoding, ids=ids)


def duplicated(words: Words, n: int, rng: Rng, _: Synonyms | None) -> Words:
    """n words stand twice."""
    twice = {*rng.permutation(len(words))[:n].tolist()}
    return [word for place, word in enumerate(words) for _ in range(1 + (place in twice))]


def swapped(words: Words, n: int, rng: Rng, _: Synonyms | None) -> Words:
    """n times, two words change places."""
    words = [*words]
    for _turn in range(n if len(words) > 1 else 0):
        one, other = rng.permutation(len(words))[:2].tolist()
        words[one], words[other] = words[other], words[one]
    return words


def deleted(words: Words, n: int, rng: Rng, _: Synonyms | None) -> Words:
    """Without n words, but never without the last one."""
    gone = {*rng.permutation(len(words))[: min(n, len(words) - 1)].tolist()}
    return [word for place, word in enumerate(words) if place not in gone]


def replaced(words: Words, n: int, rng: Rng, synonyms: Synonyms | None) -> Words:
    """n words that have synonyms are replaced by one of theirs."""
    known = {
        place: others for place, (word, _) in enumerate(words) if (others := synonyms.of(word) if synonyms else [])
    }
    chosen = {*rng.permutation([*known])[:n].tolist()}
    return [
        (str(rng.choice(known[place])), origin) if place in chosen else (word, origin)
        for place, (word, origin) in enumerate(words)
    ]


WAYS: dict[str, Callable[[Words, int, Rng, Synonyms | None], Words]] = {
    "synonyms": replaced,
    "duplicated_words": duplicated,
    "swapped_words": swapped,
    "deleted_words": deleted,
}
"""By field, what makes other words of those of a text, n of them."""


def mixed_in_pairs(batch: Batch, strength: float, *place: object) -> Batch:
    """A batch whose sequences are mixed in pairs, drawn for its place in the training; a last one stays alone."""
    rng = np.random.default_rng(seed_of("mixup", *place))
    order, n = rng.permutation(len(batch.order)).tolist(), len(batch.order)
    partners, shares = [*range(n)], [1.0] * n
    for one, other in zip(order[::2], order[1::2], strict=False):
        partners[one], partners[other] = other, one
        shares[one] = shares[other] = float(rng.beta(strength, strength))
    mix = torch.tensor([shares[number] for number in batch.order], dtype=torch.float32)
    return replace(batch, partners=tuple(partners[number] for number in batch.order), labels={**batch.labels, MIX: mix})
