"""A plugin of a stranger's, built with the public names alone: families that no built-in one resembles."""

from __future__ import annotations

from typing import Any

from zoo import Dims, Offers, Variant, part
from zoo.formulas import Component, F, H, L, S, head_width
from zoo.registry.presets import cpu_size


def modern_formula(dims: Dims, *, window: int = 64, global_every: int = 3, global_base: float = 160_000.0) -> Any:
    """Four square matrices, three of the feed-forward network, and norms without biases."""
    head_width(dims)
    return [
        Component("attention", 4 * H * H, L, L, flops=8 * S * H * H + 4 * S * S * H),
        Component("ffn", 3 * H * F, L, L, flops=6 * S * H * F),
        Component("norms", H, 2 * L, 2 * L),
    ]


def variants() -> list[Variant]:
    """One of each family, of the tiny size."""
    modern = {"embedding": part("stranger.tokens"), "encoder": part("stranger.modern")}
    return [
        _variant("stranger-modern", positions=False, **modern),
        _variant("stranger-recurrent", attends=False, encoder=part("stranger.recurrent")),
        _variant("stranger-mixed", objectives=(part("stranger.mixed"),)),
    ]


def _variant(name: str, *, positions: bool = True, attends: bool = True, **parts: Any) -> Variant:
    fields = cpu_size("tiny")
    fields["init"] = fields["init"].model_copy(
        update={"positions": "sinusoidal" if positions else "normal", "keys_start_as_queries": attends}
    )
    if not attends:
        fields["dims"] = fields["dims"].model_copy(update={"n_heads": None, "ffn_width": None})
    rest = {
        "embedding": part("bert.absolute"), "encoder": part("bert.stack"), "tokenizer": part("bert.wordpiece"),
        "packing": part("bert.segment_pair"), "masking": part("bert.static", rate=0.25),
        "objectives": (part("bert.mlm"),),
    }  # fmt: skip
    return Variant(name=name, paper="none", **fields, **rest | parts)


OFFERS = Offers(
    api_version=1,
    embeddings={"stranger.tokens": "tests.strangers.modern:TokenEmbedding"},
    encoders={
        "stranger.modern": "tests.strangers.modern:ModernStack",
        "stranger.scaled": "tests.strangers.modern:ScaledStack",
        "stranger.recurrent": "tests.strangers.recurrent:RecurrentStack",
    },
    objectives={"stranger.mixed": "tests.strangers.mixed:MixedTokens"},
    formulas={"stranger.modern": modern_formula},
    task_kinds={"stranger.ordinal": "tests.strangers.ordinal:Ordinal"},
    metrics={
        "stranger.distance": "tests.strangers.ordinal:DISTANCE",
        "stranger.exact": "tests.strangers.ordinal:EXACT",
    },
    variants=variants(),
)
