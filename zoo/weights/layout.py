"""Which pieces a checkpoint holds, and which stored tensor fills which weight: decided before any is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from zoo.errors import N_SHOWN, ZooError, explain, listed, nearest
from zoo.specs import Head, HeadKind, HeadUse
from zoo.weights.format import POOL, UNTIED, CheckpointFormat, Config
from zoo.weights.header import FLOATS, Entry
from zoo.weights.names import NameTable
from zoo.weights.store import Store

HEAD_KINDS: tuple[HeadKind, ...] = ("classify", "tag", "span", "choice")
"""The pieces that are task heads; heads of the kinds in PROBLEMS have the weights of `classify`."""

PROBLEMS: dict[HeadKind, str] = {
    "classify": "single_label_classification",
    "multilabel": "multi_label_classification",
    "regress": "regression",
}
"""What config.json calls what a sequence's head is for."""


N_LABELS = 2
"""How many labels a head has whose config says nothing of them."""

MOST_LABELS = 100_000


@dataclass(frozen=True)
class Pieces:
    """What a checkpoint has on its encoder, where each weight of all that is used lies, and what is not used.

    `names` are stored names by those of the tables, `left_out` stored names; `notes` say what the config and the
    weights disagree on.
    """

    used: tuple[str, ...]
    names: Mapping[str, str]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_pieces(format: CheckpointFormat, config: Config, store: Store) -> Pieces:
    """The pieces of a checkpoint, as config.json names them and the weights are there.

    Pre-training objectives and a pooler that are there beside what is named are kept too, as released checkpoints often
    hold more than the class they name. Weights that belong to nothing that is used are left out, but for those that
    stand among the encoder's or a used head's, which would then compute something else.
    """
    where = f"{store.folder}/config.json"
    names = _canonical_names(format, store)
    named, notes = _named(format, config, where)
    absent = listed([piece for piece in named if not _is_there(format, piece, names)])
    if absent:
        notes.append(f"{where}: the weights are without {absent} of {config['architectures'][0]}")
    pieces = _with_others(format, tuple(piece for piece in named if _is_there(format, piece, names)), names)
    if _settle_copies(format, config, names, pieces, store):
        pieces = (*pieces, UNTIED)
    left_out = _left_out(format, pieces, names)
    if left_out:
        notes.append(f"{store.where}: left out, as part of no head that is named and known: {listed(left_out)}")
    unused = set(left_out)
    used = {name: stored for name, stored in names.items() if stored not in unused}
    return Pieces(pieces, used, left_out, tuple(notes))


def _named(format: CheckpointFormat, config: Config, where: str) -> tuple[tuple[str, ...], list[str]]:
    """The pieces of the class that a config names, none where it names no known one; and what to say of that."""
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
    return (), [f"{where}: architectures names {named}, no one class of {format.name} checkpoints{hint}"]


def _canonical_names(format: CheckpointFormat, store: Store) -> dict[str, str]:
    names: dict[str, str] = {}
    for stored in store.entries:
        name = format.canonical(stored)
        if name in names:
            raise ZooError(f"{store.where}: {names[name]!r} and {stored!r} are the same weight; remove one")
        if name not in format.ignored:
            names[name] = stored
    return names


def _with_others(format: CheckpointFormat, pieces: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """The pieces, the pre-training objectives that are there beside them, and the pooler."""
    if not set(pieces) & set(HEAD_KINDS):
        for piece in format.pieces:
            if piece not in (*HEAD_KINDS, *pieces, POOL, UNTIED) and _own_rows_there(format, piece, names):
                pieces = (*pieces, piece)
    has_pooler = any(name.startswith("pooler.") for name in names)
    if has_pooler and not any(row[0].startswith("pooler.") for piece in pieces for row in format.pieces[piece]):
        pieces = (*pieces, POOL)
    return pieces


def _is_there(format: CheckpointFormat, piece: str, names: Mapping[str, str]) -> bool:
    """Whether a tensor is stored that this piece has on the pooler."""
    table = NameTable([row for row in format.pieces[piece] if not row[0].startswith("pooler.")])
    return any(table.ours(name) for name in names)


def _left_out(format: CheckpointFormat, pieces: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """The stored names of what stands neither among the encoder's weights nor among a piece's."""
    used = {*format.inside, *(row[0].split(".")[0] for piece in pieces for row in format.pieces[piece])}
    return tuple(sorted(stored for name, stored in names.items() if name.split(".")[0] not in used))


def _own_rows_there(format: CheckpointFormat, piece: str, names: Mapping[str, str]) -> bool:
    """Whether a tensor is stored that this piece has and no other."""
    others = {row[0] for other, rows in format.pieces.items() if other != piece for row in rows}
    own = {row[0] for row in format.pieces[piece]} - others
    return any(name.format(p=p) in names for name in own for p in ("weight", "bias"))


def _settle_copies(
    format: CheckpointFormat, config: Config, names: dict[str, str], pieces: tuple[str, ...], store: Store
) -> bool:
    """Drop what is stored twice, find what is stored as a copy alone; true where the output layer is untied.

    As in the reference library, an output layer whose table is stored with other values than the tokens' is untied
    whatever the config says, and the copy of its bias is the one that counts.
    """
    untied, predicts = False, _predicts(format, pieces)
    tied = config.get("tie_word_embeddings", True)
    if not isinstance(tied, bool):
        raise ZooError(f"{store.folder}/config.json: tie_word_embeddings should be true or false, not {tied!r:.60}")
    tables = {theirs for theirs, _ in format.pieces.get(UNTIED, ())}
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


def _predicts(format: CheckpointFormat, pieces: tuple[str, ...]) -> bool:
    """Whether there is an output layer that could be tied."""
    objectives = {ours.split(".")[1] for _, ours in format.pieces.get(UNTIED, ())}
    return any(piece.replace(".", "/") in objectives for piece in pieces)


def _equal(store: Store, *names: str) -> bool:
    if len({store.entries[name].shape for name in names}) > 1:
        return False
    a, b = (tensor for name in names for _, tensor in store.read([name]))
    return bool((a == b).all())


def head_use(
    format: CheckpointFormat, config: Config, pieces: tuple[str, ...], layers: float, where: str
) -> HeadUse | None:
    """The task head that a config describes, if there is one; `layers` is the dropout of the encoder's layers.

    Raises ZooError for kinds that the zoo has not.
    """
    kind = next((kind for kind in HEAD_KINDS if kind in pieces), None)
    if kind is None:
        return None
    labels = _labels(config, where) if kind in ("classify", "tag") else ()
    problem = config.get("problem_type")
    if kind == "classify":
        kinds: dict[object, HeadKind] = {name: kind for kind, name in PROBLEMS.items()}
        kinds[None] = "regress" if len(labels) == 1 else "classify"
        if not isinstance(problem, str | None) or problem not in kinds:
            raise ZooError(f"{where}: problem_type {problem!r:.60} is not one of {', '.join(PROBLEMS.values())}")
        kind = kinds[problem]
        if kind == "regress":
            if len(labels) != 1:
                raise ZooError(f"{where}: a regression of {len(labels)} values; the zoo has heads for one")
            labels = ()
    dropout = config.get(format.head_dropout, format.head_dropout_default)
    if dropout is None or kind in format.drops_as_layers:
        dropout = layers
    first = dropout if format.drops_head_input and kind in PROBLEMS else 0.0
    try:
        reading = Head(dropout=0.0 if kind == "span" else dropout, input_dropout=first)
        return HeadUse(kind=kind, labels=labels, reading=reading)
    except ValidationError as error:
        raise ZooError(f"{where}: {explain(error)}") from None


def _labels(config: Config, where: str) -> tuple[str, ...]:
    """A head's labels; a number of labels that is not that of the names outweighs them, as in the reference library."""
    named = config.get("id2label")
    if named is not None and not _names_ids(named):
        raise ZooError(f"{where}: id2label should give each of the ids from 0 a name")
    n_labels = config.get("num_labels", N_LABELS if named is None else len(named))
    if type(n_labels) is not int or not 1 <= n_labels <= MOST_LABELS:
        raise ZooError(f"{where}: num_labels is {n_labels!r:.60}")
    kept = named if named is not None and len(named) == n_labels else {}
    return tuple(kept.get(str(index), f"LABEL_{index}") for index in range(n_labels))


def _names_ids(named: object) -> bool:
    if not isinstance(named, dict) or not named:
        return False
    return set(named) == {str(index) for index in range(len(named))} and all(isinstance(n, str) for n in named.values())


def head_config(format: CheckpointFormat, use: HeadUse) -> dict[str, JsonValue]:
    """What config.json says of a head."""
    names = use.labels or (("LABEL_0",) if use.kind == "regress" else ("LABEL_0", "LABEL_1"))
    config: dict[str, JsonValue] = {
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
    }
    if use.kind in PROBLEMS:
        config["problem_type"] = PROBLEMS[use.kind]
    if use.kind != "span":
        config[format.head_dropout] = use.reading.dropout
    return config


def match(what: str, store: Store, expected: Mapping[str, tuple[int, ...]], names: Mapping[str, str]) -> None:
    """See that every expected weight is there with its shape, and nothing else; names are the tables'.

    Raises ZooError with all that is missing, left over, misshapen or not of floats.
    """
    missing, extra = [n for n in expected if n not in names], [n for n in names if n not in expected]
    wrong = [_misfit(names[n], store.entries[names[n]], expected[n]) for n in expected if n in names]
    unfit = [complaint for complaint in wrong if complaint]
    complaints = (_hinted("missing", missing, extra), _hinted("not known", extra, missing), listed(unfit))
    found = [complaint for complaint in complaints if complaint]
    if found:
        raise ZooError(f"{store.where}: the weights are not those of {what}: {'; '.join(found)}")


def _misfit(stored: str, entry: Entry, shape: tuple[int, ...]) -> str:
    """What keeps a tensor from being a weight of this shape; nothing where it can be one."""
    if entry.dtype not in FLOATS:
        return f"{stored} holds {entry.dtype}, not floats"
    return "" if entry.shape == shape else f"{stored} has the shape {list(entry.shape)}, not {list(shape)}"


def _hinted(kind: str, names: list[str], others: list[str]) -> str:
    """Names with those that they might have been meant for."""
    hints = [(name, nearest(name, others)) for name in names[:N_SHOWN]]
    shown = [f"{name} (is it {close}?)" if close else name for name, close in hints]
    return f"{kind}: {listed([*shown, *names[N_SHOWN:]])}" if names else ""
