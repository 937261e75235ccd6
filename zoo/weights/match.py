"""The task head in config.json, and a check that the stored tensors are the expected weights."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from zoo.core.errors import N_SHOWN, ZooError, explain, listed, nearest
from zoo.core.specs import HeadConfig, PoolingConfig
from zoo.weights.format import OWN_HEAD, CheckpointFormat, Config
from zoo.weights.header import FLOATS, Entry
from zoo.weights.safetensors_files import SafetensorsFiles
from zoo.weights.stored_heads import HEAD_KINDS

PROBLEMS: dict[str, str] = {
    "classification": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}
"""The names in config.json of the kinds of sequence heads."""


OPTIONS = "task_options"
"""The name in config.json of the options of a head's kind."""

N_LABELS = 2
"""The number of labels if the config does not say."""

MOST_LABELS = 100_000


def head_use(
    format: CheckpointFormat, config: Config, heads: tuple[str, ...], layers: float, where: str
) -> HeadConfig | None:
    """The task head that a config describes, if there is one; `layers` is the dropout of the encoder's layers.

    Raises ZooError for unsupported kinds.
    """
    if OWN_HEAD in heads:
        try:
            return HeadConfig.model_validate_json(json.dumps(config[OWN_HEAD]))
        except ValidationError as error:
            raise ZooError(f"{where}: {OWN_HEAD}: {explain(error)}") from None
    kind = next((kind for kind in HEAD_KINDS if kind in heads), None)
    if kind is None:
        return None
    theirs = format.library_heads.get(kind, "")
    labels = _labels(config, where) if kind in ("classification", "token-classification") else ()
    problem = config.get("problem_type")
    if kind == "classification":
        kinds: dict[object, str] = {name: kind for kind, name in PROBLEMS.items()}
        kinds[None] = "regression" if len(labels) == 1 else "classification"
        if not isinstance(problem, str | None) or problem not in kinds:
            raise ZooError(f"{where}: problem_type {problem!r:.60} is not one of {', '.join(PROBLEMS.values())}")
        kind = kinds[problem]
        if kind == "regression":
            if len(labels) != 1:
                raise ZooError(f"{where}: a regression of {len(labels)} values; the zoo has heads for one")
            labels = ()
    key, absent = format.dropout_of(_stored_kind(kind))
    dropout = config.get(key, absent) if key else absent
    dropout = layers if dropout is None else dropout
    first = dropout if format.drops_head_input and kind in PROBLEMS else 0.0
    said = _pooling(format, config, where)
    try:
        rates = {_dropout_field(kind): dropout, "input_dropout": first}
        pooling = PoolingConfig(**{**dict(format.pooling), **said, **rates})
        return HeadConfig.model_validate(
            {
                "kind": kind,
                "labels": labels,
                "options": config.get(OPTIONS, {}),
                "pooling": pooling,
                "library_class": theirs,
            }
        )
    except ValidationError as error:
        raise ZooError(f"{where}: {explain(error)}") from None


def _pooling(format: CheckpointFormat, config: Config, where: str) -> dict[str, str]:
    """How a sequence is pooled, if a config may say so."""
    key, default, theirs = format.pooling_key
    stated = config.get(key, default)
    found = [ours for ours, name in theirs.items() if name == stated]
    if theirs and not found:
        raise ZooError(f"{where}: {key} is {stated!r:.60}; the zoo supports {' and '.join(theirs.values())}")
    return {"pooling": found[0]} if found else {}


def _labels(config: Config, where: str) -> tuple[str, ...]:
    """A head's labels; if num_labels disagrees with the names, it wins, as in the reference library."""
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


def head_config(format: CheckpointFormat, head: HeadConfig) -> dict[str, JsonValue]:
    """What config.json says of a head."""
    if OWN_HEAD in format.heads and not head.library_class:
        return {OWN_HEAD: head.model_dump(mode="json")}
    names = head.labels or (("LABEL_0",) if head.kind == "regression" else ("LABEL_0", "LABEL_1"))
    config: dict[str, JsonValue] = {
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
    }
    if head.options:
        config[OPTIONS] = head.options
    if head.kind in PROBLEMS:
        config["problem_type"] = PROBLEMS[head.kind]
    pools, _, theirs = format.pooling_key
    if theirs:
        config[pools] = theirs[head.pooling.pooling]
    key = format.dropout_of(_stored_kind(head.kind)).key
    return config | ({key: getattr(head.pooling, _dropout_field(head.kind))} if key else {})


def _dropout_field(kind: str) -> str:
    """The field of a head's dropout."""
    return "answer_dropout" if kind == "question-answering" else "dropout"


def _stored_kind(kind: str) -> str:
    """The kind of head that a checkpoint has for it."""
    return "classification" if kind in PROBLEMS else kind


def match(
    what: str, store: SafetensorsFiles, expected: Mapping[str, tuple[int, ...]], names: Mapping[str, str]
) -> None:
    """Check that every expected weight is there with its shape, and nothing else; names are the tables'.

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
    """Why a tensor cannot be a weight of this shape; empty if it can."""
    if entry.dtype not in FLOATS:
        return f"{stored} holds {entry.dtype}, not floats"
    return "" if entry.shape == shape else f"{stored} has the shape {list(entry.shape)}, not {list(shape)}"


def _hinted(kind: str, names: list[str], others: list[str]) -> str:
    """Names, each with the one that was probably meant."""
    hints = [(name, nearest(name, others)) for name in names[:N_SHOWN]]
    shown = [f"{name} (is it {close}?)" if close else name for name, close in hints]
    return f"{kind}: {listed([*shown, *names[N_SHOWN:]])}" if names else ""
