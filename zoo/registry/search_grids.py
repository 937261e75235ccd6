"""Fine-tuning settings to try, and the rule that selects one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from zoo.core.errors import UnknownName, ZooError, explain
from zoo.core.specs import Count, Finetuning, Name, Positive, Record, Share

Selection = Literal["last", "fixed", "best on dev"]
"""The variant's own recipe after its last step; a setting given beforehand; the best of several on scored items."""

ANY_TASK = "*"


class Setting(Record):
    """Fields of a fine-tuning recipe that replace a variant's; the others stay."""

    learning_rate: Positive | None = None
    batch_size: Count | None = None
    epochs: Positive | None = None
    steps: Count | None = None
    warmup: Share | None = None
    weight_decay: Annotated[float, Field(ge=0.0)] | None = None

    @property
    def label(self) -> str:
        """Its fields, as in learning_rate=0.001,batch_size=16."""
        return ",".join(
            f"{name}={value if isinstance(value, int) else f'{value:g}'}" for name, value in self if value is not None
        )

    def applied(self, recipe: Finetuning) -> Finetuning:
        """The recipe with these fields; epochs take the place of its steps."""
        fields: dict[str, object] = {"steps": None} if self.epochs is not None else {}
        return recipe.model_copy(update=fields | self.model_dump(exclude_none=True))


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
    """The settings that a plan tries on each of its tasks."""

    name: str
    source: str
    settings: dict[str, tuple[Setting, ...]]

    def rule(self, task: str) -> Selection:
        """How the setting that is shown is chosen on a task."""
        return "fixed" if len(self.settings[task]) == 1 else "best on dev"


def alike(one: Tuning | None, other: Tuning | None) -> bool:
    """Whether both try the same on every task that they share."""
    if one is None or other is None:
        return one is other
    shared = one.settings.keys() & other.settings.keys()
    return one.name == other.name and all(one.settings[task] == other.settings[task] for task in shared)


def every(**values: Sequence[float]) -> tuple[Setting, ...]:
    """All combinations of values of a setting's fields."""
    return tuple(Setting(**_fields(values, chosen)) for chosen in product(*values.values()))


def _fields(names: Iterable[str], values: Iterable[float]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def tuning(asked: Sequence[str], tasks: Sequence[str], grids: Mapping[str, Grid]) -> Tuning:
    """The grid that `--tune` gives: a grid's name, or one FIELD=VALUE,VALUE per field.

    Raises ZooError for what is neither, and UnknownName for a grid that has nothing for a task.
    """
    if len(asked) == 1 and "=" not in asked[0]:
        if asked[0] not in grids:
            raise UnknownName("grid", asked[0], grids)
        grid = grids[asked[0]]
    else:
        grid = Grid(name="given", source="given on the command line", settings={ANY_TASK: _given(asked)})
    return Tuning(name=grid.name, source=grid.source, settings={task: grid.of(task) for task in tasks})


def _given(asked: Sequence[str]) -> tuple[Setting, ...]:
    values: dict[str, list[float]] = {}
    for text in asked:
        field, equals, listed = text.partition("=")
        if not equals or field in values:
            raise ZooError(f"{text!r} is no field to try once; write FIELD=VALUE,VALUE, as learning_rate=1e-3,3e-4")
        if field not in Setting.model_fields:
            raise UnknownName("field of a setting", field, Setting.model_fields)
        try:
            values[field] = [_number(value) for value in listed.split(",")]
        except ValueError:
            raise ZooError(f"{text!r} has a value that is not a number") from None
    try:
        return every(**values)
    except ValidationError as error:
        raise ZooError(f"a setting of {' '.join(asked)} is out of range: {explain(error)}") from None


def _number(text: str) -> float:
    return int(text) if text.strip().isdigit() else float(text)
