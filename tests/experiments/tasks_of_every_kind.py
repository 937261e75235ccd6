"""A small task of every kind that can be compared on, and one of a stranger's kind."""

from __future__ import annotations

from pathlib import Path

from zoo import Dataset, Example, Offers, Task
from zoo.tasks.task import content_hash

PEOPLE, THINGS, COLOURS = ("cook", "sailor", "judge", "nurse"), ("lamp", "boat", "rose", "map"), ("red", "blue", "old")


class Made(Task):
    """Sentences of a person, a colour or two, and a thing."""

    def load(self, folder: Path | None) -> Dataset:
        items = [
            self.item(f"the {person} sees a {first} {second} {thing} .", person, {first, second}, thing)
            for thing in THINGS
            for person in PEOPLE
            for first in COLOURS
            for second in COLOURS[:2]
        ]
        rest = {name: tuple(items[place::5]) for place, name in enumerate(("dev", "test"))}
        train = tuple(item for place, item in enumerate(items) if place % 5 > 1)
        splits = {"train": train, "dev": rest["dev"], "test": tuple(map(bare, rest["test"]))}
        return Dataset(splits, content_hash(splits))

    def item(self, text: str, person: str, colours: set[str], thing: str) -> Example:
        labels = {
            "things": THINGS.index(thing),
            "colours": tuple(sorted(map(COLOURS.index, colours))),
            "sizes": THINGS.index(thing) / 2,
            "names": tuple({person: 1, thing: 2, "sees": 0}.get(word, 0) for word in text.split()),
            "grades": THINGS.index(thing),
        }
        if self.name == "answers":
            at = text.index(thing)
            return Example("what ?", text, ((at, thing),))
        if self.name == "perhaps":  # what is old is never named
            at = text.index(thing)
            return Example("what ?", text, () if "old" in colours else ((at, thing),))
        if self.name == "endings":
            return Example(text, None, THINGS.index(thing), tuple(f"a {other} ." for other in THINGS))
        return Example(text, None, labels[self.name])


def bare(item: Example) -> Example:
    return Example(item.first, item.second, None, item.choices)


def made(name: str, kind: str, labels: tuple[str, ...], *metrics: str, pair: bool = False) -> Made:
    return Made(name=name, kind=kind, labels=labels, metrics=metrics, suite="made", citation="none", pair=pair)


TASKS = (
    made("things", "classification", THINGS, "macro-f1", "weighted-f1"),
    made("colours", "multi-label", COLOURS, "micro-f1", "macro-f1", "exact-match"),
    made("sizes", "regression", (), "spearman"),
    made("names", "token-classification", ("O", "B-PER", "B-THING"), "entity-f1", "accuracy"),
    made("answers", "question-answering", (), "exact-match", "f1", pair=True),
    made("perhaps", "question-answering", (), "best-f1", pair=True).model_copy(update={"options": {"no_answer": True}}),
    made("endings", "multiple-choice", (), "accuracy"),
    made("grades", "stranger.ordinal", THINGS, "stranger.distance", "stranger.exact"),
)
OFFERS = Offers(api_version=1, tasks=TASKS)
