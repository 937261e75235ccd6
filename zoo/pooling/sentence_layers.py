"""What a sentence encoder's folder has done to a pooled vector: dense layers, and scaling to length 1."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from zoo.core.errors import ZooError
from zoo.weights.sentence import SentenceConfig, SentenceModule

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "torch.nn.modules.linear.Identity": nn.Identity,
    "torch.nn.modules.activation.Tanh": nn.Tanh,
    "torch.nn.modules.activation.ReLU": nn.ReLU,
    "torch.nn.modules.activation.GELU": nn.GELU,
    "torch.nn.modules.activation.SiLU": nn.SiLU,
    "torch.nn.modules.activation.Sigmoid": nn.Sigmoid,
}
"""The activations of a dense layer, as its config names them."""

VECTOR = "sentence_embedding"
"""What the library calls the pooled vector; a layer may read something else."""


class UnitLength(nn.Module):
    """Vectors scaled to length 1."""

    def forward(self, vectors: Tensor) -> Tensor:
        """[..., P] -> [..., P]"""
        return F.normalize(vectors, dim=-1)


def layers_of(said: SentenceConfig | None, width: int) -> tuple[list[nn.Module], int]:
    """The layers that a folder wants after a pooling of this width, and the width that they leave."""
    layers: list[nn.Module] = []
    for module in said.layers if said else ():
        if module.kind == "Dense":
            linear = _linear(module, width)
            layers += [linear, _activation(module)]
            width = linear.out_features
        else:
            layers.append(UnitLength())
    return layers, width


def _linear(module: SentenceModule, width: int) -> nn.Linear:
    """The layer with its stored weights. Raises ZooError if they don't fit."""
    store = module.weights
    stored = dict(store.read(store.entries))
    weight, bias = stored.pop("linear.weight", None), stored.pop("linear.bias", None)
    fits = weight is not None and weight.ndim == 2 and weight.shape[1] == width
    if stored or weight is None or not fits or (bias is not None and bias.shape != weight.shape[:1]):
        raise ZooError(f"{store.where}: should hold a linear layer of {width} inputs: linear.weight and linear.bias")
    linear = nn.Linear(width, len(weight), bias=bias is not None)
    linear.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})
    return linear.requires_grad_(False)


def _activation(module: SentenceModule) -> nn.Module:
    """The activation, Tanh where none is named. Raises ZooError for one, or for an option, that the zoo has not."""
    config = module.settings
    name = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    plain = not config.get("use_residual") and all(
        config.get(f"module_{side}_name") in (None, VECTOR) for side in ("input", "output")
    )
    if name not in ACTIVATIONS or not plain:
        raise ZooError(
            f"{module.folder.path}: the zoo has no dense layer with {name!r:.80}, or with residuals or another input; "
            f"name a pooling of your own to leave it out. Known: {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]()
