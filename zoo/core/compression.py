"""How a trained model is made smaller, as records. No torch here."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, JsonValue, model_validator

from zoo.core.record import Record

Part = Annotated[float, Field(ge=0.0, lt=1.0)]

Quantization: TypeAlias = Literal["int8-dynamic", "int8-weights", "int8-static"]
"""How a fine-tuned model is stored and computed in 8-bit integers: weights and activations, whose scales are found per
batch or calibrated on training items; or weights alone."""


class Pruning(Record):
    """What is taken out of an encoder; nothing by default.

    Heads, feed-forward units and layers are removed, in equal numbers from every layer, so that a smaller model
    remains. Single weights are set to zero, which leaves the model as large and as slow as it was.
    """

    weights: Part = 0.0
    """The share of the weights of linear layers that become zero, those nearest zero; Han et al. 2015,
    arXiv:1506.02626."""
    scope: Literal["global", "matrix"] = "global"
    """Whether this share is of all linear layers together, or of each."""
    heads: Part = 0.0
    """The share of each layer's attention heads; Michel et al. 2019, arXiv:1905.10650."""
    ffn: Part = 0.0
    """The share of each layer's feed-forward units."""
    layers: Annotated[int, Field(ge=0)] = 0
    """The number of layers."""
    layer_choice: Literal["top", "alternate"] = "top"
    """The top ones (Sajjad et al. 2020, arXiv:2004.03844), or evenly spread ones (Fan et al. 2019,
    arXiv:1909.11556)."""
    importance: Literal["magnitude", "gradient"] = "magnitude"
    """What decides which heads and units stay: their weights' norm, or how the loss on training items depends on them
    (Michel et al. 2019, eq. 2)."""
    when: Literal["after", "during", "before"] = "after"
    """When this is done: after fine-tuning, gradually during it, or before it."""
    gradual_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """With "during", the share of the steps over which it is done, as a cubic function of the step; Zhu and Gupta 2017,
    arXiv:1710.01878, eq. 1. What remains is trained in all steps."""

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        if self.when == "during" and self.layers:
            raise ValueError("layers are removed before or after fine-tuning, and not during it")
        if self.when == "before" and self.importance == "gradient":
            raise ValueError("before fine-tuning there is no loss to take gradients of; use importance=magnitude")
        if self.when == "before" and self.weights:
            raise ValueError("weights that are zero before fine-tuning would be trained again; prune them during it")
        return self

    @property
    def takes(self) -> dict[str, JsonValue]:
        """What is taken out, by field."""
        return {name: value for name in ("weights", "heads", "ffn", "layers") if (value := getattr(self, name))}

    @property
    def in_training(self) -> bool:
        """Whether it changes how the model is fine-tuned."""
        return bool(self.takes) and self.when != "after"

    @property
    def in_words(self) -> str:
        """What is taken out, and when."""
        how = {
            "weights": f"{self.weights:.0%} of the weights ({self.scope})",
            "heads": f"{self.heads:.0%} of the heads (by {self.importance})",
            "ffn": f"{self.ffn:.0%} of the feed-forward units (by {self.importance})",
            "layers": f"{self.layers} layer{'s' * (self.layers > 1)} ({self.layer_choice})",
        }
        over = f", over {self.gradual_share:.0%} of the steps" if self.when == "during" else ""
        return f"{', '.join(how[name] for name in self.takes)}; {self.when} fine-tuning{over}"


def n_kept(n: int, share: float) -> int:
    """How many of `n` heads or units remain, one at least, if this share of them is taken out."""
    return max(1, n - round(share * n))


def kept_layers(n_layers: int, pruning: Pruning) -> tuple[int, ...]:
    """The layers that remain, from 0."""
    n = max(1, n_layers - pruning.layers)
    return tuple(range(n)) if pruning.layer_choice == "top" else tuple(at * n_layers // n for at in range(n))
