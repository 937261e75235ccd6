"""All formats of checkpoints: those of plugins by model_type, and those that plugins make for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from zoo.core.errors import UnknownName, ZooError
from zoo.core.specs import Variant
from zoo.weights.format import CheckpointFormat, Config

FormatMaker: TypeAlias = Callable[[Config, str], CheckpointFormat | None]
"""From a config.json and the file's name to a format; None if it is none that can be read. It may raise ZooError."""

CONFIG_OPTION = "config"
"""The option of an encoder that holds the config.json that it is built from."""

MORE = "; to read models of any family of the transformers library: pip install encoder-zoo-transformers"


class Formats(Mapping[str, CheckpointFormat]):
    """Formats by model_type; `makers` are asked for any other model_type, and are imported only then."""

    def __init__(self, known: Mapping[str, CheckpointFormat], makers: Mapping[str, Callable[[], FormatMaker]]) -> None:
        self._known, self._makers = known, makers

    def __getitem__(self, model_type: str) -> CheckpointFormat:
        return self._known[model_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def of(self, config: Config, where: str) -> CheckpointFormat:
        """The format of a config.json. Raises ZooError if no plugin reads its model_type."""
        kind, found = config.get("model_type"), self.find(config, where)
        if not isinstance(kind, str):
            known = ", ".join(self)
            raise ZooError(f'{where} names no model_type; add one, such as "model_type": "bert". Known: {known}')
        if found is None:
            unknown = UnknownName("model_type that an installed plugin reads", kind[:100], self, where)
            raise ZooError(f"{unknown}{'' if self._makers else MORE}")
        return found

    def find(self, config: Config, where: str) -> CheckpointFormat | None:
        """The format of a config.json; None if no plugin reads its model_type. Raises ZooError as `of` otherwise."""
        kind = config.get("model_type")
        if not isinstance(kind, str):
            return None
        return self._known.get(kind[:100]) or next(self._made(config, where), None)

    def that_may_express(self, variant: Variant) -> Iterator[CheckpointFormat]:
        """The formats in which a variant might be written: all known ones, and that of the config it was made from."""
        yield from self._known.values()
        config = variant.encoder.options.get(CONFIG_OPTION)
        if isinstance(config, Mapping):
            yield from self._made(config, variant.name)

    def _made(self, config: Config, where: str) -> Iterator[CheckpointFormat]:
        for maker in self._makers.values():
            if (made := maker()(config, where)) is not None:
                yield made
