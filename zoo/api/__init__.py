"""The command line in Python: the same defaults, options as keyword arguments, records that print as tables."""

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
    verify,
)
from zoo.api.outcomes import Comparison, CorpusCounts, Pretrained, Submission, Verification
from zoo.api.pretraining import corpus, pretrain

__all__ = [
    "Comparison",
    "CorpusCounts",
    "Pretrained",
    "Submission",
    "Verification",
    "ablate",
    "ablation_edges",
    "check_glue_submission",
    "compare",
    "corpus",
    "estimate",
    "glue_submission",
    "merge",
    "plan_ablation",
    "plan_comparison",
    "pretrain",
    "report",
    "verify",
]
