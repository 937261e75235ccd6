"""The work of a transfer job: an evaluation of the model that was fine-tuned on another task."""

from __future__ import annotations

from zoo.experiments.runner.evaluate_job import evaluate as transfer

__all__ = ["transfer"]
