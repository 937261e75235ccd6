"""How a sentence encoder's folder turns a text into one vector: modules.json and the files that it names.

The layout is that of the sentence-transformers library (Reimers and Gurevych 2019, EMNLP), read as its version 6 does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.core.errors import UnknownName, ZooError
from zoo.weights.files import CONFIG, FolderFiles
from zoo.weights.safetensors_files import WEIGHTS, SafetensorsFiles, open_safetensors

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"
READING = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Files with the transformer's own settings; the first that exists counts."""

POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""The poolings; several are concatenated in the order that the folder gives."""

_OLDER = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Each pooling's switch in older files; if several are on, they are concatenated in this order."""


@dataclass(frozen=True)
class SentenceModule:
    """One step from text to vector: its kind, and the folder with its settings."""

    kind: str
    folder: FolderFiles

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its config.json. Raises ZooError if that is missing."""
        if not self.folder.holds(CONFIG):
            raise ZooError(
                f"{self.folder.path / CONFIG}: No such file, but {MODULES} needs it; download the folder again"
            )
        return self.folder.config

    @cached_property
    def weights(self) -> SafetensorsFiles:
        """Its tensors. Raises ZooError if there are none."""
        return open_safetensors(self.folder.path)


@dataclass(frozen=True)
class SentenceConfig:
    """A sentence encoder's settings, each read when it is asked for. Raises ZooError if a file is broken."""

    files: FolderFiles

    @property
    def root(self) -> Path:
        """The folder that holds modules.json."""
        return self.files.path

    @cached_property
    def modules(self) -> tuple[SentenceModule, ...]:
        """The steps in order."""
        path = self.root / MODULES
        return tuple(self._module(entry, f"{path}: module {n}") for n, entry in enumerate(self.files.array(MODULES)))

    def _module(self, entry: Any, where: str) -> SentenceModule:
        named = entry if isinstance(entry, Mapping) else {}
        kind, place = named.get("type"), named.get("path")
        if not isinstance(kind, str) or not isinstance(place, str):
            raise ZooError(f"{where} should have a type and a path")
        parts = PurePosixPath(place)
        if parts.is_absolute() or ".." in parts.parts:
            raise ZooError(f"{where}: its path {place!r:.60} leads out of the folder")
        ours = kind.startswith("sentence_transformers.")
        inside = "" if str(parts) == "." else str(parts)
        return SentenceModule(kind.rpartition(".")[2] if ours else kind, self.files.folder(inside))

    @cached_property
    def transformer(self) -> FolderFiles:
        """The folder of the encoder itself: this one, or one in it."""
        return next((module.folder for module in self.modules if module.kind == "Transformer"), self.files)

    @property
    def normalizes(self) -> bool:
        """Whether the last step scales vectors to length 1."""
        return bool(self.modules) and self.modules[-1].kind == "Normalize"

    @property
    def layers(self) -> tuple[SentenceModule, ...]:
        """What is applied to the pooled vector before that: dense layers, scaling to length 1.

        Raises ZooError for any other kind of step, before or after the pooling.
        """
        steps = [module for module in self.modules if module.kind != "Dropout"]  # no dropout in inference
        for place, module in enumerate(steps):
            known = ("Transformer",) if place == 0 else ("Pooling",) if place == 1 else ("Dense", "Normalize")
            if module.kind not in known:
                raise ZooError(
                    f"{self.root / MODULES}: asks for {module.kind!r:.80} as step {place + 1}, which the zoo does not "
                    "do; name a pooling of your own (as mean) to have vectors of the encoder alone"
                )
        return tuple(steps[2 : len(steps) - self.normalizes])

    @cached_property
    def _pooling(self) -> Mapping[str, Any]:
        return next((module.settings for module in self.modules if module.kind == "Pooling"), {})

    @cached_property
    def poolings(self) -> tuple[str, ...]:
        """The poolings; the mean if the folder does not say. Raises ZooError for an unknown one."""
        stated = self._pooling.get("pooling_mode")
        names = [stated] if isinstance(stated, str) else stated
        if names is None:
            names = [name for switch, name in _OLDER.items() if self._pooling.get(switch) is True] or ["mean"]
        if not isinstance(names, list) or not names:
            raise ZooError(f"{self.root}: the pooling {stated!r:.60} is neither a name nor a list of names")
        for name in names:
            if name not in POOLINGS:
                raise UnknownName("pooling", str(name)[:60], POOLINGS, str(self.root))
        return tuple(names)

    @property
    def pools_prompt(self) -> bool:
        """Whether a prompt's tokens are pooled with those of the text."""
        return self._pooling.get("include_prompt") is not False

    @cached_property
    def _reading(self) -> Mapping[str, Any]:
        return next((found for name in READING if (found := self.transformer.object(name))), {})

    @cached_property
    def max_length(self) -> int | None:
        """The most tokens of a text, special ones included; None if the folder does not say."""
        tokenizer = self.transformer.object("tokenizer_config.json")
        for settings, key in ((self._reading, "max_seq_length"), (tokenizer, "model_max_length")):
            stated = settings.get(key)
            if isinstance(stated, int | float) and stated >= 1:
                return int(stated)
        return None

    @property
    def lowercases(self) -> bool:
        """Whether texts are to be in lower case, whatever the tokenizer does."""
        return self._reading.get("do_lower_case") is True

    @property
    def _settings(self) -> Mapping[str, Any]:
        return self.files.object(SETTINGS)

    @cached_property
    def prompts(self) -> Mapping[str, str]:
        """Prompts by name."""
        stated = self._settings.get("prompts")
        found = stated if isinstance(stated, Mapping) else {}
        return {name: text for name, text in found.items() if isinstance(text, str)}

    @property
    def default_prompt(self) -> str | None:
        """The name of the default prompt."""
        stated = self._settings.get("default_prompt_name")
        return stated if isinstance(stated, str) else None

    def write(self, place: Path) -> None:
        """Write the same settings into another folder, with the encoder at the top."""
        entries = self.files.array(MODULES)
        for entry, module in zip(entries, self.modules, strict=True):
            if module.kind == "Transformer":
                entry["path"] = ""
            elif module.folder.path != self.root:
                _copy(module.folder.path, place / entry["path"], (CONFIG, WEIGHTS))
        (place / MODULES).write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
        _copy(self.transformer.path, place, READING)
        _copy(self.root, place, (SETTINGS,))


def write_sentence_settings(
    place: Path, poolings: Sequence[str], width: int, max_length: int, normalizes: bool
) -> None:
    """Make a folder with an encoder one of a sentence encoder: what is done to its tokens, in the library's files."""
    kinds = {"Transformer": "", "Pooling": "1_Pooling", **({"Normalize": "2_Normalize"} if normalizes else {})}
    entries = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(kinds.items())
    ]
    # One pooling as all versions of the library read it; the order of several only newer ones can say.
    switches = {switch: name in poolings for switch, name in _OLDER.items()}
    pooling = switches if len(poolings) == 1 else {"pooling_mode": list(poolings)}
    files: dict[str, object] = {
        MODULES: entries,
        READING[0]: {"max_seq_length": max_length, "do_lower_case": False},
        f"{kinds['Pooling']}/{CONFIG}": {"word_embedding_dimension": width, **pooling, "include_prompt": True},
    }
    for name, content in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def sentence_in(folder: FolderFiles) -> SentenceConfig | None:
    """The settings of the sentence encoder whose transformer is in a folder, if there is one."""
    root = folder
    if folder.path.absolute().name.endswith("_Transformer") and not folder.holds(MODULES):
        root = FolderFiles(folder.path.absolute().parent)
        root.put(folder)
    return SentenceConfig(root) if root.holds(MODULES) else None


def model_folder(folder: Path) -> Path:
    """The folder that holds the model itself: in older sentence encoders a subfolder, as 0_Transformer."""
    files = FolderFiles(folder)
    if (folder / CONFIG).is_file() or not files.holds(MODULES):
        return folder
    return SentenceConfig(files).transformer.path


def _copy(source: Path, place: Path, names: tuple[str, ...]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, place / name)
