"""What a checkpoint folder says, each of its files read once: handed on to whatever needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.specs import Variant, read_record
from zoo.weights.json_files import read_object

CONFIG = "config.json"
VARIANT = "variant.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"


@dataclass(frozen=True)
class Folder:
    """A folder of the Hugging Face format, or of the zoo's own.

    A file that is absent says nothing; a broken one raises ZooError when read.

    Reading a property twice reads the file once.
    """

    path: Path

    @cached_property
    def variant(self) -> Variant | None:
        """variant.json: the record of a model that the zoo saved in its own format."""
        path = self.path / VARIANT
        return read_record(Variant, path, "a variant's record") if path.exists() else None

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

    def _object(self, name: str) -> Mapping[str, Any]:
        path = self.path / name
        return read_object(path) if path.exists() else {}
