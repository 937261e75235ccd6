"""What a checkpoint folder says, each of its files read once: handed on to whatever needs to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError
from zoo.core.files import irregular, read_regular
from zoo.core.json_files import LARGEST, read_object
from zoo.core.specs import Variant, read_record

CONFIG = "config.json"
VARIANT = "variant.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
VOCABULARIES = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model")
"""Files that hold a tokenizer's vocabulary where there is no tokenizer.json."""


@dataclass(frozen=True)
class Folder:
    """A folder of the Hugging Face format, or of the zoo's own.

    A file that is absent says nothing; a broken one raises ZooError when read.

    Reading a property twice reads the file once.
    """

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @cached_property
    def variant(self) -> Variant | None:
        """variant.json: the record of a model that the zoo saved in its own format."""
        found = self.holds(VARIANT)
        return read_record(Variant, self.path / VARIANT, "a variant's record") if found else None

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """config.json: the model."""
        return self._object(CONFIG)

    @cached_property
    def tokenizer_config(self) -> Mapping[str, Any]:
        """tokenizer_config.json: the tokenizer's class, options and special tokens."""
        return self._object(TOKENIZER_CONFIG)

    @cached_property
    def special_tokens(self) -> Mapping[str, Any]:
        """special_tokens_map.json: special tokens by role."""
        return self._object(SPECIAL_TOKENS)

    @cached_property
    def added_tokens(self) -> Mapping[str, Any]:
        """added_tokens.json: ids of tokens that the vocabulary lacks."""
        return self._object(ADDED_TOKENS)

    @cached_property
    def tokenizer(self) -> dict[str, Any] | None:
        """tokenizer.json: the whole tokenizer; of a piece that is given twice the last id counts."""
        return self.json_of(TOKENIZER) if self.holds(TOKENIZER) else None

    @property
    def tokenizer_class(self) -> str | None:
        """The tokenizer of the transformers library that the folder names, without "Fast"; None where it names none."""
        for file, found in ((TOKENIZER_CONFIG, self.tokenizer_config), (CONFIG, self.config)):
            named = found.get("tokenizer_class")
            if not isinstance(named, str | None):
                raise ZooError(f"{self.path / file}: tokenizer_class should be a name, not {named!r:.60}")
            if named:
                return named.removesuffix("Fast")
        return None

    @property
    def tokenizer_file(self) -> Path | None:
        """The file that the tokenizer is read from first, if there is one."""
        return next((self.path / name for name in (TOKENIZER, *VOCABULARIES) if self.holds(name)), None)

    def holds(self, name: str) -> bool:
        """Whether there is a file of this name. Raises ZooError for what is no file, as a pipe or a dead link."""
        path = self.path / name
        if path.is_file():
            return True
        if path.is_symlink() and not path.exists():
            raise ZooError(f"{path} is a link to a file that is not there; fetch it again")
        if path.exists():
            raise irregular(path, path.stat().st_mode)
        return False

    def json_of(self, name: str, what: str = "a tokenizer of the Hugging Face format") -> dict[str, Any]:
        """The object in a file of the tokenizer, which is to be `what`. Raises ZooError where it is not there."""
        content, path = self.content(name), self.path / name
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ZooError(f"{path}: not {what} ({error}); fetch it again") from None
        if not isinstance(found, dict):
            raise ZooError(f"{path}: not {what} but a {type(found).__name__}; fetch it again")
        return found

    def content(self, name: str) -> bytes:
        """The bytes of a file of the tokenizer. Raises ZooError where there is none, or far too many."""
        path = self.path / name
        if not self.holds(name):
            raise ZooError(f"{path}: No such file or directory; a tokenizer is loaded from a folder that holds it")
        return read_regular(path, LARGEST)

    def _object(self, name: str) -> Mapping[str, Any]:
        return read_object(self.path / name) if self.holds(name) else {}
