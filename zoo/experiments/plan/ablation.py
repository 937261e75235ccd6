"""From one variant to another, one design choice at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Self

from pydantic import Field, JsonValue, model_validator

from zoo.core.augmentation import TEXT_WAYS, TOKEN_WAYS
from zoo.core.diff import diff
from zoo.core.errors import UnknownName, ZooError
from zoo.core.recipes import DETAILS
from zoo.core.specs import PartRef, Record, Techniques, Variant
from zoo.registry.catalog import Catalog
from zoo.registry.paper_tables import PaperTable

CHOICES: dict[str, tuple[str, ...]] = {
    "objective": ("objectives",),
    "masking": ("masking",),
    "packing": ("packing",),
    "tokenizer": ("tokenizer", "dims.vocab_size"),
    "embedding": ("embedding", "dims.embedding_width"),
    "encoder": ("encoder",),
    "depth": ("dims.n_layers",),
    "width": ("dims.hidden_width", "dims.n_heads", "dims.ffn_width", "dims.embedding_width"),
    "heads": ("dims.n_heads",),
    "embedding width": ("dims.embedding_width",),
    "vocabulary": ("dims.vocab_size",),
    "length": ("dims.max_length", "pretraining.sequence_length", "finetuning.max_length"),
    "dropout": ("dims.dropout", "dims.attention_dropout"),
    "start of weights": ("init",),
    "pre-training recipe": ("pretraining",),
    "adaptation": ("adaptation",),
    **{name.replace("_", " "): (f"finetuning.{name}",) for name in Techniques.model_fields if name not in DETAILS},
    **{name.replace("_", " "): (f"finetuning.{name}", "finetuning.augmented") for name in (*TEXT_WAYS, *TOKEN_WAYS)},
    "synonyms": ("finetuning.synonyms", "finetuning.synonym_file", "finetuning.augmented"),
    "early stopping": ("finetuning.early_stopping", "finetuning.patience"),
    "fine-tuning recipe": ("finetuning",),
    "distillation": ("distillation",),
    "head": ("head",),
    "pruning": ("pruning",),
    "quantization": ("quantization",),
}
"""Design choices and their fields, in the order in which a path makes them.

If the first field of a choice differs, the others change with it; a field in no choice is a choice by itself.
"""

Changes = dict[str, tuple[JsonValue, JsonValue]]


class Edge(Record):
    """Two variants that differ in one design choice, and the fields that differ."""

    first: str
    second: str
    choice: str
    changes: Changes


class Ablation(Record):
    """Edges between the variants of a run; for a paper's table, its rows by the variants that reproduce them."""

    edges: tuple[Edge, ...]
    paper: PaperTable | None = None
    rows: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _is_its_table(self) -> Self:
        if self.paper is None:
            return self
        if {*self.rows} != {row.label for row in self.paper.rows if row.variants}:
            raise ValueError("an ablation has other rows than its paper's table")
        steps = {(self.rows[start], self.rows[row.label]) for row in self.paper.rows for start in row.after}
        if {(edge.first, edge.second) for edge in self.edges} != steps:
            raise ValueError("an ablation has other edges than its paper's table")
        return self

    @property
    def ends(self) -> frozenset[str]:
        """The names of all variants in edges and rows."""
        return frozenset(name for edge in self.edges for name in (edge.first, edge.second)) | {*self.rows.values()}


def choices(catalog: Catalog, first: Variant, second: Variant) -> dict[str, Changes]:
    """The design choices in which two variants differ, each with its fields."""
    left = {path: change for path, change in diff(first, second).items() if path != "paper"}
    found: dict[str, Changes] = {}
    for choice, (leader, *followers) in CHOICES.items():
        if not any(_within(path, leader) for path in left):
            continue
        fields = [leader, *followers]
        if choice == "objective" and _hides(catalog, first) != _hides(catalog, second):
            fields.append("masking")  # masked prediction needs hidden tokens, left-to-right none
        one_width = all(v.dims.embedding_width == v.dims.hidden_width for v in (first, second))
        if choice in ("embedding", "width") and one_width == (choice == "embedding"):
            fields.remove("dims.embedding_width")  # it goes with the hidden width, unless it is a width of its own
        found[choice] = {path: left.pop(path) for path in list(left) if any(_within(path, f) for f in fields)}
    return found | {path: {path: change} for path, change in left.items()}


def edge(catalog: Catalog, first: Variant, second: Variant) -> Edge:
    """The edge between two variants. Raises ZooError if they do not differ, or differ in more than one choice."""
    found = choices(catalog, first, second)
    if len(found) != 1:
        listed = "; ".join(f"{name} ({', '.join(changes)})" for name, changes in found.items())
        what = f"{len(found)} choices: {listed}; put variants between them" if found else "nothing; remove one"
        raise ZooError(f"an edge changes one design choice, but {first.name} and {second.name} differ in {what}")
    ((choice, changes),) = found.items()
    return Edge(first=first.name, second=second.name, choice=choice, changes=changes)


MOST_DEAD_ENDS = 200
"""How many sets of choices that lead nowhere are tried before a path is given up."""


def walk(catalog: Catalog, start: str, end: str) -> list[Variant]:
    """Variants from the one named first to the other, each one choice further and each buildable.

    Choices are made in the order of `CHOICES`, or the nearest order in which every step builds. Each step is named by
    the shorter expression from either end. Raises ZooError if the two do not differ or no such order is found.
    """
    first, last = catalog.variant(start), catalog.variant(end)
    ends = {catalog.named(name)[1]: variant for name, variant in ((start, first), (end, last))}
    found = choices(catalog, first, last)
    if not found:
        raise ZooError(f"{first.name} and {last.name} do not differ, so there is no path between them")
    dead_ends: dict[frozenset[str], str] = {}

    def onward(current: Variant, left: tuple[str, ...]) -> list[Variant] | None:
        if not left:
            return []
        if frozenset(left) in dead_ends or len(dead_ends) >= MOST_DEAD_ENDS:
            return None
        reasons = []
        for choice in left:
            rest = tuple(other for other in left if other != choice)
            following = _named(catalog, ends, _exchanged(current, last, found[choice])) if rest else last
            try:
                catalog.check(following)
            except ZooError as error:
                reasons.append(str(error))
                continue
            if (way := onward(following, rest)) is not None:
                return [following, *way]
        dead_ends[frozenset(left)] = reasons[0] if reasons else ""
        return None

    catalog.check(first)
    way = onward(first, tuple(found))
    if way is None:
        reason = next(reason for reason in dead_ends.values() if reason)
        raise ZooError(
            f"no order of {', '.join(found)} from {first.name} to {last.name} was found that builds at every step; "
            f"name variants between them: {reason}"
        )
    return [first, *way]


def path(catalog: Catalog, names: Sequence[str], via: Sequence[str] = ()) -> tuple[list[Variant], Ablation]:
    """The variants and edges of a path: between two names, by way of others; more names are the path itself.

    Raises ZooError for an edge that changes more than one choice, and for folders, whose training cannot be changed.
    """
    for name in (*names, *via):
        if (folder := catalog.folder(name)) is not None:
            raise ZooError(f"{folder} holds trained weights, whose training choices cannot change; name a variant")
    stops = [names[0], *via, *names[1:]]
    if len(names) > 2:
        way = [catalog.variant(name) for name in stops]
    else:
        way = [catalog.variant(names[0]), *(step for leg in pairwise(stops) for step in walk(catalog, *leg)[1:])]
    return way, Ablation(edges=tuple(edge(catalog, *pair) for pair in pairwise(way)))


def of_table(catalog: Catalog, table: PaperTable, size: str | None) -> tuple[list[Variant], Ablation]:
    """The variants and edges of a paper's table at one of its sizes. Raises ZooError as `path` does."""
    size = size or table.sizes[0]
    if size not in table.sizes:
        raise UnknownName("size", size, table.sizes, table.name)
    built = {row.label: catalog.variant(row.variants[size]) for row in table.rows if row.variants}
    edges = tuple(edge(catalog, built[before], built[row.label]) for row in table.rows for before in row.after)
    rows = {label: variant.name for label, variant in built.items()}
    return list(built.values()), Ablation(edges=edges, paper=table, rows=rows)


def _within(path: str, field: str) -> bool:
    return path == field or path.startswith(f"{field}.")


def _hides(catalog: Catalog, variant: Variant) -> bool:
    return catalog.masking(variant).masks_tokens


def _exchanged(variant: Variant, target: Variant, paths: Iterable[str]) -> Variant:
    """The variant with these fields as the target has them."""
    fields: dict[str, object] = {}
    for path in paths:
        top, _, rest = path.partition(".")
        wanted = getattr(target, top)
        if not rest or isinstance(wanted, PartRef | tuple):
            fields[top] = wanted
        else:
            fields[top] = {**dict(getattr(variant, top)), **dict(fields.get(top, {})), rest: getattr(wanted, rest)}  # type: ignore[call-overload]
    return variant.swap(variant.name, **fields)


def _named(catalog: Catalog, ends: Mapping[str, Variant], step: Variant) -> Variant:
    """The step, named by the shorter expression from either end. Raises ZooError if there is none that can be typed."""
    for name in sorted(("+".join([name, *_exchanges(base, step)]) for name, base in ends.items()), key=len):
        meant = catalog.variant(name)
        if not set(diff(meant, step)) - {"paper"}:
            return meant
    raise ZooError(f"no expression means the step after {step.name}; name the variants between {' and '.join(ends)}")


def _exchanges(base: Variant, wanted: Variant) -> Iterator[str]:
    """The exchanges of an expression that makes one variant of another."""
    for field in Variant.model_fields:
        old, new = getattr(base, field), getattr(wanted, field)
        if old == new or field in ("name", "paper"):
            continue
        if isinstance(new, PartRef):
            yield from _options(field, old, new)
        elif isinstance(new, tuple):
            before = {used.name: used for used in old}
            if list(before) != [used.name for used in new]:
                yield f"{field}={','.join(used.name for used in new)}"
            for used in new:
                yield from _options(f"{field}.{used.name}", before.get(used.name, PartRef(name=used.name)), used)
        elif not isinstance(new, Record):
            yield f"{field}={_written(new)}"
        else:
            yield from (f"{field}.{name}={_written(value)}" for name, value in new if getattr(old, name) != value)


def _options(field: str, old: PartRef, new: PartRef) -> Iterator[str]:
    """A whole part if its name changes or an option goes; then the options that differ."""
    kept = old.options
    if old.name != new.name or set(old.options) - set(new.options):
        yield f"{field}={new.name}"
        kept = {}
    for option, value in new.options.items():
        if option not in kept or kept[option] != value:
            yield f"{field}.{option}={_written(value)}"


def _written(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
