"""What all plugins offer, by name, and models built from it; never changed once it is there."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from zoo.core.errors import UnknownName, ZooError, explain
from zoo.core.seeds import drawing
from zoo.core.specs import Dims, Positive, Use, Variant
from zoo.formulas import Component, Published
from zoo.registry import hooks
from zoo.registry.expressions import base_of, evaluate, exchanged_fields, own_name
from zoo.registry.paper_tables import PaperTable
from zoo.registry.plugins import KINDS, OFFERED, Plugin, Refused, Source, ask, check_names, failed, installed_plugins
from zoo.registry.search_grids import Grid
from zoo.tasks.task import Task
from zoo.weights.folder import CheckpointFolder, is_checkpoint
from zoo.weights.folder_names import told_apart
from zoo.weights.format import CheckpointFormat
from zoo.weights.hub import folder_named, is_hub_name
from zoo.weights.record import variant_in

if TYPE_CHECKING:
    from zoo.core.interfaces import Encoder, Masking, Objective, Packing, Tokenizer
    from zoo.model import Model

WEIGHT = "weight"
"""The option that every objective has: its share in the sum of losses."""


@dataclass(frozen=True)
class Catalog:
    """Everything that the plugins offer, by kind and name."""

    plugins: tuple[Plugin, ...]
    parts: Mapping[str, Mapping[str, type[Any] | str]]
    variants: Mapping[str, Variant]
    tasks: Mapping[str, Task]
    formulas: Mapping[str, hooks.Formula | str]
    published: Mapping[str, Published]
    checkpoints: Mapping[str, CheckpointFormat]
    ablations: Mapping[str, PaperTable]
    grids: Mapping[str, Grid]

    @classmethod
    def installed(cls, *, strict: bool = False) -> Catalog:
        """Everything offered by installed distributions; with `strict`, any plugin's failure raises ZooError."""
        return cls._merged(installed_plugins(), strict)

    @classmethod
    def of(cls, *plugins: object) -> Catalog:
        """Only these plugins (modules or objects with hooks): for tests and notebooks. A failure raises ZooError."""
        sources: list[Source] = []
        for given in plugins:
            name = getattr(given, "__name__", type(given).__name__).removeprefix("zoo_")
            sources.append((Plugin(name, "given", "-"), lambda given=given: given))  # type: ignore[misc]
        return cls._merged(sources, strict=True)

    @classmethod
    def _merged(cls, sources: list[Source], strict: bool) -> Catalog:
        names = {plugin.name for plugin, _ in sources}
        merged: dict[str, dict[str, Any]] = {kind: {} for kind in OFFERED}
        owners: dict[tuple[str, str], Plugin] = {}
        plugins = []
        for plugin, load in sources:
            try:
                answers = ask(plugin, load)
                check_names(plugin, answers, names, owners)
            except Refused as refused:
                if strict:
                    raise ZooError(f"plugin {plugin.origin} failed at {refused.phase}: {refused}") from refused
                plugins.append(failed(plugin, refused))
                continue
            for kind, offered in answers.items():
                merged[kind] |= offered
                owners |= {(kind, name): plugin for name in offered}
            registers = {kind: tuple(sorted(offered)) for kind, offered in answers.items() if offered}
            plugins.append(Plugin(plugin.name, plugin.distribution, plugin.version, registers))
        tables = {kind: MappingProxyType(dict(sorted(table.items()))) for kind, table in merged.items()}
        return cls(
            plugins=tuple(plugins),
            parts=MappingProxyType({kind: tables[kind] for kind in KINDS}),
            variants=tables["variant"],
            tasks=tables["task"],
            formulas=tables["formula"],
            published=tables["published_count"],
            checkpoints=tables["checkpoint"],
            ablations=tables["ablation"],
            grids=tables["grid"],
        )

    def variant(self, expression: str, beside: Iterable[str] = ()) -> Variant:
        """The variant of this name or expression, or in this checkpoint's folder, also on the hub.

        It is called as its folder is; by more of its path if folders named `beside` it would be called the same; or as
        the expression says. Raises UnknownName or ZooError.
        """
        own, rest = self.named(expression)
        folders = [folder.resolve() for name in (expression, *beside) if (folder := self.folder(name)) is not None]
        variant = evaluate(rest, partial(self._found, told_apart(folders)), self._is_folder)
        return variant.model_copy(update={"name": own}) if own else variant

    def named(self, expression: str) -> tuple[str, str]:
        """The name that an expression gives, empty if none, and what it means. Raises ZooError where it can be none."""
        if os.path.exists(expression):  # a path may hold a =
            return "", expression
        own, rest = own_name(expression, self._is_folder)
        if own in self.variants:
            raise ZooError(f"{own!r} in {expression!r} is the name of an installed variant; give another")
        return own, rest

    def folder(self, expression: str) -> Path | None:
        """The checkpoint's folder that an expression means, if it does. Raises ZooError as `fetch` does."""
        base = self.base(expression)
        return folder_named(base) if self._is_folder(base) else None

    def base(self, expression: str) -> str:
        """The variant or folder that an expression exchanges fields of. Raises ZooError as `named` does."""
        return base_of(self.named(expression)[1], self._is_folder)

    def _is_folder(self, name: str) -> bool:
        return name not in self.variants and (is_hub_name(name) or is_checkpoint(Path(name)))

    def _found(self, names: Mapping[Path, str], name: str) -> Variant:
        if not self._is_folder(name):
            found: Variant = _find("variant", self.variants, name)
            return found
        folder = folder_named(name)
        called = names[folder.resolve()]
        called = f"folder:{called}" if called in self.variants else called
        return variant_in(CheckpointFolder(folder), self.checkpoints).model_copy(update={"name": called})

    def exchanged_fields(self, expression: str) -> frozenset[str]:
        """The paths of the fields that an expression exchanges. Raises ZooError as `named` does."""
        return exchanged_fields(self.named(expression)[1], self._is_folder)

    def task(self, name: str) -> Task:
        """The task of this name. Raises UnknownName."""
        task: Task = _find("task", self.tasks, name)
        return task

    def ablation(self, name: str) -> PaperTable:
        """The paper's table of this name. Raises UnknownName."""
        table: PaperTable = _find("ablation", self.ablations, name)
        return table

    def part(self, kind: str, name: str) -> type[Any]:
        """The class of a part. Raises UnknownName, and ZooError where the plugin returns something else."""
        offered = _find(kind, self.parts[kind], name)
        if isinstance(offered, type):
            return offered
        try:
            found = _resolved(offered)
        except Exception as error:
            raise ZooError(f"{kind} {name!r} is offered as {offered!r}, which fails to import: {error}") from error
        if not isinstance(found, type):
            raise ZooError(f"{kind} {name!r} is offered as {offered!r}, which is not a class")
        return found

    def components(self, kind: str, used: Use, dims: Dims) -> tuple[Component, ...] | None:
        """What a part is made of by its plugin's formula; None where the plugin states none. Raises as `build`."""
        _find(kind, self.parts[kind], used.name)
        stated = self.formulas.get(used.name)
        if stated is None:
            return None
        try:
            formula: hooks.Formula = _resolved(stated) if isinstance(stated, str) else stated
        except Exception as error:
            raise ZooError(f"the formula {stated!r} of {kind} {used.name!r} fails to import: {error}") from error
        options = _options(formula, kind, used, given=("dims",))
        try:
            return tuple(formula(dims, **options))
        except ZooError as error:
            raise ZooError(f"{kind} {used.name!r}: {error}") from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ZooError(f"the formula {stated!r} of {kind} {used.name!r} fails: {reason}") from error

    def owner(self, kind: str, name: str) -> Plugin:
        """The plugin that registered a name."""
        return next(plugin for plugin in self.plugins if name in plugin.registers.get(kind, ()))

    def tokenizer(self, variant: Variant) -> tuple[type[Tokenizer], dict[str, Any]]:
        """The variant's tokenizer class, with its checked options, to train or to load."""
        found = self.part("tokenizer", variant.tokenizer.name)
        return found, _options(found.train, "tokenizer", variant.tokenizer, given=("texts", "vocab_size"))

    def packing(self, variant: Variant) -> Packing:
        """The variant's packing."""
        packing: Packing = self._make("packing", variant.packing)
        return packing

    def masking(self, variant: Variant) -> Masking:
        """The variant's masking."""
        masking: Masking = self._make("masking", variant.masking)
        return masking

    def build(self, variant: Variant, seed: int = 0) -> Model:
        """The variant as a model, its weights drawn from the seed: each part's alike in whatever variant it is used.

        Raises UnknownName or ZooError where a part is missing, an option is unknown, or parts don't fit together.
        """
        from zoo.blocks import initialise

        model = self.assemble(variant, seed)
        initialise(model, variant.init, seed)
        return model

    def assemble(self, variant: Variant, seed: int = 0) -> Model:
        """The variant as a model whose weights are those that its parts' constructors give. Raises as `build` does."""
        from zoo.model import Model

        def made(kind: str, used: Use, *role: str) -> Any:
            with drawing("part", seed, kind, *role):
                return self._make(kind, used, variant.dims)

        embedding = made("embedding", variant.embedding)
        encoder = made("encoder", variant.encoder)
        objectives = {used.name: made("objective", used, used.name) for used in variant.objectives}
        loss_weights = {used.name: float(str(used.options.get(WEIGHT, 1.0))) for used in variant.objectives}
        causal = _reads_from_left(variant, encoder, objectives)
        return Model(variant, embedding, encoder, objectives, loss_weights=loss_weights, causal=causal)

    def check(self, variant: Variant, tasks: Iterable[Task] = (), *, trained: bool = False) -> None:
        """Build everything of a variant without memory for weights; of a `trained` one, nothing is pre-trained.

        Raises as `build` does, and ZooError where its parts, its recipes and the tasks don't fit together.
        """
        import torch

        from zoo.registry.compatibility import misfits_in_finetuning, misfits_in_pretraining

        self.tokenizer(variant)
        masking, packing = self.masking(variant), self.packing(variant)
        with torch.device("meta"):
            model = self.assemble(variant)
        before = () if trained else misfits_in_pretraining(model, packing, masking)
        for misfit in (*before, *misfits_in_finetuning(model, tasks)):
            raise ZooError(f"variant {variant.name!r}: {misfit}")

    def without_defaults(self, variant: Variant, *, trained: bool = False) -> Variant:
        """A checked variant without options at their defaults, so that two that mean the same are equal.

        The tokenizer of a `trained` one keeps its own, for there an option that is left out means what the folder says.
        """
        kinds = [kind for kind in KINDS if kind != "objective" and not (trained and kind == "tokenizer")]
        fields: dict[str, object] = {kind: self._plain(kind, getattr(variant, kind)) for kind in kinds}
        objectives = tuple(self._plain("objective", used) for used in variant.objectives)
        return variant.model_copy(update=fields | {"objectives": objectives})

    def _plain(self, kind: str, used: Use) -> Use:
        part = self.part(kind, used.name)
        constructor = part.train if kind == "tokenizer" else part.__init__
        parameters = inspect.signature(constructor).parameters
        defaults = {WEIGHT: 1.0} | {name: parameter.default for name, parameter in parameters.items()}
        kept = {n: v for n, v in _checked(constructor, kind, used).items() if n not in defaults or v != defaults[n]}
        whole = {n: v if isinstance(v, float) else used.options[n] for n, v in kept.items()}  # 1 is 1.0 for a float
        return Use(name=used.name, options=whole)

    def _make(self, kind: str, used: Use, *given: object) -> Any:
        from zoo.core import interfaces

        part = self.part(kind, used.name)
        options = _options(part.__init__, kind, used, given=("self", "dims")[: 1 + len(given)])
        try:
            made = part(*given, **options)
        except ZooError as error:
            raise ZooError(f"{kind} {used.name!r}: {error}") from error
        expected = getattr(interfaces, kind.capitalize())
        if not isinstance(made, expected):
            raise ZooError(f"{kind} {used.name!r} is a {type(made).__name__}, not a zoo.{expected.__name__}")
        return made


def _resolved(name: str) -> Any:
    """What 'module:name' means. What its import prints goes to standard error, so that answers stay as they are."""
    with redirect_stdout(sys.stderr):
        return resolve_name(name)


def _find(kind: str, table: Mapping[str, Any], name: str) -> Any:
    if name not in table:
        raise UnknownName(kind, name, table)
    return table[name]


def _options(constructor: Callable[..., Any], kind: str, used: Use, given: tuple[str, ...]) -> dict[str, Any]:
    """The options that a part's constructor is called with; the weight of an objective is the model's."""
    return {name: value for name, value in _checked(constructor, kind, used, given).items() if name != WEIGHT}


def _checked(constructor: Callable[..., Any], kind: str, used: Use, given: tuple[str, ...] = ()) -> dict[str, Any]:
    """The options of a part, each known to its constructor and of the annotated type."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    known = [
        name
        for name, p in inspect.signature(constructor).parameters.items()
        if name not in given and p.kind not in variadic
    ]
    hints = _hints(constructor)
    if kind == "objective":
        known, hints = [*known, WEIGHT], {**hints, WEIGHT: Positive}
    options = {}
    for name, value in used.options.items():
        if name not in known:
            raise UnknownName("option", name, known, f"{kind} {used.name!r}")
        try:
            options[name] = TypeAdapter(hints.get(name, Any)).validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise ZooError(f"option {name!r} of {kind} {used.name!r}: {explain(error)}") from None
    return options


def _reads_from_left(variant: Variant, encoder: Encoder, objectives: Mapping[str, Objective]) -> bool:
    """Whether the objectives want a causal encoder. Raises ZooError where they disagree, or the encoder is none."""
    wishes = {objective.causal for objective in objectives.values()}
    if len(wishes) > 1:
        named = " and ".join(name for name, objective in objectives.items() if objective.causal)
        raise ZooError(
            f"variant {variant.name!r}: {named} reads from left to right and its other objectives don't; "
            f"train one kind alone, as +objectives={named}"
        )
    if wishes == {True} and not encoder.can_be_causal:
        raise ZooError(
            f"variant {variant.name!r}: its objectives read from left to right, which encoder "
            f"{variant.encoder.name!r} cannot; exchange one of them, as +encoder=bert.stack"
        )
    return True in wishes


def _hints(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a constructor; none where they name what only a type checker imports."""
    try:
        return get_type_hints(constructor)
    except NameError:
        return {}
