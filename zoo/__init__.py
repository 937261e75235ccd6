"""zoo: define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it.

The public names, each imported when it is first asked for, so that nothing waits for what it does not use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.api.audits import Audits, audit, check_audit
    from zoo.api.boards import Leaderboard, board
    from zoo.api.comparisons import Comparison, Submission, Verification
    from zoo.api.experiments import (
        ablate,
        ablation_edges,
        check_glue_submission,
        compare,
        estimate,
        glue_submission,
        merge,
        plan_ablation,
        plan_comparison,
        report,
        superglue_submission,
        verify,
    )
    from zoo.api.exporting import export
    from zoo.api.judging import Judged, judge
    from zoo.api.models import (
        convert,
        encode,
        encode_file,
        fill,
        predict,
        predict_file,
    )
    from zoo.api.outcomes import Conversion, CorpusCounts, Filled, Pretrained
    from zoo.api.plugins import PluginCheck, check_plugin, new_plugin
    from zoo.api.pretraining import (
        corpus,
        pretrain,
    )
    from zoo.api.probing import Probed, probe
    from zoo.api.scoring import Scored, score
    from zoo.api.task_data import TaskCheck, check_task, fetch_data
    from zoo.checkpoints import load, save
    from zoo.core.batch import IGNORE, Batch, Encoding, Flags, Ids, Layout, Output, Passage
    from zoo.core.diff import diff
    from zoo.core.errors import RunFailed, UnknownName, ZooError
    from zoo.core.interfaces import Embedding, Encoder, Masking, Objective, Packing, Tokenizer
    from zoo.core.specs import Dims, Finetuning, Init, PartRef, PoolingConfig, Pretraining, Variant, part
    from zoo.experiments.runner.executors import Executor
    from zoo.experiments.runner.job import attempt
    from zoo.heads import TaskHead
    from zoo.inference.predict_text import Predictions
    from zoo.model import Model
    from zoo.registry.catalog import Catalog
    from zoo.registry.offers import Offers, hookimpl
    from zoo.tasks.averages import Average, Term
    from zoo.tasks.conll import ConllTask
    from zoo.tasks.fetching import Fetched
    from zoo.tasks.files import FilesTask, SplitFile
    from zoo.tasks.kinds import EncodedItem, ItemField, TaskKind
    from zoo.tasks.metrics.metric import Metric, of_counts
    from zoo.tasks.minimal_pairs import MinimalPair
    from zoo.tasks.objects import ObjectsTask, Row
    from zoo.tasks.record import RecordTask
    from zoo.tasks.tagged_text import ConllFile
    from zoo.tasks.tagging import convert_tags
    from zoo.tasks.task import Dataset, Example, Task
    from zoo.tasks.tsv import TsvFile, TsvTask

_LATER = {
    "zoo.core.errors": ("RunFailed", "UnknownName", "ZooError"),
    "zoo.core.diff": ("diff",),
    "zoo.core.specs": (*("Dims", "Finetuning", "Init", "PartRef", "PoolingConfig", "Pretraining", "Variant", "part"),),
    "zoo.registry.offers": ("Offers", "hookimpl"),
    "zoo.tasks.conll": ("ConllTask",),
    "zoo.tasks.files": ("FilesTask", "SplitFile"),
    "zoo.tasks.minimal_pairs": ("MinimalPair",),
    "zoo.tasks.objects": ("ObjectsTask", "Row"),
    "zoo.tasks.tagged_text": ("ConllFile",),
    "zoo.tasks.tagging": ("convert_tags",),
    "zoo.tasks.task": ("Dataset", "Example", "Task"),
    "zoo.tasks.tsv": ("TsvFile", "TsvTask"),
    "zoo.api.experiments": (
        *("ablate", "ablation_edges", "check_glue_submission", "compare", "estimate", "glue_submission", "merge"),
        *("plan_ablation", "plan_comparison", "report", "superglue_submission", "verify"),
    ),
    "zoo.api.audits": ("Audits", "audit", "check_audit"),
    "zoo.api.boards": ("Leaderboard", "board"),
    "zoo.api.judging": ("Judged", "judge"),
    "zoo.api.exporting": ("export",),
    "zoo.api.models": ("convert", "encode", "encode_file", "fill", "predict", "predict_file"),
    "zoo.inference.predict_text": ("Predictions",),
    "zoo.api.comparisons": ("Comparison", "Submission", "Verification"),
    "zoo.api.outcomes": ("Conversion", "CorpusCounts", "Filled", "Pretrained"),
    "zoo.api.plugins": ("PluginCheck", "check_plugin", "new_plugin"),
    "zoo.api.pretraining": ("corpus", "pretrain"),
    "zoo.api.probing": ("Probed", "probe"),
    "zoo.api.scoring": ("Scored", "score"),
    "zoo.api.task_data": ("TaskCheck", "check_task", "fetch_data"),
    "zoo.tasks.fetching": ("Fetched",),
    "zoo.tasks.record": ("RecordTask",),
    "zoo.core.batch": ("IGNORE", "Batch", "Encoding", "Flags", "Ids", "Layout", "Output", "Passage"),
    "zoo.registry.catalog": ("Catalog",),
    "zoo.checkpoints": ("load", "save"),
    "zoo.core.interfaces": ("Embedding", "Encoder", "Masking", "Objective", "Packing", "Tokenizer"),
    "zoo.experiments.runner.executors": ("Executor",),
    "zoo.experiments.runner.job": ("attempt",),
    "zoo.heads": ("TaskHead",),
    "zoo.model": ("Model",),
    "zoo.tasks.averages": ("Average", "Term"),
    "zoo.tasks.kinds": ("EncodedItem", "ItemField", "TaskKind"),
    "zoo.tasks.metrics.metric": ("Metric", "of_counts"),
}

__all__ = [
    "IGNORE",
    "Audits",
    "Average",
    "Batch",
    "Catalog",
    "Comparison",
    "ConllFile",
    "ConllTask",
    "Conversion",
    "CorpusCounts",
    "Dataset",
    "Dims",
    "Embedding",
    "EncodedItem",
    "Encoder",
    "Encoding",
    "Example",
    "Executor",
    "Fetched",
    "FilesTask",
    "Filled",
    "Finetuning",
    "Flags",
    "Ids",
    "Init",
    "ItemField",
    "Judged",
    "Layout",
    "Leaderboard",
    "Masking",
    "Metric",
    "MinimalPair",
    "Model",
    "Objective",
    "ObjectsTask",
    "Offers",
    "Output",
    "Packing",
    "PartRef",
    "Passage",
    "PluginCheck",
    "PoolingConfig",
    "Predictions",
    "Pretrained",
    "Pretraining",
    "Probed",
    "RecordTask",
    "Row",
    "RunFailed",
    "Scored",
    "SplitFile",
    "Submission",
    "Task",
    "TaskCheck",
    "TaskHead",
    "TaskKind",
    "Term",
    "Tokenizer",
    "TsvFile",
    "TsvTask",
    "UnknownName",
    "Variant",
    "Verification",
    "ZooError",
    "ablate",
    "ablation_edges",
    "attempt",
    "audit",
    "board",
    "check_audit",
    "check_glue_submission",
    "check_plugin",
    "check_task",
    "compare",
    "convert",
    "convert_tags",
    "corpus",
    "diff",
    "encode",
    "encode_file",
    "estimate",
    "export",
    "fetch_data",
    "fill",
    "glue_submission",
    "hookimpl",
    "judge",
    "load",
    "merge",
    "new_plugin",
    "of_counts",
    "part",
    "plan_ablation",
    "plan_comparison",
    "predict",
    "predict_file",
    "pretrain",
    "probe",
    "report",
    "save",
    "score",
    "superglue_submission",
    "verify",
]


def __getattr__(name: str) -> object:
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
