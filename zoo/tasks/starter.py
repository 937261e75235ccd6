"""The starter suite, five tasks of the synthetic microworld, and two beside it; made on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from zoo.core.specs import Count, Record, Share
from zoo.core.user_cache import kept
from zoo.tasks.made import made_once
from zoo.tasks.minimal_pairs import MinimalPair
from zoo.tasks.task import Dataset, Example, Task, content_hash


class MicroworldTask(Task):
    """A GLUE-shaped task whose items are made, not read; `difficulty` is the share of items with a trap."""

    form: Literal["acceptability", "sentiment", "paraphrase", "reference", "entailment", "similarity", "roles"]
    n_train: Count = 4_800
    n_dev: Count = 500
    seed: Annotated[int, Field(ge=0)] = 0
    difficulty: Share = 0.5

    def load(self, folder: Path | None) -> Dataset:
        """Make both splits, or take them from the user's cache, once in a process; the folder is not looked at."""
        return made_once(self, self._make)

    def _make(self) -> Dataset:
        settings = self.model_dump_json(include={"form", "n_train", "n_dev", "seed", "difficulty"})
        made = kept(f"micro-{self.form}", settings, "zoo.tasks.microworld", self._fields)
        splits = {
            split: tuple(
                Example(first, second, tuple(label) if isinstance(label, list) else label)
                for first, second, label in its
            )
            for split, its in made.items()
        }
        return Dataset(splits, content_hash(splits))

    def _fields(self) -> dict[str, list[Any]]:
        """The two texts and the label of each item, by split."""
        from zoo.tasks.microworld.items import items

        made = {
            "train": items(self.form, "train", self.n_train, self.seed, self.difficulty),
            "dev": items(self.form, "dev", self.n_dev, self.seed, self.difficulty),
        }
        return {split: [[item.first, item.second, item.label] for item in its] for split, its in made.items()}


def _task(
    form: str, labels: tuple[str, ...], pair: bool, metrics: tuple[str, ...] = ("accuracy",), **fields: float | str
) -> MicroworldTask:
    return MicroworldTask.model_validate(
        {
            "name": f"micro-{form}",
            "suite": "microworld",
            "synthetic": True,
            "citation": "ours; docs/microworld.md",
            "kind": "classification" if labels else "regression",
            "form": form,
            "labels": labels,
            "pair": pair,
            "metrics": metrics,
            **fields,
        }
    )


TASKS: tuple[Task, ...] = (
    _task("acceptability", ("unacceptable", "acceptable"), pair=False),
    # Few labels: with more, the words of opinion are learned from them alone, and pre-training adds little.
    _task("sentiment", ("negative", "positive"), pair=False, n_train=160),
    # Who does what to whom, and no other verbs: which of them mean the same is not learned at this size.
    _task("paraphrase", ("different", "same"), pair=True, difficulty=1.0),
    _task("reference", ("other", "same"), pair=True),
    _task("entailment", ("not_entailment", "entailment"), pair=True),
)

SIMILARITY = _task("similarity", (), pair=True, metrics=("spearman",), suite="microworld-further")
"""How much two sentences have in common, which their words tell; not compared on by default."""

ROLES = MicroworldTask(
    name="micro-roles",
    suite="microworld-further",
    synthetic=True,
    citation="ours; docs/microworld.md",
    kind="token-classification",
    form="roles",
    labels=("O", "B-agent", "I-agent", "B-patient", "I-patient", "B-place", "I-place"),
    metrics=("entity-f1",),
    n_train=480,
)
"""Who does what to whom, and where, as tags of words; not compared on by default either."""


class MicroworldPairs(Record):
    """Minimal pairs of the microworld, `n` of each phenomenon."""

    n: Count = 200
    seed: Annotated[int, Field(ge=0)] = 0

    def pairs(self) -> tuple[MinimalPair, ...]:
        """Make them all."""
        from zoo.tasks.microworld.pairs import pairs

        return pairs(self.n, self.seed)


PAIRS: Mapping[str, MicroworldPairs] = {"micro-pairs": MicroworldPairs()}
"""The zoo's own minimal pairs, by name."""
