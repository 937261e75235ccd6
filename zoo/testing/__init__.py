"""Checks that every part must pass, built-in or not; a plugin's own tests may import them.

@pytest.mark.parametrize("check", conformance(Catalog.installed(), "fnet"), ids=str)
def test_conforms(check):
    check()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from zoo.core.interfaces import Tokenizer
from zoo.registry.catalog import Catalog
from zoo.testing import offers
from zoo.testing.advice import ADVICE
from zoo.testing.division import check_division
from zoo.testing.heads import HEAD_KINDS, check_head, check_head_kind, head_batch
from zoo.testing.layers import check_embedding, check_encoder, check_objective
from zoo.testing.material import DIMS, LENGTHS, sentences
from zoo.testing.models import check_checkpoint, check_variant
from zoo.testing.tasks import check_items, check_task
from zoo.testing.text import check_masking, check_packing, check_tokenizer

__all__ = [
    "ADVICE",
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
    """One check of one thing that a plugin offers; call it, and it raises AssertionError where that fails.

    `advice` says what usually mends it.
    """

    name: str
    run: Callable[[], None]
    advice: str = ""

    def __call__(self) -> None:
        self.run()

    def __str__(self) -> str:
        return self.name


def _check_tokenizer_part(catalog: Catalog, name: str) -> None:
    part: type[Tokenizer] = catalog.part("tokenizer", name)
    check_tokenizer(part.train(sentences(), 300))


CHECKS: Mapping[str, Callable[[Catalog, str], None]] = {
    "tokenizer": _check_tokenizer_part,
    "packing": lambda catalog, name: check_packing(catalog.part("packing", name)()),
    "masking": lambda catalog, name: check_masking(catalog.part("masking", name)()),
    "embedding": lambda catalog, name: check_embedding(catalog.part("embedding", name)),
    "encoder": lambda catalog, name: check_encoder(catalog.part("encoder", name)),
    "objective": lambda catalog, name: check_objective(catalog.part("objective", name)),
    "formula": offers.check_formula,
    "variant": lambda catalog, name: check_variant(catalog, catalog.variant(name)),
    "task_kind": offers.check_task_kind,
    "metric": offers.check_metric,
    "task": lambda catalog, name: check_task(catalog.task(name)),
    "average": offers.check_average,
    "checkpoint_format": lambda catalog, name: check_checkpoint(catalog, catalog.checkpoint_formats[name]),
    "published_count": offers.check_published_count,
    "paper_table": offers.check_paper_table,
    "report_format": offers.check_report_format,
    "executor": offers.check_executor,
}
"""What is checked of each kind of offer, by name. Grids are records, which are checked when they are made."""


def conformance(catalog: Catalog, plugin: str | None = None) -> list[Check]:
    """A check for everything that a plugin offers, and of its documentation; or of all plugins, and the zoo's heads."""
    heads = [
        Check(f"head {kind}", partial(check_head_kind, kind), ADVICE["task_kind"])
        for kind in HEAD_KINDS
        if plugin is None
    ]
    checks = [
        Check(f"{kind.replace('_', ' ')} {name}", partial(check, catalog, name), ADVICE[kind])
        for kind, check in CHECKS.items()
        for name in catalog.offered[kind]
        if plugin in (None, catalog.owner(kind, name).name)
    ]
    documented = [
        Check(
            f"documentation of {each.name}",
            partial(offers.check_documentation, catalog, each.name),
            ADVICE["documentation"],
        )
        for each in catalog.plugins
        if plugin in (None, each.name)
    ]
    return [*heads, *checks, *documented]
