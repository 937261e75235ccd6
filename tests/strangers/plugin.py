"""A plugin of a stranger's, built with the public names alone: three families that no built-in one resembles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from zoo import Dims, Formulas, Parts, Variant, hookimpl, use
from zoo.formulas import Component, F, H, L, S, head_width
from zoo.registry.presets import cpu_size

ROOM = "tests.strangers"


@hookimpl
def zoo_embeddings() -> Parts:
    return {"stranger.tokens": f"{ROOM}.modern:TokenEmbedding"}


@hookimpl
def zoo_encoders() -> Parts:
    return {
        "stranger.modern": f"{ROOM}.modern:ModernStack",
        "stranger.scaled": f"{ROOM}.modern:ScaledStack",
        "stranger.recurrent": f"{ROOM}.recurrent:RecurrentStack",
    }


@hookimpl
def zoo_objectives() -> Parts:
    names = {"generator": "Generator", "replaced": "ReplacedTokens", "mixed": "MixedTokens"}
    return {f"stranger.{name}": f"{ROOM}.electra:{found}" for name, found in names.items()}


def modern_formula(dims: Dims, *, window: int = 64, global_every: int = 3, global_base: float = 160_000.0) -> Any:
    """Four square matrices, three of the feed-forward network, and norms without biases."""
    head_width(dims)
    return [
        Component("attention", 4 * H * H, L, L, flops=8 * S * H * H + 4 * S * S * H),
        Component("ffn", 3 * H * F, L, L, flops=6 * S * H * F),
        Component("norms", H, 2 * L, 2 * L),
    ]


@hookimpl
def zoo_formulas() -> Formulas:
    return {"stranger.modern": modern_formula}


def _variant(name: str, *, positions: bool = True, attends: bool = True, **parts: Any) -> Variant:
    fields = cpu_size("tiny")
    fields["init"] = fields["init"].model_copy(
        update={"positions": "sinusoidal" if positions else "normal", "keys_start_as_queries": attends}
    )
    if not attends:
        fields["dims"] = fields["dims"].model_copy(update={"n_heads": None, "ffn_width": None})
    rest = {
        "embedding": use("bert.absolute"), "encoder": use("bert.stack"), "tokenizer": use("bert.wordpiece"),
        "packing": use("bert.segment_pair"), "masking": use("bert.static", rate=0.25), "objectives": (use("bert.mlm"),),
    }  # fmt: skip
    return Variant(name=name, paper="none", **fields, **rest | parts)


@hookimpl
def zoo_variants() -> list[Variant]:
    electra = (use("stranger.generator"), use("stranger.replaced", weight=50.0))
    masked = use("bert.static", rate=0.25, mask_share=1.0, random_share=0.0)
    return [
        _variant("stranger-modern", positions=False, embedding=use("stranger.tokens"), encoder=use("stranger.modern")),
        _variant("stranger-recurrent", attends=False, encoder=use("stranger.recurrent")),
        _variant("stranger-electra", objectives=electra, masking=masked),
        _variant("stranger-mixed", objectives=(use("stranger.mixed"),)),
    ]


PLUGIN = SimpleNamespace(
    __name__="zoo_stranger",
    **{name: hook for name, hook in list(globals().items()) if name.startswith("zoo_")},
)
