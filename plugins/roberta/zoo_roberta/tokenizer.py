"""Byte-level BPE; Radford et al. 2019, section 2.2, as used by Liu et al. 2019, section 4.4."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from zoo import ZooError
from zoo.text.lines import read_lines
from zoo.text.rust_tokenizer import RustTokenizer, SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme, said_flag, template, vocabulary_in
from zoo.weights.folder import CheckpointFolder
from zoo_roberta.weights import FORMAT

VOCABULARY, MERGES = "vocab.json", "merges.txt"

Merges = Sequence[tuple[str, str]]


class ByteLevelBPE(RustTokenizer):
    """Words with the space before them, as bytes, merged pair by pair; nothing is unknown, case is kept.

    With `add_prefix_space` the first word of a text has a space before it too, so that it is the same piece
    as within a sentence; the released vocabulary was used without.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<s>", sep="</s>", mask="<mask>")

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, add_prefix_space: bool = False
    ) -> Self:
        """Merges of pairs that occur at least twice. Ids as released: <s> <pad> </s> <unk> first, <mask> last.

        Raises ZooError if the vocabulary has no room for the 256 bytes.
        """
        letters = pre_tokenizers.ByteLevel.alphabet()
        names = cls.names
        if vocab_size < len(letters) + len(names):
            least = len(letters) + len(names)
            raise ZooError(f"a vocabulary of {vocab_size} can't hold every byte; give at least {least}")
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - 1,
            min_frequency=2,
            special_tokens=[names.cls, names.pad, names.sep, names.unk],
            initial_alphabet=letters,
            show_progress=False,
        )
        learner = _assemble({}, [], add_prefix_space)
        learner.train_from_iterator(texts, trainer)
        learnt = json.loads(learner.to_str())["model"]
        vocabulary = {**learnt["vocab"], names.mask: len(learnt["vocab"])}
        rust = _assemble(vocabulary, [(left, right) for left, right in learnt["merges"]], add_prefix_space)
        trimming = {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": True}
        frame = template((names.cls, vocabulary[names.cls]), (names.sep, vocabulary[names.sep]), n_between=2)
        return cls.trained(rust, {"type": "Sequence", "processors": [trimming, frame]}, mask_takes_space=True)

    @classmethod
    def overruled(cls, document: Document, options: Mapping[str, Any]) -> Document:
        """A tokenizer.json, its splitter changed by options if that is of bytes."""
        splitter = document.get("pre_tokenizer")
        if not isinstance(splitter, dict) or splitter.get("type") != "ByteLevel":
            return document
        return {**document, "pre_tokenizer": {**splitter, **options}}


def _assemble(vocabulary: dict[str, int], merges: Merges, add_prefix_space: bool) -> tokenizers.Tokenizer:
    rust = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    rust.decoder = decoders.ByteLevel()
    return rust


def _of_folder(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces and merges, and what RobertaTokenizer of transformers 5.23 does before and after."""
    add_prefix_space = said_flag(folder, "add_prefix_space", options.get("add_prefix_space"), False)
    document: Document = json.loads(_assemble({}, [], bool(add_prefix_space)).to_str())
    document["pre_tokenizer"]["trim_offsets"] = said_flag(folder, "trim_offsets", None, True)
    if folder.tokenizer:
        pieces, merges = vocabulary_in(folder), folder.tokenizer["model"].get("merges", [])
    else:
        pieces, merges = folder.tokenizer_json(VOCABULARY, "a JSON object of piece to id"), _read_merges(folder)
    document["model"] |= {"vocab": pieces, "merges": merges}
    return document


def _frame(roles: Ids, document: Document) -> Document:
    spaces = {key: document["pre_tokenizer"][key] for key in ("trim_offsets", "add_prefix_space")}
    return {"type": "RobertaProcessing", "sep": roles["sep"], "cls": roles["cls"], **spaces}


def _read_merges(folder: CheckpointFolder) -> list[tuple[str, str]]:
    folder.tokenizer_content(MERGES)
    path, merges = folder.path / MERGES, []
    for number, line in read_lines(path):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        left, space, right = line.partition(" ")
        if not (left and space and right):
            raise ZooError(f"{path}:{number}: {line!r} is not two pieces with a space between them")
        merges.append((left, right))
    return merges


_NAMES = {**ByteLevelBPE.names._asdict(), "bos": "<s>", "eos": "</s>"}
ByteLevelBPE.schemes = dict.fromkeys(FORMAT.tokenizer_classes, Scheme("BPE", _NAMES, _of_folder, VOCABULARY, _frame))
