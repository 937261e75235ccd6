"""Writing a folder of the Hugging Face format."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor

from zoo.core.interfaces import Tokenizer
from zoo.core.json_files import read_object
from zoo.core.specs import HeadConfig
from zoo.weights.checkpoint import save_tensors
from zoo.weights.format import OWN_HEAD, UNTIED_DECODER, CheckpointFormat
from zoo.weights.match import OPTIONS, head_config
from zoo.weights.safetensors_files import WEIGHTS

STALE = ("auto_map", "torch_dtype", "dtype", "num_labels", "_name_or_path", "quantization_config", OPTIONS, OWN_HEAD)
"""Keys of a config that are not copied: they describe the files that it came with."""


@dataclass(frozen=True)
class HuggingFaceExport:
    """A model in terms of the format."""

    format: CheckpointFormat
    heads: tuple[str, ...]
    architecture: str
    settings: Mapping[str, JsonValue]
    head: HeadConfig | None
    carried: Mapping[str, Any]
    """The config that the model was loaded with."""
    max_length: int
    left_out: Collection[str] = ()
    """Objectives that have no place in the format."""

    def config(self, dtype: str) -> dict[str, Any]:
        """The whole config.json."""
        stale = {*STALE, *self.format.not_carried}
        kept = {key: value for key, value in self.carried.items() if key not in stale}
        head = head_config(self.format, self.head) if self.head else {}
        tied = {"tie_word_embeddings": False} if UNTIED_DECODER in self.heads else {}
        return {**kept, **self.settings, **head, **tied, "architectures": [self.architecture], "dtype": dtype}

    def names(self, ours: Iterable[str]) -> dict[str, str]:
        """The stored name of each weight that has a place in the format, by our name."""
        table = self.format.table(self.heads)
        found = {}
        for name in without_objectives(ours, self.left_out):
            theirs = table.theirs(name)
            assert theirs is not None, f"the format {self.format.name} has no name for {name}"
            found[name] = self.format.stored(theirs, self.heads)
        return found


def without_objectives(weights: Iterable[str], left_out: Collection[str]) -> Iterator[str]:
    """The names of weights, by ours, but those of some objectives."""
    beginnings = tuple(f"objectives.{name.replace('.', '/')}." for name in left_out)
    return (name for name in weights if not name.startswith(beginnings))


def write_huggingface(
    place: Path, described: HuggingFaceExport, state: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write config, weights and the tokenizer's config; nothing else in the folder is touched."""
    names = described.names(state)
    table = described.format.table(described.heads)
    tensors = {}
    for theirs, ours in table.joined(names).items():
        parts = [state[name].detach().cpu() for name in ours]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        tensors[names[ours[0]]] = (whole.T if described.format.transposes(theirs) else whole).contiguous()
    dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}
    config = described.config(dtypes.pop() if len(dtypes) == 1 else "float32")
    (place / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for copy, source in described.format.copies if UNTIED_DECODER in described.heads else ():
        bias = described.format.stored(source, described.heads)
        if copy.endswith(".bias") and bias in tensors:
            tensors[copy] = tensors[bias].clone()  # the one that counts if nothing is tied
    save_tensors(place / WEIGHTS, tensors, metadata)


def write_tokenizer_config(place: Path, described: HuggingFaceExport, tokenizer: Tokenizer) -> None:
    """Write what the transformers library needs beside tokenizer.json; keep what is already there."""
    path = place / "tokenizer_config.json"
    config: dict[str, JsonValue] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": described.max_length,
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": name for role, name in tokenizer.special_names.items()},
        **described.format.tokenizer_config,
        **(read_object(path) if path.exists() else {}),
    }
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
