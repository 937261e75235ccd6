"""Counting from a safetensors header: names and shapes, and no weight is read."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.auditing.closed_form import ClosedForm, closed_form
from zoo.auditing.counts import Counts
from zoo.core.errors import ZooError
from zoo.core.specs import PartRef, Record, Variant
from zoo.formulas import MLM_HEAD
from zoo.registry.catalog import Catalog
from zoo.weights.files import CONFIG
from zoo.weights.folder import CheckpointFolder
from zoo.weights.format import OWN_HEAD, POOL, UNTIED_DECODER, CheckpointFormat
from zoo.weights.header import FLOATS, Entry
from zoo.weights.hub import is_hub_name
from zoo.weights.name_table import NameTable
from zoo.weights.record import untied
from zoo.weights.stored_heads import HEAD_KINDS, StoredHeads, find_heads

BODY, POOLER, TWICE, BUFFERS, TASK_HEAD, UNKNOWN = "body", "pooler", "twice", "buffers", "task head", "unknown"
UNUSED = "unused"
TOKEN_TABLES = ("word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight")
"""What the table of tokens is called in architectures that no plugin knows."""

N_SHOWN = 3

Group = Callable[[str, Entry], str]


class Contents(Record):
    """How many values a checkpoint stores, by what they are to the model; `unknown` fit nowhere."""

    model_type: str | None
    values: int
    stored_twice: dict[str, int]
    buffers: dict[str, int]
    unknown: dict[str, int]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's counts, what it says it is, and the model that its config describes, if a plugin knows it."""

    contents: Contents
    counts: Counts
    form: ClosedForm | None
    notes: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True)
class _Tally:
    """The tensors of each group, by stored name with their number of values."""

    groups: Mapping[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def sum(self, *groups: str) -> int:
        return sum(n for group in groups for n in self.groups.get(group, {}).values())

    def has(self, group: str) -> bool:
        return bool(self.groups.get(group))

    def contents(self, model_type: str | None) -> Contents:
        return Contents(
            model_type=model_type,
            values=self.sum(*self.groups),
            stored_twice=self.groups.get(TWICE, {}),
            buffers=self.groups.get(BUFFERS, {}),
            unknown=self.groups.get(UNKNOWN, {}),
        )


def is_path(name: str) -> bool:
    """Whether a name means a folder, on the hub too, or a file rather than a variant."""
    return "/" in name or is_hub_name(name) or name.endswith(".safetensors") or os.path.exists(name)


def read_checkpoint(catalog: Catalog, path: Path) -> Checkpoint:
    """Count what a folder or a safetensors file stores. Raises ZooError if it is broken or holds no weights."""
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise ZooError(f"there is no file or folder {path}")
    opened = CheckpointFolder(path) if path.is_dir() else CheckpointFolder(folder, path.name)
    entries = opened.weights.entries
    if opened.variant:
        return _own(closed_form(catalog, opened.variant), entries)
    if not opened.holds(CONFIG):
        return _unrecognized(entries, {}, f"no {CONFIG} beside it: counted from its header alone", wrong=False)
    config = opened.config
    kind = config.get("model_type")
    format = catalog.checkpoint_formats.find(config, str(folder / CONFIG))
    if format is None:
        note = f"no plugin installed for model type {kind!r:.60}" if kind else f"its {CONFIG} names no model_type"
        return _unrecognized(entries, config, f"{note}: counted from its header alone", wrong=True)
    variant = format.variant(config, "checkpoint", str(folder / CONFIG))
    heads = find_heads(format, opened)
    variant = variant.model_copy(update={"objectives": _stored_objectives(format, variant, heads)})
    if UNTIED_DECODER in heads.used:
        variant = variant.model_copy(update={"objectives": untied(format, variant.objectives)})
    return _known(closed_form(catalog, variant), format, entries, heads)


def _known(form: ClosedForm, format: CheckpointFormat, entries: Mapping[str, Entry], heads: StoredHeads) -> Checkpoint:
    """Of a family that a plugin knows, by its tables of names; which of two copies counts is for the loader to say.

    Where a task head is stored, names that it shares with an objective, as ModernBERT's, are its own.
    """
    objectives = [] if set(heads.used) & {OWN_HEAD, *HEAD_KINDS} else _objectives(form, format)
    tables, copies = _tables(objectives, format), dict(format.copies)
    present = {format.normalise_name(name) for name in entries}
    counted, left_out = {stored: name for name, stored in heads.names.items()}, set(heads.left_out)

    def group(name: str, entry: Entry) -> str:
        canonical = format.normalise_name(name)
        if format.ignores(canonical) or entry.dtype not in FLOATS:
            return BUFFERS
        if UNTIED_DECODER in heads.used:
            if name not in counted and name not in left_out:
                return UNUSED
            canonical = counted.get(name, canonical)
        elif copies.get(canonical) in present:
            return TWICE
        else:
            canonical = copies.get(canonical, canonical)
        return next((group for group, table in tables.items() if table.ours(canonical)), UNKNOWN)

    return _counted(form, objectives, _tally(entries, group), format.name)


def _stored_objectives(format: CheckpointFormat, variant: Variant, heads: StoredHeads) -> tuple[PartRef, ...]:
    """The variant's, but for those that no folder holds; or others, where a folder holds others."""
    own = tuple(used for used in variant.objectives if used.name not in format.left_out(variant))
    known = {POOL, UNTIED_DECODER, OWN_HEAD, *HEAD_KINDS, *(used.name for used in own)}
    return tuple(PartRef(name=head) for head in heads.used if head not in known) or own


def _objectives(form: ClosedForm, format: CheckpointFormat) -> list[str]:
    return [used.name for used in form.variant.objectives if used.name in format.heads]


def _tables(objectives: Sequence[str], format: CheckpointFormat) -> dict[str, NameTable]:
    """The names of each group of weights."""
    heads = [name for name in format.heads if name not in (*objectives, UNTIED_DECODER)]
    output = format.heads.get(UNTIED_DECODER, ())
    return {
        BODY: NameTable(format.base_weights),
        POOLER: NameTable(format.heads.get(POOL, ())),
        **{
            name: NameTable([*format.heads[name], *(output if name == format.untied_objective else ())])
            for name in objectives
        },
        TASK_HEAD: NameTable([row for name in heads for row in format.heads[name]]),
    }


def _own(form: ClosedForm, entries: Mapping[str, Entry]) -> Checkpoint:
    """Of a folder that the zoo wrote, whose names are the module's."""
    objectives = {used.name.replace(".", "/"): used.name for used in form.variant.objectives}

    def group(name: str, entry: Entry) -> str:
        top, _, rest = name.partition(".")
        if entry.dtype not in FLOATS:
            return BUFFERS
        if top in ("embedding", "encoder"):
            return BODY
        key, _, rest = rest.partition(".")
        if rest.startswith("pooler."):
            return POOLER
        return objectives.get(key, TASK_HEAD) if top == "objectives" else UNKNOWN

    return _counted(form, list(objectives.values()), _tally(entries, group), None)


def _tally(entries: Mapping[str, Entry], group: Group) -> _Tally:
    tally = _Tally()
    for name, entry in entries.items():
        tally.groups[group(name, entry)][name] = math.prod(entry.shape)
    return tally


def _counted(form: ClosedForm, objectives: Sequence[str], tally: _Tally, model_type: str | None) -> Checkpoint:
    """The counts under each definition whose tensors are there."""
    body = tally.sum(BODY)
    parts = {part.name: part.components or () for part in form.parts if part.kind == "objective"}
    mlm = [name for name in objectives if any(c.name == MLM_HEAD for c in parts[name])]
    pooled = any(component.name == POOLER for components in parts.values() for component in components)
    complete = bool(objectives) and all(tally.has(name) for name in objectives) and (tally.has(POOLER) or not pooled)
    counts = Counts(
        encoder=body,
        encoder_pooler=body + tally.sum(POOLER) if tally.has(POOLER) else None,
        mlm=body + tally.sum(mlm[0]) if mlm and tally.has(mlm[0]) else None,
        pretraining=tally.sum(BODY, *([POOLER] if pooled else []), *objectives) if complete else None,
    )
    return Checkpoint(tally.contents(model_type), counts, form, _notes(tally))


def _unrecognized(entries: Mapping[str, Entry], config: Mapping[str, Any], note: str, *, wrong: bool) -> Checkpoint:
    """Of an architecture that no plugin knows: what comes after the token table's prefix is the encoder."""
    table = next((name for name in entries if name.endswith(TOKEN_TABLES)), None)
    prefix = table.partition("embeddings.")[0] if table and "embeddings." in table else ""

    def group(name: str, entry: Entry) -> str:
        if entry.dtype not in FLOATS:
            return BUFFERS
        if not name.startswith(prefix):
            copied = table and entry.shape == entries[table].shape and name.endswith(".weight")
            return TWICE if copied else TASK_HEAD
        return POOLER if name.removeprefix(prefix).startswith("pooler.") else BODY

    tally = _tally(entries, group)
    architecture = str(config.get("architectures"))
    body, whole = tally.sum(BODY), tally.sum(BODY, POOLER, TASK_HEAD)
    counts = Counts(
        encoder=body if table else None,
        encoder_pooler=tally.sum(BODY, POOLER) if tally.has(POOLER) else None,
        mlm=whole if "MaskedLM" in architecture else None,
        pretraining=whole if "PreTraining" in architecture else None,
    )
    kind = config.get("model_type")
    contents = tally.contents(kind if isinstance(kind, str) else None)
    return Checkpoint(contents, counts, None, (note, *_notes(tally)), note if wrong else None)


def _notes(tally: _Tally) -> tuple[str, ...]:
    """What a file stores beyond the counted parameters, by the cause that it makes other counts differ."""
    causes = {
        TWICE: "stored twice, tied to the token table or its bias",
        UNUSED: "never used, as the output layer that is not tied has a bias of its own",
        BUFFERS: "buffers of integers",
        TASK_HEAD: "heads that no definition counts",
        UNKNOWN: "not known to the plugin",
    }
    return tuple(
        f"{tally.sum(group):,} of {tally.sum(*tally.groups):,} stored values are {cause}: {_shown(tally.groups[group])}"
        for group, cause in causes.items()
        if tally.has(group)
    )


def _shown(names: Mapping[str, int]) -> str:
    listed = ", ".join(list(names)[:N_SHOWN])
    return f"{listed} and {len(names) - N_SHOWN} more" if len(names) > N_SHOWN else listed
