"""The format of any folder that AutoModel can load: names of weights as they are, and config.json in the variant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, part
from zoo.core.meta import without_memory
from zoo.weights.format import OWN_HEAD, CheckpointFormat, HeadDropout
from zoo.weights.name_table import NameRule
from zoo_transformers.library import OF_ITS_FILES, build, decodes, dims_of, read_config

HEAD = (
    (f"{OWN_HEAD}.pooler.dense.{{p}}", "objectives.task.pooler.dense.{p}"),
    (f"{OWN_HEAD}.output.{{p}}", "objectives.task.output.{p}"),
)

CLASSIFIER = ("score.weight", "objectives.task.output.weight")
"""The library's classifier of decoders: a linear layer without bias over the last token."""


class AnyFormat(CheckpointFormat):
    """A format whose one variant carries its config.json with it."""

    def config(self, variant: Variant) -> dict[str, JsonValue] | None:
        """The config that a variant carries, if it is this one's."""
        same = (variant.embedding, variant.encoder) == (self.base.embedding, self.base.encoder)
        carried: Any = self.base.encoder.options["config"]
        return dict(carried) if same else None


def make_format(config: Mapping[str, Any], where: str) -> CheckpointFormat | None:
    """The format of a config.json; None if the library has no such model. Raises ZooError if it is none of texts."""
    found = read_config(config, where)
    if found is None:
        return None
    with without_memory():
        model = build(found)
    kept = {key: value for key, value in config.items() if key not in OF_ITS_FILES} | {"model_type": found.model_type}
    tokens = next(name for name, module in model.named_modules() if module is model.get_input_embeddings())
    names = [name for name in model.state_dict() if name != f"{tokens}.weight"]
    named = [name for name in config.get("architectures") or () if isinstance(name, str)]
    last = decodes(found)
    classifiers = [name for name in named if last and name.endswith("ForSequenceClassification")]
    return AnyFormat(
        name=found.model_type,
        base=_variant(found.model_type, kept, dims_of(found, model), last=last),
        settings=(),
        prefix=f"{model.base_model_prefix}.",
        base_prefixes=tuple(dict.fromkeys(name.split(".")[0] for name in model.state_dict())),
        base_weights=((f"{tokens}.weight", "embedding.tokens.weight"), *_rows(names)),
        heads={OWN_HEAD: HEAD, **({"classification": (CLASSIFIER,)} if classifiers else {})},
        architectures={
            name: ("classification",) if name in classifiers else () for name in (type(model).__name__, *named)
        },
        head_dropout={"classification": HeadDropout(None, 0.0)},
        pooling=PoolingConfig(pooling="last", activation=None, output_bias=False, dropout=0.0),
    )


def _rows(names: Iterable[str]) -> list[NameRule]:
    """One row for all names that differ in numbers alone."""
    rows: dict[str, None] = {}
    for name in names:
        letters = iter("ijklmn")
        rows[re.sub(r"(?<=\.)\d+(?=\.)", lambda _, letters=letters: f"{{{next(letters)}}}", name)] = None  # type: ignore[misc]
    return [(row, f"encoder.model.{row}") for row in rows]


def _variant(kind: str, config: Mapping[str, Any], dims: Dims, *, last: bool) -> Variant:
    """What a folder is in the zoo's terms; a decoder's texts are read from their last token."""
    length = min(128, dims.max_length)
    return Variant(
        name=kind,
        paper="Wolf et al. 2020, arXiv:1910.03771",
        dims=dims,
        tokenizer=part("transformers.folder"),
        embedding=part("transformers.tokens", config=dict(config)),
        encoder=part("transformers.model", config=dict(config)),
        objectives=(part("transformers.taken"),),
        packing=part("transformers.documents"),
        masking=part("transformers.unmasked"),
        pretraining=Pretraining(tokens=1_000_000, batch_tokens=8_192, sequence_length=length, learning_rate=1e-4),
        finetuning=Finetuning(learning_rate=2e-5, batch_size=32, epochs=3.0, max_length=length),
        head=PoolingConfig(pooling="last" if last else "first"),
    )
