"""The learning-rate schedule."""

from __future__ import annotations

import math

from zoo.core.specs import Recipe


def learning_rate(step: int, n_steps: int, recipe: Recipe) -> float:
    """A linear rise over the warm-up share of the steps, then a fall to zero; Devlin et al. 2019, app. A.2.

    The fall is linear, or another power of what remains (google-research/albert, optimization.py).
    """
    n_warmup = recipe.warmup_steps(n_steps)
    rise = (step + 1) / n_warmup
    fall = (n_steps - step) / max(1, n_steps - n_warmup)
    return recipe.learning_rate * max(0.0, min(1.0, rise, math.pow(fall, recipe.decay_power)))
