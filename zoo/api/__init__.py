"""The command line in Python: the same defaults, options as keyword arguments, records that print as tables."""

from zoo.api.experiments import (
    ablate,
    check_glue_submission,
    compare,
    estimate,
    glue_submission,
    merge,
    path,
    plan_ablation,
    plan_comparison,
    report,
    verify,
)
from zoo.api.outcomes import Comparison, Submission, Verification

__all__ = [
    "Comparison",
    "Submission",
    "Verification",
    "ablate",
    "check_glue_submission",
    "compare",
    "estimate",
    "glue_submission",
    "merge",
    "path",
    "plan_ablation",
    "plan_comparison",
    "report",
    "verify",
]
