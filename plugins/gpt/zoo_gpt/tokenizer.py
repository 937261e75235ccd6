"""Byte-level BPE as GPT-2 has it, and the BPE of lower-cased words that GPT has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from zoo.text.byte_level import VOCABULARY, ByteLevelTokenizer, byte_level_document, with_pieces
from zoo.text.rust_tokenizer import RustTokenizer, SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme, template
from zoo.weights.folder import CheckpointFolder

END = "<|endoftext|>"
WORD_END = "</w>"


class GPT2Bytes(ByteLevelTokenizer):
    """Words with the space before them, as bytes, merged pair by pair; Radford et al. 2019, section 2.2.

    One that we train puts a token before a text, one between two and one after, as Radford et al. 2018, section 3.3, do
    in fine-tuning. The released one puts none.
    """

    names = SpecialTokens(pad="<|pad|>", unk="<|unk|>", cls="<|start|>", sep=END, mask="<|mask|>")


class GPTWords(RustTokenizer):
    """Words without accents in lower case, merged character by character; Radford et al. 2018, section 4.1.

    One that we train puts special tokens around texts, as `gpt.bytes` does.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<s>", sep="<e>", mask="<mask>")

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int
    ) -> Self:
        """Merges of pairs that occur at least twice; half of the vocabulary at most is characters."""
        rust = _words({})
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            special_tokens=list(cls.names),
            limit_alphabet=(vocab_size - len(cls.names)) // 4,
            end_of_word_suffix=WORD_END,
            show_progress=False,
        )
        rust.train_from_iterator(texts, trainer)
        ids = rust.get_vocab()
        around = [(name, ids[name]) for name in (cls.names.cls, cls.names.sep)]
        return cls.trained(rust, template(*around))


def _words(vocabulary: dict[str, int]) -> tokenizers.Tokenizer:
    rust = tokenizers.Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], unk_token=GPTWords.names.unk, end_of_word_suffix=WORD_END)
    )
    rust.normalizer = normalizers.BertNormalizer(lowercase=True)
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rust.decoder = decoders.BPEDecoder(suffix=WORD_END)
    return rust


def _words_of_folder(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces and merges, and what OpenAIGPTTokenizer of transformers 5.23 does before and after."""
    document: Document = json.loads(_words({}).to_str())
    return with_pieces(folder, document)


def _no_frame(roles: Ids, document: Document) -> Document | None:
    return None


_NAMES = {"unk": END, "bos": END, "eos": END}
GPT2Bytes.schemes = {"GPT2Tokenizer": Scheme("BPE", _NAMES, byte_level_document, VOCABULARY, _no_frame, needs=("unk",))}
GPTWords.schemes = {
    "OpenAIGPTTokenizer": Scheme("BPE", {"unk": "<unk>"}, _words_of_folder, VOCABULARY, _no_frame, needs=("unk",))
}
