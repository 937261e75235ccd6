"""SWAG (Zellers et al. 2018, EMNLP), from its CSV files: four endings of the second of two sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.core.errors import ZooError
from zoo.tasks.files import SplitFile
from zoo.tasks.objects import ObjectsTask, Row

N_ENDINGS = 4


def endings(row: Row) -> Iterator[Mapping[str, Any]]:
    """The first sentence, and the second with each of its endings; Devlin et al. 2019, section 4.4."""
    given = [row.text(f"ending{place}").strip() for place in range(N_ENDINGS)]
    if "" in given:
        raise ZooError(f"ending{given.index('')} is empty; every item of this task has {N_ENDINGS} endings")
    choices = [f"{row.text('sent2').strip()} {ending}".strip() for ending in given]
    yield {"text": row["sent1"], "choices": choices, "label": row.get("label")}


SWAG = ObjectsTask(
    name="swag",
    suite="swag",
    kind="multiple-choice",
    options={"n_choices": N_ENDINGS},
    layout="zoo.tasks.swag:endings",
    metrics=("accuracy",),
    files={
        "train": SplitFile(path="SWAG/train.csv", also=("swag/train.csv",)),
        "dev": SplitFile(path="SWAG/val.csv", also=("swag/val.csv",)),
        "test": SplitFile(path="SWAG/test.csv", also=("swag/test.csv",), optional=True),
    },
    citation="Zellers et al. 2018, EMNLP",
)
