"""The settings that a plan tries, and the files that recipes name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from zoo.core.specs import Recipe, Variant
from zoo.registry.catalog import Catalog
from zoo.registry.search_grids import Setting, Tuning
from zoo.text.synonyms import Synonyms

OPTIMIZER = frozenset({"learning_rate", "batch_size", "epochs", "steps", *Recipe.model_fields})
"""Fields of a recipe that go with any model."""


def _tuned(
    variants: Iterable[Variant], tuning: Tuning | None, but: Collection[str] = ()
) -> Iterator[tuple[Variant, tuple[str, ...]]]:
    """Each variant with each recipe by which it is fine-tuned, and the tasks; settings that differ in nothing but some
    fields once. Raises ZooError as `applied` does.
    """
    settings: dict[str, list[str]] = {}
    for task, tried in tuning.settings.items() if tuning else ():
        for setting in tried:
            kept = {name: value for name, value in setting.values.items() if name not in but}
            settings.setdefault(Setting.model_validate(kept).model_dump_json(), []).append(task)
    for variant in variants:
        for text, tasks in settings.items():
            recipe = Setting.model_validate_json(text).applied(variant.finetuning)
            yield variant.model_copy(update={"finetuning": recipe}), tuple(tasks)
        if not settings:
            yield variant, ()


def refuse_unfit_settings(
    catalog: Catalog, variants: Iterable[Variant], tuning: Tuning | None, trained: Collection[str]
) -> None:
    """Raises ZooError if a setting to try does not go with a variant, as layers to freeze that it does not have."""
    for variant, tasks in _tuned(variants, tuning, but=OPTIMIZER) if tuning else ():
        catalog.check(variant, map(catalog.task, tasks), trained=variant.name in trained)


def synonym_hashes(variants: Iterable[Variant], tuning: Tuning | None) -> dict[str, str]:
    """The hash of each file of synonyms. Raises ZooError if one is missing or malformed."""
    recipes = [variant.finetuning for variant, _ in _tuned(variants, tuning)]
    files = dict.fromkeys(recipe.synonym_file for recipe in recipes if recipe.synonyms)
    return {name: Synonyms(Path(name)).content_hash for name in files if name}
