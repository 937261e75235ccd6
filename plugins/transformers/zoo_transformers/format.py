"""The format of any folder that AutoModel can load: names of weights as they are, and config.json in the variant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, NamedTuple

from pydantic import JsonValue, ValidationError
from transformers import PretrainedConfig

from zoo import Dims, Finetuning, PoolingConfig, Pretraining, Variant, ZooError, part
from zoo.core.errors import explain
from zoo.core.meta import without_memory
from zoo.weights.format import OWN_HEAD, CheckpointFormat, HeadDropout
from zoo.weights.name_table import NameRule
from zoo.weights.stored_heads import HEAD_KINDS
from zoo_transformers.heads import KINDS, MASKED, NEXT, LibraryHead, kind_of
from zoo_transformers.library import OF_ITS_FILES, build, decodes, dims_of, is_causal, read_config

HEAD = (
    (f"{OWN_HEAD}.pooler.dense.{{p}}", "objectives.task.pooler.dense.{p}"),
    (f"{OWN_HEAD}.output.{{p}}", "objectives.task.output.{p}"),
)

CLASSIFIER = ("score.weight", "objectives.task.output.weight")
"""The library's classifier of decoders: a linear layer without bias over the last token."""


STORED_AS = {"gpt_neox": {"lm_head.weight": "embed_out.weight"}}
"""Names of weights in files, where the library renames them when it reads and writes."""


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
        model = build(found, where)
    kept = {key: value for key, value in config.items() if key not in OF_ITS_FILES} | {"model_type": found.model_type}
    tokens = next(name for name, module in model.named_modules() if module is model.get_input_embeddings())
    names = [name for name in model.state_dict() if name != f"{tokens}.weight"]
    named = [name for name in config.get("architectures") or () if isinstance(name, str)]
    last = decodes(found)
    classifiers = [name for name in named if last and name.endswith("ForSequenceClassification")]
    theirs = _heads(found, named)
    if theirs:  # so that a model is written as the class that it was read as
        kept["architectures"] = [head.name for head in theirs.values()]
    try:
        base = _variant(found.model_type, kept, dims_of(found, model), last=last, heads=theirs)
    except ValidationError as error:
        raise ZooError(f"{where}: {explain(error)}") from None
    return AnyFormat(
        name=found.model_type,
        base=base,
        settings=(),
        prefix=f"{model.base_model_prefix}.",
        base_prefixes=tuple(dict.fromkeys(name.split(".")[0] for name in model.state_dict())),
        base_weights=((f"{tokens}.weight", "embedding.tokens.weight"), *_rows(names)),
        heads={
            OWN_HEAD: HEAD,
            **({"classification": (CLASSIFIER,)} if classifiers else {}),
            **{kind: head.rows for kind, head in theirs.items()},
        },
        architectures={
            type(model).__name__: (),
            **{name: ("classification",) if name in classifiers else () for name in named},
            **{head.name: (kind,) for kind, head in theirs.items()},
        },
        ignored=tuple(name for name, buffer in model.named_buffers() if not buffer.is_floating_point()),
        copies=tuple(copy for head in theirs.values() for copy in head.copies),
        library_heads={kind: head.name for kind, head in theirs.items() if kind not in (MASKED, NEXT)},
        causal=NEXT in theirs,
        head_dropout=dict.fromkeys(HEAD_KINDS, HeadDropout(None, 0.0)),
        pooling=PoolingConfig(pooling="last", activation=None, output_bias=False, dropout=0.0),
    )


class _Head(NamedTuple):
    """A class of the library's with a head: the names of its weights, and those stored a second time."""

    name: str
    rows: tuple[NameRule, ...]
    copies: tuple[tuple[str, str], ...]


def _heads(config: PretrainedConfig, named: Iterable[str]) -> dict[str, _Head]:
    """The heads of the classes that a config names, by kind, as far as the zoo can take them."""
    found: dict[str, _Head] = {}
    kinds = ({NEXT} if is_causal(config) else set()) if decodes(config) else {*KINDS} - {NEXT}
    for name in named:
        kind = kind_of(name, config)
        if kind not in kinds:
            continue
        try:
            with without_memory():
                head = LibraryHead(copy(config), name)
        except ZooError:  # it is left out, and named, when the weights are read
            continue
        tokens = kind in (MASKED, NEXT)
        place = f"objectives.{kind.replace('.', '/')}.head" if tokens else "objectives.task.layers"
        stored = STORED_AS.get(config.model_type, {})
        rows = tuple((stored.get(name, name), f"{place}.model.{name}") for name in head.model.state_dict())
        copies = tuple((alias, source) for alias, source in head.tied.items() if source is not None)
        found[kind] = _Head(name, rows, copies)
    return found


def _rows(names: Iterable[str]) -> list[NameRule]:
    """One row for all names that differ in numbers alone."""
    rows: dict[str, None] = {}
    for name in names:
        letters = iter("ijklmn")
        rows[re.sub(r"(?<=\.)\d+(?=\.)", lambda _, letters=letters: f"{{{next(letters)}}}", name)] = None  # type: ignore[misc]
    return [(row, f"encoder.model.{row}") for row in rows]


def _variant(kind: str, config: Mapping[str, Any], dims: Dims, *, last: bool, heads: Iterable[str]) -> Variant:
    """What a folder is in the zoo's terms: whether its texts are read from their last token, as a decoder's are, and
    the kinds of its heads, one of which may predict tokens."""
    length = min(128, dims.max_length)
    predicts = [part(head, config=dict(config)) for head in heads if head in (MASKED, NEXT)]
    return Variant(
        name=kind,
        paper="Wolf et al. 2020, arXiv:1910.03771",
        dims=dims,
        tokenizer=part("transformers.folder"),
        embedding=part("transformers.tokens", config=dict(config)),
        encoder=part("transformers.model", config=dict(config)),
        objectives=tuple(predicts) or (part("transformers.taken"),),
        packing=part("transformers.documents"),
        masking=part("transformers.unmasked"),
        pretraining=Pretraining(tokens=1_000_000, batch_tokens=8_192, sequence_length=length, learning_rate=1e-4),
        finetuning=Finetuning(learning_rate=2e-5, batch_size=32, epochs=3.0, max_length=length),
        head=PoolingConfig(pooling="last" if last else "first"),
    )
