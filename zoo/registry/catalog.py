"""Variants by name, expression or folder, checked and built from what the plugins offer."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.core.errors import ZooError
from zoo.core.seeds import drawing
from zoo.core.specs import Dims, Distillation, PartRef, Variant
from zoo.formulas import Component
from zoo.registry.expressions import base_of, evaluate, exchanged_fields, own_name
from zoo.registry.offered import Offered
from zoo.registry.offers import PARTS
from zoo.registry.options import WEIGHT, checked_options, constructor_options

if TYPE_CHECKING:
    from zoo.core.interfaces import Masking, Packing, Tokenizer
    from zoo.model import Model
    from zoo.tasks.task import Task


class Catalog(Offered):
    """What the plugins offer; variants by expression or folder, and models built from them."""

    def variant(self, expression: str, beside: Iterable[str] = ()) -> Variant:
        """The variant of this name or expression, or in this checkpoint's folder, also on the hub.

        It is named after its folder, with more of the path if folders in `beside` would have the same name; or as the
        expression says. Raises UnknownName or ZooError.
        """
        from zoo.weights.folder_names import as_typed, told_apart

        own, rest = self.named(expression)
        folders = [as_typed(folder) for name in (expression, *beside) if (folder := self.folder(name)) is not None]
        return evaluate(rest, partial(self._found, told_apart(folders)), self._is_folder, own)

    def named(self, expression: str) -> tuple[str, str]:
        """The name that an expression gives, empty if none, and the rest. Raises ZooError if the name is not valid."""
        if os.path.exists(expression):  # a path may hold a =
            return "", expression
        own, rest = own_name(expression, self._is_folder)
        if own in self.variants:
            raise ZooError(f"{own!r} in {expression!r} is the name of an installed variant; give another")
        return own, rest

    def folder(self, expression: str) -> Path | None:
        """The checkpoint's folder that an expression means, if it does. Raises ZooError as `fetch` does."""
        base = self.base(expression)
        if base in self.variants:  # reading folders is imported for folders alone
            return None
        from zoo.weights.hub import folder_named

        return folder_named(base) if self._is_folder(base) else None

    def base(self, expression: str) -> str:
        """The variant or folder that an expression exchanges fields of. Raises ZooError as `named` does."""
        return base_of(self.named(expression)[1], self._is_folder)

    def _is_folder(self, name: str) -> bool:
        if name in self.variants:
            return False
        from zoo.weights.folder import is_checkpoint
        from zoo.weights.hub import is_hub_name

        return is_hub_name(name) or is_checkpoint(Path(name))

    def _found(self, names: Mapping[Path, str], name: str) -> Variant:
        if not self._is_folder(name):
            if Path(name).is_dir() and name not in self.variants:
                raise ZooError(f"{name}: no model is in this folder, for it has neither config.json nor variant.json")
            if "/" in name:
                there = "this is a file, not the folder of a model" if Path(name).is_file() else "there is no folder"
                raise ZooError(f"{name}: {there}")
            found: Variant = self._find("variant", name)
            return found
        from zoo.weights.folder import CheckpointFolder
        from zoo.weights.folder_names import as_typed
        from zoo.weights.hub import folder_named
        from zoo.weights.record import variant_in

        folder = folder_named(name)
        called = names[as_typed(folder)]
        called = f"folder:{called}" if called in self.variants else called
        past = {"name": called, "distillation": Distillation()}  # whom its weights have learned from, they need no more
        return variant_in(CheckpointFolder(folder), self.checkpoint_formats).model_copy(update=past)

    def exchanged_fields(self, expression: str) -> frozenset[str]:
        """The paths of the fields that an expression exchanges. Raises ZooError as `named` does."""
        return exchanged_fields(self.named(expression)[1], self._is_folder)

    def components(self, kind: str, used: PartRef, dims: Dims, of: str = "") -> tuple[Component, ...] | None:
        """The components of a part, `of` what errors begin with, by its plugin's formula; None if the plugin states
        none. Raises as `build`."""
        self._find(kind, used.name)
        stated = self.offered["formula"].get(used.name)
        if stated is None:
            return None
        formula = self.resolve("formula", used.name)
        options = constructor_options(formula, kind, used, given=("dims",))
        try:
            return tuple(formula(dims, **options))
        except ZooError as error:
            raise ZooError(f"{of}{kind} {used.name!r}: {error}") from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ZooError(f"the formula {stated!r} of {kind} {used.name!r} fails: {reason}") from error

    def tokenizer(self, variant: Variant) -> tuple[type[Tokenizer], dict[str, Any]]:
        """The variant's tokenizer class, with its checked options, to train or to load."""
        found = self.part("tokenizer", variant.tokenizer.name)
        return found, constructor_options(found.train, "tokenizer", variant.tokenizer, given=("texts", "vocab_size"))

    def packing(self, variant: Variant) -> Packing:
        """The variant's packing."""
        packing: Packing = self._make(variant, "packing", variant.packing)
        return packing

    def masking(self, variant: Variant) -> Masking:
        """The variant's masking."""
        masking: Masking = self._make(variant, "masking", variant.masking)
        return masking

    def build(self, variant: Variant, seed: int = 0) -> Model:
        """The variant as a model, its weights drawn from the seed; a part's weights are the same in every variant.

        Raises UnknownName or ZooError if a part is missing, an option is unknown, or parts don't fit together.
        """
        from zoo.blocks import initialise

        model = self.assemble(variant, seed)
        initialise(model, variant.init, seed)
        return model

    def assemble(self, variant: Variant, seed: int = 0) -> Model:
        """The variant as a model with the weights of its parts' constructors. Raises like `build`."""
        from zoo.model import Model
        from zoo.registry.compatibility import reads_from_left

        def made(kind: str, used: PartRef, *role: str) -> Any:
            with drawing("part", seed, kind, *role):
                return self._make(variant, kind, used, variant.dims)

        embedding = made("embedding", variant.embedding)
        encoder = made("encoder", variant.encoder)
        objectives = {used.name: made("objective", used, used.name) for used in variant.objectives}
        loss_weights = {used.name: float(str(used.options.get(WEIGHT, 1.0))) for used in variant.objectives}
        causal = reads_from_left(variant, encoder, objectives)
        return Model(variant, embedding, encoder, objectives, loss_weights=loss_weights, causal=causal)

    def check(self, variant: Variant, tasks: Iterable[Task] = (), *, trained: bool = False) -> None:
        """Build everything of a variant without memory for weights; a `trained` one is not pre-trained.

        Raises as `build` does, and ZooError if its parts, its recipes and the tasks don't fit together.
        """
        from zoo.core.meta import without_memory
        from zoo.registry.compatibility import log_own_starts, misfits_in_finetuning, misfits_in_pretraining
        from zoo.registry.compressing import misfits_in_compression
        from zoo.registry.unread import unread_fields

        for unread in unread_fields(variant):
            raise ZooError(f"variant {variant.name!r}: {unread}")
        self.tokenizer(variant)
        masking, packing = self.masking(variant), self.packing(variant)
        with without_memory():
            model = self.assemble(variant)
        before, tasks = () if trained else misfits_in_pretraining(model, packing, masking), list(tasks)
        for misfit in (*before, *misfits_in_finetuning(model, tasks), *misfits_in_compression(model, tasks)):
            raise ZooError(f"variant {variant.name!r}: {misfit}")
        if not trained:
            log_own_starts(model)

    def without_defaults(self, variant: Variant, *, trained: bool = False) -> Variant:
        """A checked variant without options at their defaults, so that equivalent variants are equal. The tokenizer of
        a `trained` one keeps its options, as an omitted option there means what the folder says.
        """
        kinds = [kind for kind in PARTS if kind != "objective" and not (trained and kind == "tokenizer")]
        fields: dict[str, object] = {kind: self._plain(kind, getattr(variant, kind)) for kind in kinds}
        objectives = tuple(self._plain("objective", used) for used in variant.objectives)
        return variant.model_copy(update=fields | {"objectives": objectives})

    def _plain(self, kind: str, used: PartRef) -> PartRef:
        part = self.part(kind, used.name)
        constructor = part.train if kind == "tokenizer" else part.__init__
        parameters = inspect.signature(constructor).parameters
        defaults = {WEIGHT: 1.0} | {name: parameter.default for name, parameter in parameters.items()}
        kept = {
            n: v for n, v in checked_options(constructor, kind, used).items() if n not in defaults or v != defaults[n]
        }
        whole = {n: v if isinstance(v, float) else used.options[n] for n, v in kept.items()}  # 1 is 1.0 for a float
        return PartRef(name=used.name, options=whole)

    def _make(self, variant: Variant, kind: str, used: PartRef, *given: object) -> Any:
        from zoo.core import interfaces

        part = self.part(kind, used.name)
        options = constructor_options(part.__init__, kind, used, given=("self", "dims")[: 1 + len(given)])
        try:
            made = part(*given, **options)
        except ZooError as error:
            raise ZooError(f"variant {variant.name!r}: {kind} {used.name!r}: {error}") from error
        expected = getattr(interfaces, kind.capitalize())
        if not isinstance(made, expected):
            raise ZooError(f"{kind} {used.name!r} is a {type(made).__name__}, not a zoo.{expected.__name__}")
        return made
