"""The parts that a variant needs besides its model: a folder's own tokenizer, and text as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo import Packing, Passage
from zoo.core.corpus import TokenCorpus
from zoo.text.byte_level import ByteLevelTokenizer
from zoo.text.rust_tokenizer import SpecialTokens


class FolderTokenizer(ByteLevelTokenizer):
    """The tokenizer.json of a folder as it is; without a folder, byte-level BPE, Radford et al. 2019, section 2.2."""

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<s>", sep="</s>", mask="<mask>")


class Documents(Packing):
    """One document after the other, cut where a passage is full."""

    pairs = False

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """The documents in a new order, each from its beginning."""
        for document in rng.permutation(len(corpus.document_offsets) - 1).tolist():
            sentences = corpus.document_offsets[document], corpus.document_offsets[document + 1]
            start, end = (int(corpus.sentence_offsets[at]) for at in sentences)
            for at in range(start, end, capacity):
                yield Passage(document, corpus.ids[at : min(at + capacity, end)])
