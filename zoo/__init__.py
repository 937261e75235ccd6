"""zoo: define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it.

The public names. Those that need torch are imported when first asked for, so that listing stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from zoo.core.errors import RunFailed, UnknownName, ZooError
from zoo.core.specs import Dims, Finetuning, Init, PartRef, PoolingConfig, Pretraining, Variant, diff, part
from zoo.registry.offers import Offers, hookimpl
from zoo.tasks.task import Dataset, Example, Task
from zoo.tasks.tsv import TsvFile, TsvTask

if TYPE_CHECKING:
    from zoo.api import (
        Comparison,
        CorpusCounts,
        Pretrained,
        Submission,
        Verification,
        ablate,
        ablation_edges,
        check_glue_submission,
        compare,
        corpus,
        estimate,
        glue_submission,
        merge,
        plan_ablation,
        plan_comparison,
        pretrain,
        report,
        verify,
    )
    from zoo.checkpoints import load, save
    from zoo.core.batch import IGNORE, Batch, Encoding, Flags, Ids, Layout, Output, Passage
    from zoo.core.interfaces import Embedding, Encoder, Masking, Objective, Packing, Tokenizer
    from zoo.model import Model
    from zoo.registry.catalog import Catalog

_API = (
    *("Comparison", "CorpusCounts", "Pretrained", "Submission", "Verification", "ablate"),
    *("ablation_edges", "check_glue_submission", "compare", "corpus", "estimate", "glue_submission"),
    *("merge", "plan_ablation", "plan_comparison", "pretrain", "report", "verify"),
)
_LATER = {
    "zoo.api": _API,
    "zoo.core.batch": ("IGNORE", "Batch", "Encoding", "Flags", "Ids", "Layout", "Output", "Passage"),
    "zoo.registry.catalog": ("Catalog",),
    "zoo.checkpoints": ("load", "save"),
    "zoo.core.interfaces": ("Embedding", "Encoder", "Masking", "Objective", "Packing", "Tokenizer"),
    "zoo.model": ("Model",),
}

__all__ = [
    "IGNORE",
    "Batch",
    "Catalog",
    "Comparison",
    "CorpusCounts",
    "Dataset",
    "Dims",
    "Embedding",
    "Encoder",
    "Encoding",
    "Example",
    "Finetuning",
    "Flags",
    "Ids",
    "Init",
    "Layout",
    "Masking",
    "Model",
    "Objective",
    "Offers",
    "Output",
    "Packing",
    "PartRef",
    "Passage",
    "PoolingConfig",
    "Pretrained",
    "Pretraining",
    "RunFailed",
    "Submission",
    "Task",
    "Tokenizer",
    "TsvFile",
    "TsvTask",
    "UnknownName",
    "Variant",
    "Verification",
    "ZooError",
    "ablate",
    "ablation_edges",
    "check_glue_submission",
    "compare",
    "corpus",
    "diff",
    "estimate",
    "glue_submission",
    "hookimpl",
    "load",
    "merge",
    "part",
    "plan_ablation",
    "plan_comparison",
    "pretrain",
    "report",
    "save",
    "verify",
]


def __getattr__(name: str) -> object:
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
