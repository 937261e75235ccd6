"""A checkpoint folder: its model, tokenizer and weights, each file read once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.core.errors import UnknownName, ZooError
from zoo.core.files import open_regular
from zoo.core.specs import HeadConfig, Record, Variant, read_record
from zoo.weights.files import CONFIG, FolderFiles
from zoo.weights.format import POOL, TASK
from zoo.weights.provenance import PROVENANCE
from zoo.weights.safetensors_files import SafetensorsFiles, open_safetensors, open_safetensors_file
from zoo.weights.scores import SCORES, ModelScores
from zoo.weights.sentence import MODULES, SentenceConfig, sentence_in

VARIANT = "variant.json"
OBJECTIVES = "objectives.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
VOCABULARIES = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model")
"""Files with a tokenizer's vocabulary, if there is no tokenizer.json."""

FILES = (
    "*.safetensors", "*.safetensors.index.json", CONFIG, TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS, ADDED_TOKENS,
    "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "spm.model",
    VARIANT, OBJECTIVES, MODULES, "sentence_*_config.json", "config_sentence_transformers.json", "*/config.json",
    "0_Transformer/*.json", "0_Transformer/*.txt", "0_Transformer/spiece.model", PROVENANCE,
)  # fmt: skip
"""The files that are read: weights that are not pickles, and data; never code."""


class Objectives(Record):
    """The objectives of a saved model, if they are not its variant's."""

    names: tuple[str, ...]
    head: HeadConfig | None = None


@dataclass(frozen=True)
class CheckpointFolder(FolderFiles):
    """A folder of the Hugging Face format, or of the zoo's own; each of its files is read when first asked for.

    If a folder holds several safetensors files that are not shards of one, `file` is the one to use.
    """

    file: str = ""

    @cached_property
    def record(self) -> Variant:
        """variant.json, which the zoo saved with a model. Raises ZooError if it is missing or malformed."""
        return read_record(Variant, self.path / VARIANT, "a variant's record")

    @property
    def variant(self) -> Variant | None:
        """The same if the folder has the zoo's own format, else None."""
        return self.record if self.holds(VARIANT) else None

    @cached_property
    def objectives(self) -> Objectives:
        """The objectives of such a model. Raises ZooError if objectives.json is malformed or not its own."""
        trained = tuple(used.name for used in self.record.objectives)
        if not self.holds(OBJECTIVES):
            return Objectives(names=trained)
        objectives = read_record(Objectives, self.path / OBJECTIVES, "a list of objectives")
        known = (*trained, POOL, *([TASK] if objectives.head else []))
        for name in objectives.names:
            if name not in known:
                raise UnknownName("objective of this model", name, known, str(self.path / OBJECTIVES))
        return objectives

    @cached_property
    def weights(self) -> SafetensorsFiles:
        """The tensors, by their headers. Raises ZooError if there are none, or a file is broken."""
        return open_safetensors_file(self.path / self.file) if self.file else open_safetensors(self.path)

    @cached_property
    def sentence(self) -> SentenceConfig | None:
        """How a text becomes one vector, if this is the encoder of a sentence encoder."""
        return sentence_in(self)

    @property
    def provenance(self) -> Mapping[str, Any]:
        """How the weights were made, as far as it is recorded beside them."""
        return self.object(PROVENANCE)

    @property
    def scores(self) -> ModelScores | None:
        """The model's scores, if they lie beside it."""
        return read_record(ModelScores, self.path / SCORES, "a model's scores") if self.holds(SCORES) else None

    @property
    def tokenizer_config(self) -> Mapping[str, Any]:
        """tokenizer_config.json: the tokenizer's class, options and special tokens."""
        return self.object(TOKENIZER_CONFIG)

    @property
    def special_tokens(self) -> Mapping[str, Any]:
        """special_tokens_map.json: special tokens by role."""
        return self.object(SPECIAL_TOKENS)

    @property
    def added_tokens(self) -> Mapping[str, Any]:
        """added_tokens.json: ids of tokens that the vocabulary lacks."""
        return self.object(ADDED_TOKENS)

    @cached_property
    def tokenizer(self) -> dict[str, Any] | None:
        """tokenizer.json: the whole tokenizer; if a piece is given twice, its last id counts."""
        return self.tokenizer_json(TOKENIZER) if self.holds(TOKENIZER) else None

    @property
    def tokenizer_class(self) -> str | None:
        """The tokenizer of the transformers library that the folder names, without "Fast"; None if it names none."""
        for file, settings in ((TOKENIZER_CONFIG, self.tokenizer_config), (CONFIG, self.config)):
            named = settings.get("tokenizer_class")
            if not isinstance(named, str | None):
                raise ZooError(f"{self.path / file}: tokenizer_class should be a name, not {named!r:.60}")
            if named:
                return named.removesuffix("Fast")
        return None

    @property
    def tokenizer_file(self) -> Path | None:
        """The file that the tokenizer is read from first, if there is one."""
        return next((self.path / name for name in (TOKENIZER, *VOCABULARIES) if self.holds(name)), None)

    def tokenizer_json(self, name: str, what: str = "a tokenizer of the Hugging Face format") -> dict[str, Any]:
        """The object in a file of the tokenizer; `what` describes it. Raises ZooError if it is missing."""
        content, path = self.tokenizer_content(name), self.path / name
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ZooError(f"{path}: not {what} ({error}); download it again") from None
        if not isinstance(found, dict):
            raise ZooError(f"{path}: not {what} but a {type(found).__name__}; download it again")
        return found

    def tokenizer_content(self, name: str) -> bytes:
        """The bytes of a file of the tokenizer. Raises ZooError if there is none, or far too many."""
        if not self.holds(name):
            where = self.path / name
            raise ZooError(f"{where}: No such file or directory; a tokenizer is loaded from a folder that holds it")
        return self.content(name)

    @cached_property
    def file_hashes(self) -> Mapping[str, str]:
        """The SHA-256 of each file that can change a result, by its path in the folder.

        The record of how the weights were made is left out, as it changes nothing. Raises ZooError if one can't be
        read.
        """
        beside = {path for pattern in FILES for path in self.path.glob(pattern) if path.suffix != ".safetensors"}
        paths = {*self.weights.files.values(), *beside} - {self.path / PROVENANCE}
        return {path.relative_to(self.path).as_posix(): _hash(path) for path in sorted(paths) if path.is_file()}

    @property
    def trained_file_hashes(self) -> dict[str, str]:
        """The same for a run's own checkpoint, without its record, which holds names and is part of the run's
        result."""
        return {path: hash for path, hash in self.file_hashes.items() if path != VARIANT}

    @property
    def weights_hash(self) -> str:
        """A SHA-256 of the weights' files, byte for byte."""
        paths = sorted(set(self.weights.files.values()))
        hashes = (self.file_hashes[path.relative_to(self.path).as_posix()] for path in paths)
        return hashlib.sha256(b"".join(map(bytes.fromhex, hashes))).hexdigest()


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder says that it holds a model."""
    try:
        return any((folder / name).is_file() for name in (VARIANT, CONFIG, MODULES))
    except OSError:  # a name too long for a file
        return False


def _hash(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
