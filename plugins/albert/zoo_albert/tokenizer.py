"""Pieces of a unigram language model, as in SentencePiece; Lan et al. 2020, section 4.1."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers

from zoo.text.rust_tokenizer import RustTokenizer, SpecialTokens, count_letters, count_words, most_frequent
from zoo.text.schemes import Document, Ids, Scheme, said_flag, template
from zoo.weights.folder import CheckpointFolder
from zoo_albert.spiece import read_spiece
from zoo_albert.unigram import learn_pieces
from zoo_albert.weights import FORMAT

SPACE = "\u2581"  # how SentencePiece writes a space
PIECES = "spiece.model"

# A piece holds letters and digits, or other characters, never both; either may begin with the space before it.
CHUNKS = rf"{SPACE}?[\p{{L}}\p{{N}}\p{{M}}]+|{SPACE}?[^\p{{L}}\p{{N}}\p{{M}}{SPACE}]+|{SPACE}"


class Unigram(RustTokenizer):
    """Words with the space before them, cut into their most probable pieces.

    Quotes written `` and '' become ", compatibility forms are decomposed (NFKD), accents go if `strip_accents`.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="[CLS]", sep="[SEP]", mask="[MASK]")

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, lowercase: bool = True, strip_accents: bool = True
    ) -> Self:
        """Pieces learnt as in zoo_albert.unigram.

        Characters may take half of the vocabulary, or more to cover 99.99% of the text; those without room are unknown.
        """
        rust = _assemble([], lowercase, strip_accents)
        n_pieces = vocab_size - len(cls.names)
        words = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        letters = sorted(most_frequent(count_letters(words), n_pieces))
        rust = _assemble(learn_pieces(words, n_pieces, letters), lowercase, strip_accents)
        ids = rust.get_vocab()
        frame = template((cls.names.cls, ids[cls.names.cls]), (cls.names.sep, ids[cls.names.sep]))
        return cls.trained(rust, frame, mask_takes_space=True)


def _assemble(pieces: Sequence[tuple[str, float]], lowercase: bool, strip_accents: bool) -> tokenizers.Tokenizer:
    special = [(name, 0.0) for name in Unigram.names]
    rust = tokenizers.Tokenizer(models.Unigram([*special, *pieces], unk_id=1, byte_fallback=False))
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
        normalizers.NFKD(),
    ]
    if strip_accents:
        steps.append(normalizers.StripAccents())
    if lowercase:
        steps.append(normalizers.Lowercase())
    rust.normalizer = normalizers.Sequence([*steps, normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Split(Regex(CHUNKS), "isolated")]
    )
    rust.decoder = decoders.Metaspace()
    return rust


def _albert(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces, and what AlbertTokenizer of transformers 5.23 does before and after."""
    keeps = None if options.get("strip_accents") is None else not options["strip_accents"]
    steps: list[normalizers.Normalizer] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not said_flag(folder, "keep_accents", keeps, False):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if said_flag(folder, "do_lower_case", options.get("lowercase"), True):
        steps.append(normalizers.Lowercase())
    document = _around(folder, steps)
    document["post_processor"] = folder.tokenizer.get("post_processor") if folder.tokenizer else None
    return document


def _xlm_roberta(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces, and what XLMRobertaTokenizer of transformers 5.23 does before and after."""
    return _around(folder, [])


def _around(folder: CheckpointFolder, steps: Sequence[normalizers.Normalizer]) -> Document:
    scheme = "always" if said_flag(folder, "add_prefix_space", None, True) else "never"
    rust = tokenizers.Tokenizer(models.Unigram([("<unk>", 0.0)], unk_id=0, byte_fallback=False))
    rust.normalizer = normalizers.Sequence(list(steps))
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme=scheme)]
    )
    rust.decoder = decoders.Metaspace(prepend_scheme=scheme)
    document: Document = json.loads(rust.to_str())
    if folder.tokenizer:
        document["model"]["vocab"] = folder.tokenizer["model"].get("vocab")
        tables = [step["precompiled_charsmap"] for step in _steps(folder) if step.get("type") == "Precompiled"]
    else:
        found = read_spiece(folder.path / PIECES, folder.tokenizer_content(PIECES))
        document["model"]["vocab"] = found.scores
        document["added_tokens"] = found.added
        tables = [base64.b64encode(found.characters).decode()] * bool(found.characters)
    document["normalizer"]["normalizers"] += [
        {"type": "Precompiled", "precompiled_charsmap": table} for table in tables[:1]
    ]
    return document


def _steps(folder: CheckpointFolder) -> list[dict[str, Any]]:
    """The steps of a tokenizer.json's normalizer."""
    found = (folder.tokenizer or {}).get("normalizer")
    steps = found.get("normalizers", [found]) if isinstance(found, dict) else []
    return [step for step in steps if isinstance(step, dict)]


def _frame(roles: Ids, document: Document) -> Document:
    return document["post_processor"] or template(roles["cls"], roles["sep"])


def _frame_by_ends(roles: Ids, document: Document) -> Document:
    return template(roles.get("bos", roles["cls"]), roles.get("eos", roles["sep"]), n_between=2, second=0)


_ENDS = {"bos": "<s>", "eos": "</s>"}
_XLM_NAMES = {"pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
_ALBERT, _XLM_ROBERTA = FORMAT.tokenizer_classes
Unigram.schemes = {
    _ALBERT: Scheme("Unigram", {**Unigram.names._asdict(), "bos": "[CLS]", "eos": "[SEP]"}, _albert, PIECES, _frame),
    _XLM_ROBERTA: Scheme("Unigram", {**_XLM_NAMES, **_ENDS}, _xlm_roberta, "", _frame_by_ends),
}
