"""HANS, which asks models of MNLI whether shared words alone make them see an entailment."""

from __future__ import annotations

from zoo.tasks.glue import CONTRADICTS, ENTAILS, NOT_ENTAILS
from zoo.tasks.tsv import TsvFile, TsvTask

HANS = TsvTask(
    name="hans",
    suite="hans",
    kind="classification",
    pair=True,
    labels=("entailment", "non-entailment"),
    # A model that says neutral or contradiction says that there is no entailment (section 4).
    label_aliases=(ENTAILS[1:], (NOT_ENTAILS[0], "neutral", *CONTRADICTS)),
    metrics=("accuracy",),
    trained_on="mnli",
    files={
        "dev": TsvFile(
            path="HANS/heuristics_evaluation_set.txt",
            also=("heuristics_evaluation_set.txt", "hans/heuristics_evaluation_set.txt"),
            first="sentence1",
            second="sentence2",
            label="gold_label",
            groups=("heuristic", "heuristic+gold_label", "subcase"),
        )
    },
    citation="McCoy, Pavlick and Linzen 2019, ACL",
)
"""Pairs by three heuristics, each with and without an entailment; chance is 50 in every set of items."""
