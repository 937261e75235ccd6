"""Which heads a checkpoint holds, and which of its tensors are theirs: decided before any is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zoo.core.errors import ZooError, listed, nearest
from zoo.weights.files import CONFIG
from zoo.weights.folder import CheckpointFolder
from zoo.weights.format import OWN_HEAD, POOL, UNTIED_DECODER, CheckpointFormat, Config
from zoo.weights.name_table import NameTable
from zoo.weights.safetensors_files import SafetensorsFiles

HEAD_KINDS: tuple[str, ...] = ("classification", "token-classification", "question-answering", "multiple-choice")
"""The heads that are task heads; heads of the kinds in PROBLEMS have the weights of `classify`."""


@dataclass(frozen=True)
class StoredHeads:
    """A checkpoint's heads, the stored name of each weight in use, and what is not used.

    `names` are stored names by those of the tables, `left_out` stored names; `notes` say where config and weights
    disagree.
    """

    used: tuple[str, ...]
    names: Mapping[str, str]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_heads(format: CheckpointFormat, folder: CheckpointFolder) -> StoredHeads:
    """The heads of a checkpoint that config.json names and whose weights are there.

    Pre-training objectives and a pooler beyond the named class are kept too, as released checkpoints often hold more.
    Unused weights are left out, unless they stand among the encoder's or a used head's, which would then compute
    something else: those are an error.
    """
    config, store, where = folder.config, folder.weights, f"{folder.path / CONFIG}"
    names = _normalised_names(format, store)
    named, notes = _named(format, config, where)
    there = tuple(head for head in named if _is_there(format, head, names))
    if there != named:
        absent = listed([head for head in named if head not in there])
        notes.append(f"the weights are without {absent} of {config['architectures'][0]}, which config.json names")
    heads = _with_others(format, there, names)
    if _settle_copies(format, config, names, heads, store):
        heads = (*heads, UNTIED_DECODER)
    left_out = _left_out(format, heads, names)
    if left_out:
        classes = _classes_for(format, [format.normalise_name(name) for name in left_out])
        hint = f"; to have them, name their class in architectures, as {' or '.join(classes)}" if classes else ""
        why = (
            f"the zoo reads no such head of model type {format.name!r}"
            if OWN_HEAD in format.heads
            else "config.json names no head that has them"
        )
        notes.append(f"left out, as {why}: {listed(left_out)}{hint}")
    unused = set(left_out)
    used = {name: stored for name, stored in names.items() if stored not in unused}
    return StoredHeads(heads, used, left_out, tuple(notes))


def _named(format: CheckpointFormat, config: Config, where: str) -> tuple[tuple[str, ...], list[str]]:
    """The heads of the class that a config names, none if it names no known one; and a note about that."""
    if OWN_HEAD in format.heads and OWN_HEAD in config:
        return (OWN_HEAD,), []
    classes = config.get("architectures") or []
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ZooError(f"{where}: architectures should name a class, not {classes!r:.80}")
    if len(classes) == 1 and classes[0] in format.architectures:
        return format.architectures[classes[0]], []
    if not classes:
        return (), []
    close = nearest(classes[0], format.architectures)
    hint = f"; did you mean {close!r}?" if close and len(classes) == 1 else ""
    named = listed([repr(name) for name in classes])
    return (), [f"architectures in config.json names {named}, no one class of {format.name} checkpoints{hint}"]


def _normalised_names(format: CheckpointFormat, store: SafetensorsFiles) -> dict[str, str]:
    names: dict[str, str] = {}
    for stored in store.entries:
        name = format.normalise_name(stored)
        if name in names:
            raise ZooError(f"{store.where}: {names[name]!r} and {stored!r} are the same weight; remove one")
        if not format.ignores(name):
            names[name] = stored
    return names


def _with_others(format: CheckpointFormat, heads: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """The heads, any pre-training objectives beside them, and the pooler."""
    no_objectives = (*HEAD_KINDS, OWN_HEAD, POOL, UNTIED_DECODER)
    if not set(heads) & set(HEAD_KINDS):
        for head in format.heads:
            if head not in (*no_objectives, *heads) and _own_rows_there(format, head, names):
                heads = (*heads, head)
    has_pooler = POOL in format.heads and any(name.startswith("pooler.") for name in names)
    if has_pooler and not any(row[0].startswith("pooler.") for head in heads for row in format.heads[head]):
        heads = (*heads, POOL)
    return heads


def _is_there(format: CheckpointFormat, head: str, names: Iterable[str]) -> bool:
    """Whether a tensor is stored that this head adds to the pooler; a head may add none."""
    table = NameTable([row for row in format.heads[head] if not row[0].startswith("pooler.")])
    return not table.rows or any(table.ours(name) for name in names)


def _classes_for(format: CheckpointFormat, names: list[str]) -> list[str]:
    """The classes with a head that has some of these weights."""
    heads = ((name, set(heads) & set(HEAD_KINDS)) for name, heads in format.architectures.items())
    return [name for name, kinds in heads if any(_is_there(format, kind, names) for kind in kinds)]


def _left_out(format: CheckpointFormat, heads: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """The stored names that belong to neither the encoder nor a head."""
    used = {*format.base_prefixes, *(row[0].split(".")[0] for head in heads for row in format.heads[head])}
    return tuple(sorted(stored for name, stored in names.items() if name.split(".")[0] not in used))


def _own_rows_there(format: CheckpointFormat, head: str, names: Mapping[str, str]) -> bool:
    """Whether a tensor is stored that this head has and no other."""
    others = {row[0] for other, rows in format.heads.items() if other != head for row in rows}
    own = {row[0] for row in format.heads[head]} - others
    return any(name.format(p=p) in names for name in own for p in ("weight", "bias"))


def _settle_copies(
    format: CheckpointFormat, config: Config, names: dict[str, str], heads: tuple[str, ...], store: SafetensorsFiles
) -> bool:
    """Drop duplicates, use copies stored without their original; true if the output layer is untied.

    As in the reference library, an output layer whose stored table differs from the tokens' is untied whatever the
    config says, and the copy of its bias counts.
    """
    untied, predicts = False, _predicts(format, heads)
    tied = config.get("tie_word_embeddings", True)
    if not isinstance(tied, bool):
        raise ZooError(f"{store.folder}/config.json: tie_word_embeddings should be true or false, not {tied!r:.60}")
    tables = {theirs for theirs, _ in format.heads.get(UNTIED_DECODER, ())}
    for copy, source in format.copies:
        table = copy in tables
        if table and predicts and not tied:
            untied = True
        elif copy in names and (not table or source not in names):
            names[source] = names.pop(copy)
        elif copy in names and _equal(store, names[copy], names[source]):
            del names[copy]
        elif copy in names:
            untied = predicts
    return untied


def _predicts(format: CheckpointFormat, heads: tuple[str, ...]) -> bool:
    """Whether there is an output layer that could be tied."""
    return format.untied_objective in heads


def _equal(store: SafetensorsFiles, *names: str) -> bool:
    if len({store.entries[name].shape for name in names}) > 1:
        return False
    a, b = (tensor for name in names for _, tensor in store.read([name]))
    return bool((a == b).all())
