"""Checks of variants and of checkpoint formats."""

from __future__ import annotations

import math

import torch

from zoo.core.meta import without_memory
from zoo.core.specs import PartRef, Variant
from zoo.registry.catalog import Catalog
from zoo.testing.material import alternating, ragged_batch
from zoo.weights.format import CheckpointFormat


def check_variant(catalog: Catalog, variant: Variant) -> None:
    """Its parts fit together, and untrained, at a small size, its first loss is that of guessing: ln V."""
    catalog.check(variant)
    width = 12 * (variant.dims.n_heads or 2)
    narrow = width if variant.dims.embedding_width == variant.dims.hidden_width else 20
    small = variant.dims.model_copy(
        update={
            "vocab_size": 503, "hidden_width": width, "embedding_width": narrow, "max_length": 32, "dropout": 0.0,
            "attention_dropout": 0.0, "ffn_width": variant.dims.ffn_width and 44,
            "n_layers": min(3, variant.dims.n_layers),
        }
    )  # fmt: skip
    torch.manual_seed(0)
    model = catalog.build(variant.swap(variant.name, dims=small)).eval()
    labels = [label for used in variant.objectives if (label := model.objective(used.name).label)]
    batch = ragged_batch(503, alternating(*labels), pairs=model.embedding.reads_pairs)
    with torch.no_grad():
        for name, output in model(batch).items():
            decides = output.logits.shape == output.targets.shape
            guess = math.log(2 if decides else output.logits.shape[-1])
            loss = output.loss.item()
            assert abs(loss - guess) < 0.5 * guess, f"untrained, {name} has a loss of {loss:.2f}, far from {guess:.2f}"


def check_checkpoint(catalog: Catalog, format: CheckpointFormat) -> None:
    """Each weight of the family has one name in a checkpoint, which leads back to it; so has its architecture."""
    base = format.base
    config = format.config(base)
    assert config is not None, f"the format cannot express its own base {base.name}"
    assert format.variant(config, base.name, "config.json").dims == base.dims, "a config reads back with other dims"
    for architecture, heads in format.architectures.items():
        own = {used.name: used for used in base.objectives}
        objectives = tuple(own.get(head, PartRef(name=head)) for head in heads if head in catalog.parts["objective"])
        with without_memory():
            model = catalog.assemble(base.swap(base.name, objectives=objectives or base.objectives))
        weights = [name for name in model.state_dict() if objectives or not name.startswith("objectives.")]
        table = format.table(heads)
        missing = [name for name in weights if table.theirs(name) is None]
        assert not missing, f"{architecture} has no name for {', '.join(missing)}"
        stored = [format.stored(name, heads) for name in table.joined(weights)]
        back = [ours for name in stored for ours in table.ours(format.normalise_name(name))]
        assert len(set(back)) == len(back), f"{architecture} calls two weights the same"
        assert set(back) == set(weights), f"the names of {architecture} do not lead back"
