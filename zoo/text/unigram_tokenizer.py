"""Tokenizers of a unigram language model, as SentencePiece has them; Kudo 2018, arXiv:1804.10959."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers

from zoo.text.counting import count_letters, count_words, most_frequent
from zoo.text.rust_tokenizer import RustTokenizer
from zoo.text.schemes import Document, template
from zoo.text.spiece import read_spiece
from zoo.text.unigram import learn_pieces
from zoo.weights.folder import CheckpointFolder

SPACE = "\u2581"  # how SentencePiece writes a space

# A piece holds letters and digits, or other characters, never both; either may begin with the space before it.
CHUNKS = rf"{SPACE}?[\p{{L}}\p{{N}}\p{{M}}]+|{SPACE}?[^\p{{L}}\p{{N}}\p{{M}}{SPACE}]+|{SPACE}"


class UnigramTokenizer(RustTokenizer):
    """Words with the space before them, cut into their most probable pieces."""

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        steps: Sequence[normalizers.Normalizer],
        splits: Sequence[pre_tokenizers.PreTokenizer] = (),
        **frame: int,
    ) -> Self:
        """Pieces learned as in zoo.text.unigram, of texts after steps and splits; `frame` are options of `template`.

        Characters may take half of the vocabulary, or more to cover 99.99% of the text; those without room are unknown.
        """
        rust = cls._assemble([], steps, splits)
        n_pieces = vocab_size - len(cls.names)
        words = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        letters = sorted(most_frequent(count_letters(words), n_pieces))
        rust = cls._assemble(learn_pieces(words, n_pieces, letters), steps, splits)
        ids, names = rust.get_vocab(), cls.names
        around = template((names.cls, ids[names.cls]), (names.sep, ids[names.sep]), **frame)
        return cls.trained(rust, around, mask_takes_space=True)

    @classmethod
    def _assemble(
        cls,
        pieces: Sequence[tuple[str, float]],
        steps: Sequence[normalizers.Normalizer],
        splits: Sequence[pre_tokenizers.PreTokenizer],
    ) -> tokenizers.Tokenizer:
        special = [(name, 0.0) for name in cls.names]
        rust = tokenizers.Tokenizer(models.Unigram([*special, *pieces], unk_id=1, byte_fallback=False))
        spaces = [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
        rust.normalizer = normalizers.Sequence([*steps, *spaces])
        rust.pre_tokenizer = pre_tokenizers.Sequence(
            [*splits, pre_tokenizers.Metaspace(), pre_tokenizers.Split(Regex(CHUNKS), "isolated")]
        )
        rust.decoder = decoders.Metaspace()
        return rust


class Pieces(NamedTuple):
    """A folder's vocabulary: pieces with their scores, added tokens, and a table of characters in base64."""

    scores: list[tuple[str, float]] | None
    added: list[tuple[str, bool]]
    table: str | None


def pieces_of(folder: CheckpointFolder, file: str) -> Pieces:
    """The pieces in tokenizer.json, or in a SentencePiece model of this name. Raises ZooError if there are none."""
    if folder.tokenizer:
        tables = [step["precompiled_charsmap"] for step in _steps(folder) if step.get("type") == "Precompiled"]
        return Pieces(folder.tokenizer["model"].get("vocab"), [], next(iter(tables), None))
    found = read_spiece(folder.path / file, folder.tokenizer_content(file))
    table = base64.b64encode(found.characters).decode() if found.characters else None
    return Pieces(found.scores, found.added, table)


def unigram_document(
    pieces: Pieces,
    steps: Sequence[normalizers.Normalizer],
    splits: Sequence[pre_tokenizers.PreTokenizer],
    *,
    prepend: str,
) -> Document:
    """A tokenizer.json of these pieces: steps and then the table of characters before, a space before each word.

    `prepend` is before which words: always, never or first.
    """
    rust = tokenizers.Tokenizer(models.Unigram([("<unk>", 0.0)], unk_id=0, byte_fallback=False))
    rust.normalizer = normalizers.Sequence(list(steps))
    rust.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.Metaspace(prepend_scheme=prepend)])
    rust.decoder = decoders.Metaspace(prepend_scheme=prepend)
    document: Document = json.loads(rust.to_str())
    document["model"]["vocab"] = pieces.scores
    document["added_tokens"] = pieces.added
    if pieces.table is not None:
        document["normalizer"]["normalizers"].append({"type": "Precompiled", "precompiled_charsmap": pieces.table})
    return document


def _steps(folder: CheckpointFolder) -> list[dict[str, Any]]:
    """The steps of a tokenizer.json's normalizer."""
    found = (folder.tokenizer or {}).get("normalizer")
    steps = found.get("normalizers", [found]) if isinstance(found, dict) else []
    return [step for step in steps if isinstance(step, dict)]
