"""Which column of a file holds what: by the names that tools give them, or as one says."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from zoo.core.errors import UnknownName, ZooError, listed

PREDICTION = "prediction"

IDS = ("id", "idx", "index", "guid", "qid", "question_id", "example_id", "item_id", "doc_id", "pairid", "item")
PREDICTIONS = (
    *(PREDICTION, "predictions", "predicted", "predicted_label", "pred", "preds", "pred_label", "y_pred"),
    *("output", "model_output", "answer", "label", "labels", "tags"),
)
GOLDS = (
    *("gold", "gold_label", "gold_labels", "target", "targets", "y_true", "reference", "references", "ground_truth"),
    *("label", "labels", "answers", "answer", "tags", "score"),
)
SCORES = ("correct", "is_correct", "acc", "accuracy", "exact_match", "score")
KNOWN = frozenset((*IDS, *PREDICTIONS, *GOLDS, *SCORES))


def column(
    where: str,
    columns: Sequence[str],
    asked: str | None,
    known: Sequence[str],
    flag: str,
    besides: Collection[str | None] = (),
) -> str:
    """The column that is asked for, or has a known name, or is the only one left `besides` others.

    Raises UnknownName if the one that is asked for is not there, and ZooError if none can be told.
    """
    if found := maybe_column(where, columns, asked, known, besides):
        return found
    if not columns:
        raise ZooError(f"{where}: is empty")
    left = [name for name in columns if name not in besides and name.lower() not in IDS]
    if len(left) == 1 or len(columns) == 1:
        return (left or list(columns))[0]
    raise ZooError(f"{where}: cannot tell which column to read; give {flag}, one of {listed(left) or 'none'}")


def maybe_column(
    where: str, columns: Sequence[str], asked: str | None, known: Sequence[str], besides: Collection[str | None] = ()
) -> str | None:
    """The same; None if none has a known name."""
    if asked is not None:
        if asked not in columns:
            raise UnknownName("column", asked, columns, where)
        return asked
    lowered = {name.lower(): name for name in columns if name not in besides}
    return next((lowered[name] for name in known if name in lowered), None)


def id_column(where: str, columns: Sequence[str], asked: str | None, values: Sequence[str]) -> str | None:
    """The column that says which item a row is of; of two columns without names, the first if no value is twice."""
    found = maybe_column(where, columns, asked, IDS)
    if found is None and columns == ("1", "2") and len({*values}) == len(values):
        return "1"
    return found
