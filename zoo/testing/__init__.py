"""Checks that every part must pass, whoever wrote it; a plugin's own tests may import them.

@pytest.mark.parametrize("check", conformance(Catalog.installed(), "fnet"), ids=str)
def test_conforms(check):
    check()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from zoo.core.interfaces import Tokenizer
from zoo.registry.catalog import Catalog
from zoo.registry.offers import PARTS
from zoo.testing.division import check_division
from zoo.testing.heads import HEAD_KINDS, check_head, check_head_kind, head_batch
from zoo.testing.layers import check_embedding, check_encoder, check_objective
from zoo.testing.material import DIMS, LENGTHS, sentences
from zoo.testing.models import check_checkpoint, check_variant
from zoo.testing.tasks import check_items, check_task
from zoo.testing.text import check_masking, check_packing, check_tokenizer

__all__ = [
    "DIMS",
    "LENGTHS",
    "Check",
    "check_checkpoint",
    "check_division",
    "check_embedding",
    "check_encoder",
    "check_head",
    "check_head_kind",
    "check_items",
    "check_masking",
    "check_objective",
    "check_packing",
    "check_task",
    "check_tokenizer",
    "check_variant",
    "conformance",
    "head_batch",
]


@dataclass(frozen=True)
class Check:
    """One check of one part or variant; call it, and it raises AssertionError where the part fails."""

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        self.run()

    def __str__(self) -> str:
        return self.name


def conformance(catalog: Catalog, plugin: str | None = None) -> list[Check]:
    """A check for every part, variant and task that a plugin offers; or that all do, and for the zoo's heads."""
    by_kind: dict[str, Callable[[Catalog, str], None]] = {
        "tokenizer": _check_tokenizer_part,
        "packing": lambda catalog, name: check_packing(catalog.part("packing", name)()),
        "masking": lambda catalog, name: check_masking(catalog.part("masking", name)()),
        "embedding": lambda catalog, name: check_embedding(catalog.part("embedding", name)),
        "encoder": lambda catalog, name: check_encoder(catalog.part("encoder", name)),
        "objective": lambda catalog, name: check_objective(catalog.part("objective", name)),
        "variant": lambda catalog, name: check_variant(catalog, catalog.variant(name)),
        "task": lambda catalog, name: check_task(catalog.task(name)),
        "checkpoint_format": lambda catalog, name: check_checkpoint(catalog, catalog.checkpoint_formats[name]),
    }
    tables: dict[str, Sequence[str]] = {
        **{kind: list(catalog.parts[kind]) for kind in PARTS},
        "variant": list(catalog.variants),
        "task": list(catalog.tasks),
        "checkpoint_format": list(catalog.checkpoint_formats),
    }
    heads = [Check(f"head {kind}", partial(check_head_kind, kind)) for kind in HEAD_KINDS if plugin is None]
    return heads + [
        Check(f"{kind.replace('_', ' ')} {name}", lambda kind=kind, name=name: by_kind[kind](catalog, name))  # type: ignore[misc]
        for kind, names in tables.items()
        for name in names
        if plugin in (None, catalog.owner(kind, name).name)
    ]


def _check_tokenizer_part(catalog: Catalog, name: str) -> None:
    part: type[Tokenizer] = catalog.part("tokenizer", name)
    check_tokenizer(part.train(sentences(), 300))
