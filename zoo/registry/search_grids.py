"""Fine-tuning settings to try, and the rule that selects one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from zoo.core.errors import UnknownName, ZooError, explain
from zoo.core.specs import Finetuning, Name, Record, Share

Selection = Literal["last", "fixed", "best on held-out items", "best on dev"]
"""The variant's own recipe after its last step; a setting given beforehand; the best of several on training items that
were held out from all of them; the best of several on scored items."""

ANY_TASK = "*"

HELD_OUT = 0.1
"""The share of the training items that is held out from training where settings are chosen on it."""


class Setting(Record):
    """Fields of a fine-tuning recipe by name, which replace a variant's; the others stay. None switches one off."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, JsonValue]

    @model_validator(mode="after")
    def _is_of_a_recipe(self) -> Self:
        if unknown := [name for name in self.values if name not in Finetuning.model_fields]:
            raise ValueError(f"{unknown[0]:.60} is no field of a fine-tuning recipe")
        Finetuning.model_validate({"learning_rate": 1.0, **self.values})
        return self

    @property
    def values(self) -> dict[str, JsonValue]:
        """The fields that it has."""
        return dict(self.__pydantic_extra__)

    @property
    def label(self) -> str:
        """Its fields, as in learning_rate=0.001,batch_size=16."""
        return ",".join(f"{name}={_shown(value)}" for name, value in self.values.items())

    def applied(self, recipe: Finetuning) -> Finetuning:
        """The recipe with these fields; epochs take the place of its steps.

        Raises ZooError if they do not go with the recipe's others.
        """
        fields: dict[str, object] = {"steps": None} if "epochs" in self.values else {}
        try:
            return Finetuning.model_validate({**dict(recipe), **fields, **self.values})
        except ValidationError as error:
            raise ZooError(f"the setting {self.label} does not go with the recipe: {explain(error)}") from None


def _shown(value: JsonValue) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


class Grid(Record):
    """Settings by task, `*` standing for any; `source` says where they are from."""

    name: Name
    source: str
    settings: dict[str, Annotated[tuple[Setting, ...], Field(min_length=1)]]

    def of(self, task: str) -> tuple[Setting, ...]:
        """The settings for a task. Raises UnknownName if it has none."""
        found = self.settings.get(task) or self.settings.get(ANY_TASK)
        if found is None:
            raise UnknownName("task", task, self.settings, f"the settings of {self.name}")
        return found


class Tuning(Record):
    """The settings that a plan tries on each of its tasks, and on what the best is chosen.

    On `train`, that is a share `held_out` of the training items, on which none of the tries is trained.
    """

    name: str
    source: str
    settings: dict[str, tuple[Setting, ...]]
    on: Literal["train", "dev"] = "train"
    held_out: Share = HELD_OUT

    def rule(self, task: str) -> Selection:
        """How the setting that is shown is chosen on a task."""
        if len(self.settings[task]) == 1:
            return "fixed"
        return "best on dev" if self.on == "dev" else "best on held-out items"


def alike(one: Tuning | None, other: Tuning | None) -> bool:
    """Whether both try the same on every task that they share."""
    if one is None or other is None:
        return one is other
    shared = one.settings.keys() & other.settings.keys()
    same = (one.name, one.on, one.held_out) == (other.name, other.on, other.held_out)
    return same and all(one.settings[task] == other.settings[task] for task in shared)


def every(**values: Sequence[JsonValue]) -> tuple[Setting, ...]:
    """All combinations of values of a recipe's fields."""
    names = [*values]
    return tuple(Setting.model_validate(dict(zip(names, its, strict=True))) for its in product(*values.values()))


def tuning(
    asked: Sequence[str], tasks: Sequence[str], grids: Mapping[str, Grid], on: Literal["train", "dev"] = "train"
) -> Tuning:
    """The grid that `--tune` gives: a grid's name, or one FIELD=VALUE,VALUE per field of a fine-tuning recipe.

    Raises ZooError for what is neither, and UnknownName for a grid that has nothing for a task.
    """
    if len(asked) == 1 and "=" not in asked[0]:
        if asked[0] not in grids:
            raise UnknownName("grid", asked[0], grids)
        grid = grids[asked[0]]
    else:
        grid = Grid(name="given", source="given on the command line", settings={ANY_TASK: _given(asked)})
    return Tuning(name=grid.name, source=grid.source, settings={task: grid.of(task) for task in tasks}, on=on)


def _given(asked: Sequence[str]) -> tuple[Setting, ...]:
    values: dict[str, list[JsonValue]] = {}
    for text in asked:
        name, equals, listed = text.partition("=")
        field = name.removeprefix("finetuning.")
        if not equals or field in values:
            raise ZooError(f"{text!r} is not a field to try; write FIELD=VALUE,VALUE, such as learning_rate=1e-3,3e-4")
        if "." in field:
            raise ZooError(
                f"{field!r} is not a field of fine-tuning; --tune tries these alone, as finetuning.learning_rate"
            )
        if field not in Finetuning.model_fields:
            raise UnknownName("field of a fine-tuning recipe", field, Finetuning.model_fields)
        values[field] = [_value(value.strip()) for value in listed.split(",")]
        if twice := [value for place, value in enumerate(values[field]) if value in values[field][:place]]:
            raise ZooError(f"{text!r} tries {_shown(twice[0])} twice; give each value once")
    try:
        return every(**values)
    except ValidationError as error:
        raise ZooError(f"a setting of {' '.join(asked)} does not fit: {explain(error)}") from None


def _value(text: str) -> JsonValue:
    """A JSON number, true or false; none for what is off; anything else is a word."""
    if text == "none":
        return None
    try:
        value: JsonValue = json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text
    return value
