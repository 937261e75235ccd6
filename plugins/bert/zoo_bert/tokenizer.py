"""WordPiece; Devlin et al. 2019, section 3, after Wu et al. 2016, arXiv:1609.08144, section 4.1."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Self

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from zoo.text.counting import count_letters, count_words, most_frequent
from zoo.text.lines import read_lines
from zoo.text.rust_tokenizer import RustTokenizer, SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme, said_flag, template, vocabulary_in
from zoo.weights.folder import CheckpointFolder
from zoo_bert.weights import FORMAT

CONTINUES = "##"
THEIRS = {"split_chinese": "handle_chinese_chars"}
"""The library's names of options, if they differ from ours."""

VOCABULARY = "vocab.txt"
ENDS = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space: the reference takes it off the end of a line of the vocabulary."""


class WordPiece(RustTokenizer):
    """Words split at punctuation, then each into the longest pieces of a vocabulary, from left to right.

    `strip_accents` follows `lowercase` unless given; `split_chinese` makes a word of every CJK character.
    """

    names = SpecialTokens(pad="[PAD]", unk="[UNK]", cls="[CLS]", sep="[SEP]", mask="[MASK]")

    @classmethod
    def train(  # a family names its own options
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_chinese: bool = True,
    ) -> Self:
        """Pieces learned by merging the most frequent pair, as long as it occurs at least twice.

        The vocabulary begins with characters in the forms in which they occur, at the start of a word or inside it.
        They may take half of it, or more to cover 99.99% of the text; those without room are unknown.
        """
        rust = _assemble({}, lowercase, strip_accents, split_chinese)
        words = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        counts = count_letters(words, _forms)
        room = vocab_size - len(cls.names)
        forms = sorted(most_frequent(counts, room))
        learned = [*forms, *_merged(words, forms, room)]
        rest = sorted(counts.keys() - set(learned), key=lambda form: (-counts[form], form))
        vocabulary = [*cls.names, *learned, *rest][:vocab_size]
        ids = {piece: index for index, piece in enumerate(vocabulary)}
        rust = _assemble(ids, lowercase, strip_accents, split_chinese)
        frame = template((cls.names.cls, ids[cls.names.cls]), (cls.names.sep, ids[cls.names.sep]))
        return cls.trained(rust, frame)

    @classmethod
    def overruled(cls, document: Document, options: Mapping[str, Any]) -> Document:
        """A tokenizer.json, its normalizer changed by options if it is BERT's."""
        normalizer = document.get("normalizer")
        if not isinstance(normalizer, dict) or normalizer.get("type") != "BertNormalizer":
            return document
        return {**document, "normalizer": normalizer | {THEIRS.get(name, name): v for name, v in options.items()}}


def _forms(word: str) -> list[str]:
    """A word's characters, as pieces are written."""
    return [word[0], *(CONTINUES + letter for letter in word[1:])]


def _merged(words: Counter[str], forms: Sequence[str], room: int) -> list[str]:
    """The pieces that the library's trainer learns from words whose characters are all in the vocabulary."""
    kept = {word: count for word, count in words.items() if set(forms).issuperset(_forms(word))}
    # The trainer numbers "##x" in the order of a hash table, and lets these numbers decide between equally frequent
    # pairs. Numbered before, as if they were special, they make the same pieces every time. It reads "##x" only where
    # there is an "x": such helpers are not counted.
    letters = {form.removeprefix(CONTINUES) for form in forms}
    helpers = sorted(letters - set(forms))
    trainer = trainers.WordPieceTrainer(
        vocab_size=room + len(helpers),
        min_frequency=2,
        special_tokens=[*forms, *helpers],
        limit_alphabet=len(letters),
        continuing_subword_prefix=CONTINUES,
        show_progress=False,
    )
    learner = tokenizers.Tokenizer(models.WordPiece(unk_token=WordPiece.names.unk))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(chain.from_iterable(repeat(word, kept[word]) for word in sorted(kept)), trainer)
    ids = learner.get_vocab()
    return [piece for piece in sorted(ids, key=ids.__getitem__) if ids[piece] >= len(forms) + len(helpers)]


def _assemble(
    vocabulary: dict[str, int], lowercase: bool, strip_accents: bool | None, split_chinese: bool
) -> tokenizers.Tokenizer:
    rust = tokenizers.Tokenizer(
        models.WordPiece(vocabulary, unk_token=WordPiece.names.unk, continuing_subword_prefix=CONTINUES)
    )
    rust.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_chinese, strip_accents=strip_accents, lowercase=lowercase
    )
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rust.decoder = decoders.WordPiece(prefix=CONTINUES)
    return rust


def _of_folder(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces, and what BertTokenizer of transformers 5.23 does before and after."""
    lowercase = said_flag(folder, "do_lower_case", options.get("lowercase"), True)
    strip_accents = said_flag(folder, "strip_accents", options.get("strip_accents"), None)
    split_chinese = said_flag(folder, "tokenize_chinese_chars", options.get("split_chinese"), True)
    document: Document = json.loads(_assemble({}, bool(lowercase), strip_accents, bool(split_chinese)).to_str())
    document["model"]["vocab"] = vocabulary_in(folder) if folder.tokenizer else _pieces(folder)
    return document


def _pieces(folder: CheckpointFolder) -> dict[str, int]:
    """One piece per line; of duplicates the last counts, and all others keep their ids."""
    folder.tokenizer_content(VOCABULARY)
    return {piece.rstrip(ENDS): number - 1 for number, piece in read_lines(folder.path / VOCABULARY)}


def _frame(roles: Ids, document: Document) -> Document:
    return template(roles["cls"], roles["sep"])


_SCHEME = Scheme("WordPiece", WordPiece.names._asdict(), _of_folder, VOCABULARY, _frame, has_segments=True)
WordPiece.schemes = {
    name: _SCHEME._replace(has_segments=name != "DistilBertTokenizer") for name in FORMAT.tokenizer_classes
}
