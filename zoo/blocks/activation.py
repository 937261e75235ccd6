"""The nonlinearities of the papers, by the names that checkpoints use."""

from __future__ import annotations

from torch import nn

from zoo.core.specs import Activation

__all__ = ["Activation", "activation"]


def activation(name: Activation) -> nn.Module:
    """The activation called `name`: `gelu` is the exact erf form, `gelu_new` its tanh approximation.

    Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2.
    """
    known = {"gelu": nn.GELU(), "gelu_new": nn.GELU(approximate="tanh"), "relu": nn.ReLU()}
    return {**known, "silu": nn.SiLU(), "tanh": nn.Tanh()}[name]
