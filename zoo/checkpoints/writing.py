"""Models into folders: the Hugging Face format, or the zoo's own."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from zoo.checkpoints.card import model_card
from zoo.checkpoints.reading import head_of
from zoo.core.errors import ZooError
from zoo.core.files import write_folder
from zoo.core.interfaces import Embedding
from zoo.core.specs import PartRef, Variant
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.weights.checkpoint import weights_hash, write_own
from zoo.weights.folder import Objectives
from zoo.weights.format import OWN_HEAD, POOL, TASK, UNTIED_DECODER, CheckpointFormat
from zoo.weights.huggingface import HuggingFaceExport, without_objectives, write_huggingface, write_tokenizer_config
from zoo.weights.match import PROBLEMS
from zoo.weights.provenance import rewritten, tells_of, write_provenance

log = logging.getLogger("zoo")


def save(
    model: Model,
    folder: Path | str,
    *,
    to: Literal["hf", "zoo"] = "hf",
    replace: bool = False,
    catalog: Catalog | None = None,
) -> None:
    """Write a model, and its tokenizer if it has one, as a folder that `load` and the transformers library read.

    The folder also gets the draft of a model card, and the weights' provenance where it is known. `to="zoo"` keeps
    the complete record of the variant, in a format that only zoo reads. The folder is written completely or not
    at all. Raises ZooError if it exists and `replace` is false, or if the Hugging Face format cannot express
    the model.
    """
    folder = Path(folder)
    if to not in ("hf", "zoo"):
        raise ZooError(f"a model is written as 'hf' or 'zoo', not as {to!r:.60}")
    if not replace and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} exists; give a new name, or allow to replace it")
    catalog = catalog or Catalog.installed()
    described = None
    if to == "hf":
        whole, model = model, simplified(model)
        described = describe(model, catalog)
        if left := [name for name in model.objective_names if name in described.left_out]:
            log.warning("%s: %s", folder, f"left out, as the format has no place for it: {', '.join(left)}")
        model = _as_expressed(whole, model, left)
    metadata = {**(model.origin.metadata if model.origin else {}), "format": "pt"}
    card = model_card(model, catalog)
    state = {renamed(model, name): tensor for name, tensor in model.state_dict().items()}

    def fill(place: Path) -> None:
        if described is None:
            objectives = Objectives(names=tuple(_call(model, n) for n in model.objective_names), head=head_of(model))
            write_own(place, model.variant, objectives, state, metadata)
        else:
            write_huggingface(place, described, state, metadata)
        if model.tokenizer is not None:
            model.tokenizer.save(place)
            if described is not None:
                write_tokenizer_config(place, described, model.tokenizer)
        write_provenance(place, model.origin.provenance if model.origin else {})
        if model.origin and model.origin.sentence:
            model.origin.sentence.write(place)
        (place / "README.md").write_text(card, encoding="utf-8")

    write_folder(folder, fill)


def describe(model: Model, catalog: Catalog) -> HuggingFaceExport:
    """The Hugging Face words for a model. Raises ZooError if there are none."""
    formats = catalog.checkpoint_formats.that_may_express(model.variant)
    for format in sorted(formats, key=partial(_distance, model)):
        settings = format.config(model.variant)
        left_out = format.left_out(model.variant)
        stored = [name for name in model.objective_names if name not in left_out]
        computes = model.causal == format.causal and all(format.computes(model.variant, name) for name in stored)
        if settings is None or not computes:
            continue
        heads = _heads(model, format, stored)
        wanted = sorted(head for head in heads if head not in (POOL, UNTIED_DECODER))
        named = [name for name, its in format.architectures.items() if wanted in (sorted(its), [OWN_HEAD])]
        weights = without_objectives((renamed(model, name) for name in model.state_dict()), left_out)
        if named and all(map(format.table(heads).theirs, weights)):
            origin = model.origin.config if model.origin else {}
            length = model.variant.dims.max_length
            settings |= _token_ids(model, format)
            return HuggingFaceExport(format, heads, named[0], settings, head_of(model), origin, length, left_out)
    objectives = ", ".join(model.objective_names) or "no head"
    known = ", ".join(catalog.checkpoint_formats) or "nothing"
    raise ZooError(
        f"{model.variant.name!r} with {objectives} cannot be expressed in the Hugging Face format of {known}, "
        "as released; write the zoo's own format (zoo), or offer a checkpoint format of its own in a plugin"
    )


def simplified(model: Model) -> Model:
    """The model with an embedding that other libraries have, if its own can be written as one."""
    found = model.embedding.exported()
    if found is None:
        return model
    name, embedding = found
    variant = model.variant.swap(model.variant.name, embedding=PartRef(name=name))
    return _with(model, variant, embedding, model.objective_names)


def _as_expressed(whole: Model, simple: Model, left_out: Collection[str]) -> Model:
    """A model without the objectives that a format leaves out; how it was made goes on with it."""
    if simple is whole and not left_out:
        return whole
    kept = [name for name in simple.objective_names if name not in left_out]
    made = _with(simple, simple.variant, simple.embedding, kept)
    if whole.origin and tells_of(whole.origin.provenance, weights_hash(whole.state_dict())):
        provenance = rewritten(whole.origin.provenance, weights_hash(made.state_dict()), left_out)
        made.origin = dataclasses.replace(whole.origin, provenance=provenance)
    return made


def _with(model: Model, variant: Variant, embedding: Embedding, objectives: Iterable[str]) -> Model:
    """A model with another embedding or fewer objectives, its weights shared."""
    kept = {name: model.objective(name) for name in objectives}
    made = Model(variant, embedding, model.encoder, kept, loss_weights=model.loss_weights, causal=model.causal)
    made.tokenizer, made.origin = model.tokenizer, model.origin
    return made


def _token_ids(model: Model, format: CheckpointFormat) -> dict[str, JsonValue]:
    """The ids of special tokens that config.json states: those of the tokenizer, or of the folder that was read."""
    if model.tokenizer is None:
        origin = model.origin.config if model.origin else {}
        return {key: origin.get(key) for key in format.token_ids}
    known = model.tokenizer.special_names
    return {
        key: getattr(model.tokenizer, f"{role}_id", None) for key, role in format.token_ids.items() if role in known
    }


def _distance(model: Model, format: CheckpointFormat) -> tuple[bool, bool]:
    """The nearest format first: what the model was loaded from, then one with its tokenizer, as families differ in
    nothing else at times."""
    loaded = model.origin.config.get("model_type") if model.origin else None
    return format.name != loaded, format.base.tokenizer.name != model.variant.tokenizer.name


def renamed(model: Model, weight: str) -> str:
    """A weight's name, a task head always being called the same."""
    top, _, rest = weight.partition(".")
    if top != "objectives":
        return weight
    key, _, rest = rest.partition(".")
    return f"{top}.{TASK if isinstance(model.objectives[key], TaskHead) else key}.{rest}"


def _heads(model: Model, format: CheckpointFormat, stored: Iterable[str]) -> tuple[str, ...]:
    """What a model has on top of its encoder, in the words of the formats."""
    heads: list[str] = []
    for name in stored:
        objective = model.objective(name)
        if isinstance(objective, TaskHead):
            kind = objective.config.kind
            own = OWN_HEAD in format.heads and not objective.config.library_class
            heads.append(OWN_HEAD if own else "classification" if kind in PROBLEMS else kind)
            if not own and not _is_released(objective, format):
                heads.append("a head of the zoo's own")
        else:
            heads.append(name)
    if not {ours for _, ours in format.heads.get(UNTIED_DECODER, ())}.isdisjoint(model.state_dict()):
        heads.append(UNTIED_DECODER)
    return tuple(heads)


def _is_released(head: TaskHead, format: CheckpointFormat) -> bool:
    """Whether a format's heads read as this one does."""
    theirs = head.config.library_class
    if theirs:
        return theirs in format.library_heads.values()
    if head.uses_pair_features or head.features is not None:
        return False
    pooling = head.config.pooling
    same = {"norm"} if head.reads_tokens else {"norm", "activation", "output_bias"}
    said = {"pooling": pooling.pooling} if pooling.pooling in format.pooling_key.theirs else {}
    expected = format.pooling.model_dump(include={*same, "pooling"}) | said
    return pooling.model_dump(include={*same, "pooling"}) == expected


def _call(model: Model, name: str) -> str:
    return TASK if isinstance(model.objective(name), TaskHead) else name
