"""The hook of a plugin, and the record that it returns: names of what the plugin offers.

What is named as "module:Name" is imported when it is first needed, so that listing imports neither torch nor a plugin's
tables of variants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import pluggy
from pydantic import Field, PlainValidator, model_validator

from zoo.core.errors import nearest
from zoo.core.specs import Record

PROJECT = "zoo"
HOOK = "zoo_offers"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

API_VERSION = 1
"""The version of the plugin API: the hook, the fields of `Offers` and the interfaces of what they name."""

PARTS = ("tokenizer", "packing", "masking", "embedding", "encoder", "objective")
"""The kinds of part that a variant is made of. Names of parts begin with their plugin's name and a dot."""

NAMED = (*PARTS, "formula", "task_kind", "metric", "format_maker", "report_format", "executor")
"""The kinds that are offered by name, each an object or its "module:Name"."""

RECORDS = {
    "variant": "zoo.core.specs:Variant",
    "task": "zoo.tasks.task:Task",
    "average": "zoo.tasks.averages:Average",
    "checkpoint_format": "zoo.weights.format:CheckpointFormat",
    "published_count": "zoo.formulas:Published",
    "paper_table": "zoo.registry.paper_tables:PaperTable",
    "search_grid": "zoo.registry.search_grids:Grid",
}
"""The kinds of record, which carry their own names, and their classes; offered as lists."""

KINDS = (*NAMED, *RECORDS)
"""All that plugins can offer; the field of `Offers` is the plural."""


def _import_path(value: Any) -> Any:
    if isinstance(value, str):
        module, colon, name = value.partition(":")
        if not (colon and all(word.isidentifier() for word in f"{module}.{name}".split("."))):
            raise ValueError(f"{value!r:.80} should be written 'module:Name'")
    return value


def _by_name(what: str, fits: Callable[[object], bool]) -> PlainValidator:
    def check(value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(
            isinstance(name, str) and (isinstance(offered, str) or fits(offered)) for name, offered in value.items()
        ):
            raise ValueError(f"it should be a dict of name to {what} or 'module:Name'; got {value!r:.80}")
        return {name: _import_path(offered) for name, offered in value.items()}

    return PlainValidator(check)


def _together(value: Any) -> str | tuple[Any, ...]:
    if isinstance(value, str):
        return str(_import_path(value))
    if not isinstance(value, list | tuple):
        raise ValueError(f"it should be a list of records or 'module:NAME' of one; got {value!r:.80}")
    return tuple(value)


Classes = Annotated[Mapping[str, type[Any] | str], _by_name("class", lambda offered: isinstance(offered, type))]
Functions = Annotated[Mapping[str, Callable[..., Any] | str], _by_name("function", callable)]
Objects = Annotated[Mapping[str, Any], _by_name("object", lambda offered: offered is not None)]
Records = Annotated[Sequence[Any] | str, PlainValidator(_together)]
NOTHING: Any = Field(default={})


class Offers(Record):
    """What a plugin offers. `api_version` is the version of the plugin API that it was written for.

    - `tokenizers` to `objectives`: classes of parts, by name
    - `variants`, `tasks`: records
    - `task_kinds`, `metrics`: kinds of task and their metrics, by name
    - `averages`: means over the tasks of a suite, which reports give where a run has two of them or more
    - `checkpoint_formats`: layouts of checkpoints, one for each `model_type` of config.json
    - `format_makers`: functions from the config.json of a `model_type` that no plugin knows to its layout, or None
    - `formulas`: functions of the dims and a part's own options to its components, by the part's name
    - `published_counts`: parameter counts that papers and model cards print
    - `paper_tables`: ablation tables of papers, with the variants that reproduce them
    - `search_grids`: fine-tuning settings to try
    - `report_formats`, `executors`: renderers of reports, and ways to run jobs, by name
    """

    api_version: int
    tokenizers: Classes = NOTHING
    packings: Classes = NOTHING
    maskings: Classes = NOTHING
    embeddings: Classes = NOTHING
    encoders: Classes = NOTHING
    objectives: Classes = NOTHING
    variants: Records = ()
    tasks: Records = ()
    task_kinds: Objects = NOTHING
    metrics: Objects = NOTHING
    averages: Records = ()
    checkpoint_formats: Records = ()
    format_makers: Functions = NOTHING
    formulas: Functions = NOTHING
    published_counts: Records = ()
    paper_tables: Records = ()
    search_grids: Records = ()
    report_formats: Objects = NOTHING
    executors: Objects = NOTHING

    @model_validator(mode="before")
    @classmethod
    def _reads_its_own_version(cls, fields: Any) -> Any:
        """For another version, only the version is read, and the plugin is refused."""
        version = fields.get("api_version")
        if isinstance(version, int) and version != API_VERSION:
            return {"api_version": version}
        for field in fields:
            if field not in cls.model_fields:
                close = nearest(field, cls.model_fields)
                raise ValueError(f"{field!r} is not a field of Offers{f'; did you mean {close!r}?' if close else ''}")
        return fields

    def of(self, kind: str) -> Any:
        """The offers of a kind."""
        return getattr(self, f"{kind}s")


@hookspec(firstresult=True)
def zoo_offers() -> Offers | None:
    """The plugin's offers."""
