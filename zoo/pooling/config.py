"""How a text becomes a vector: as the sentence encoder's folder says, unless the caller says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from tokenizers.normalizers import Lowercase
from torch import Tensor, nn

from zoo.core.batch import Batch
from zoo.core.errors import UnknownName, ZooError
from zoo.core.interfaces import Tokenizer
from zoo.core.specs import Dims
from zoo.pooling.functions import POOLS, pooled
from zoo.pooling.sentence_layers import UnitLength, layers_of
from zoo.text.encoding import Text, encode_texts
from zoo.weights.sentence import MODULES, SentenceConfig

TOKENS = "none"
"""The pooling that keeps every token."""

_LOWERCASE = Lowercase()


@dataclass(frozen=True)
class VectorConfig:
    """How texts become vectors."""

    poolings: tuple[str, ...]
    max_length: int
    prompt: str
    pools_prompt: bool
    lowercases: bool
    layers: nn.Sequential
    """What is done to a pooled vector, [N, P] -> [N, Q]."""
    width: int
    """The numbers of a vector that is written."""
    from_folder: str = ""
    """The folder's settings in one line; empty if it has none."""

    @property
    def keeps_tokens(self) -> bool:
        """Whether a text has a vector for each token."""
        return self.poolings == (TOKENS,)

    def prepare(self, text: Text) -> Text:
        """A text with the prompt before it, in lower case if it is to be."""
        first, *others = (text,) if isinstance(text, str) else text
        parts = [self.prompt + first, *others]
        if self.lowercases:
            parts = [_LOWERCASE.normalize_str(part) for part in parts]
        return parts[0] if len(parts) == 1 else (parts[0], parts[1])

    def n_not_pooled(self, tokenizer: Tokenizer) -> int:
        """How many tokens at the start are left out: none, or the prompt's with the special one before it.

        Raises ZooError if a prompt leaves no room for text.
        """
        if self.pools_prompt or not self.prompt:
            return 0
        n = len(encode_texts(tokenizer, [self.prepare("")], self.max_length)[0][0]) - 1
        if n + 1 >= self.max_length:
            raise ZooError(f"the prompt {self.prompt!r:.60} leaves no room for text within {self.max_length} tokens")
        return n

    def vectors(self, hidden: Tensor, batch: Batch, n_not_pooled: int = 0) -> Tensor:
        """A vector per sequence, or per token where these are kept, in float32. [T, H] -> [B, P], or [T, H]"""
        layers, hidden = self.layers.to(hidden.device), hidden.float()
        with torch.autocast(hidden.device.type, enabled=False):
            vectors: Tensor = layers(
                hidden if self.keeps_tokens else pooled(hidden, batch.layout, self.poolings, n_not_pooled)
            )
        return vectors

    def by_text(self, vectors: Tensor, batch: Batch) -> Sequence[Tensor]:
        """The vectors of each sequence, [P] or [S, H]. -> B times"""
        return torch.split(vectors, list(batch.layout.lengths)) if self.keeps_tokens else list(vectors)


def vector_config(
    sentence: SentenceConfig | None,
    dims: Dims,
    *,
    pool: str | Sequence[str] | None = None,
    max_length: int | None = None,
    normalize: bool | None = None,
    prompt: str | None = None,
    prompt_name: str | None = None,
) -> VectorConfig:
    """The caller's settings; else the model's folder's; else the mean of all tokens, unscaled.

    With a `pool` of the caller's, the layers that the folder has after its own pooling are left out. Raises
    UnknownName and ZooError, also where the folder asks for what the zoo cannot do.
    """
    poolings = _poolings(pool, sentence)
    layers, width = layers_of(sentence if pool is None else None, dims.hidden_width * len(poolings))
    follows = sentence is not None and normalize is None and poolings != (TOKENS,)
    scales = sentence.normalizes if sentence and follows else bool(normalize)
    config = VectorConfig(
        poolings=poolings,
        max_length=_length(dims.max_length, max_length, sentence),
        prompt=_prompt(prompt, prompt_name, sentence),
        pools_prompt=sentence is None or sentence.pools_prompt,
        lowercases=sentence is not None and sentence.lowercases,
        layers=nn.Sequential(*layers, *[UnitLength()] * scales),
        width=width,
    )
    if sentence is None:
        return config
    followed = {
        f"pooling {'+'.join(poolings)}": pool is None,
        f"{len(layers)} more layers": bool(layers),
        f"at most {config.max_length:,} tokens": max_length is None and sentence.max_length is not None,
        "text in lower case": config.lowercases,
        f"the prompt {config.prompt!r:.60}": config.prompt and prompt is None,
        "vectors of length 1": follows and scales,
    }
    words = ", ".join(word for word, is_so in followed.items() if is_so)
    return replace(config, from_folder=f"as {sentence.root / MODULES} says: {words}" if words else "")


def _poolings(pool: str | Sequence[str] | None, sentence: SentenceConfig | None) -> tuple[str, ...]:
    if pool is None:
        return sentence.poolings if sentence else ("mean",)
    names = (pool,) if isinstance(pool, str) else tuple(pool)
    if names == (TOKENS,):
        return names
    for name in names or ("",):
        if name not in POOLS:
            raise UnknownName("pooling", name, [*POOLS, TOKENS] if len(names) == 1 else POOLS)
    return names


def _length(most: int, given: int | None, sentence: SentenceConfig | None) -> int:
    if given is not None and given > most:
        raise ZooError(f"max_length={given} is more than the {most} positions of the model")
    return given or min(most, sentence.max_length if sentence and sentence.max_length else most)


def _prompt(given: str | None, name: str | None, sentence: SentenceConfig | None) -> str:
    if given is not None and name is not None:
        raise ZooError("give a prompt or a prompt's name, not both")
    name = sentence.default_prompt if sentence and given is None and name is None else name
    if name is None:
        return given or ""
    known = sentence.prompts if sentence else {}
    if name not in known:
        raise UnknownName("prompt", name, known, str(sentence.root) if sentence else "")
    return known[name]
