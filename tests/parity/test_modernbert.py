"""A stranger's encoder of zoo.blocks against the ModernBERT of the transformers library."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import ModernBertConfig, ModernBertForMaskedLM

import zoo_bert
from tests.strangers.plugin import OFFERS
from zoo import Batch, Catalog, Dims, Layout, part

LENGTHS = (13, 29, 40, 29)
CONFIG = ModernBertConfig(
    vocab_size=97,
    hidden_size=24,
    intermediate_size=44,
    num_hidden_layers=5,
    num_attention_heads=2,
    max_position_embeddings=64,
    global_attn_every_n_layers=3,
    local_attention=12,
    norm_eps=1e-5,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    cls_token_id=1,
    sep_token_id=2,
)
DIMS = Dims(
    vocab_size=97,
    embedding_width=24,
    hidden_width=24,
    n_layers=5,
    n_heads=2,
    ffn_width=44,
    max_length=64,
    norm_eps=1e-5,
)


def names(layer: int) -> dict[str, str]:
    """Ours to theirs, for one layer."""
    ours, theirs = f"encoder.layers.{layer}", f"model.layers.{layer}"
    found = {
        f"{ours}.attention.attention.output": f"{theirs}.attn.Wo",
        f"{ours}.feedforward.norm": f"{theirs}.mlp_norm",
        f"{ours}.feedforward.feedforward.down": f"{theirs}.mlp.Wo",
    }
    return found | ({f"{ours}.attention.norm": f"{theirs}.attn_norm"} if layer else {})


def translated(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Their weights under our names."""
    made = {
        "embedding.tokens.weight": state["model.embeddings.tok_embeddings.weight"],
        "embedding.norm.weight": state["model.embeddings.norm.weight"],
        "encoder.norm.weight": state["model.final_norm.weight"],
        "objectives.bert/mlm.head.transform.weight": state["head.dense.weight"],
        "objectives.bert/mlm.head.transform.bias": torch.zeros(24),
        "objectives.bert/mlm.head.norm.weight": state["head.norm.weight"],
        "objectives.bert/mlm.head.norm.bias": torch.zeros(24),
        "objectives.bert/mlm.head.bias": state["decoder.bias"],
    }
    for layer in range(DIMS.n_layers):
        made |= {f"{ours}.weight": state[f"{theirs}.weight"] for ours, theirs in names(layer).items()}
        whole = f"encoder.layers.{layer}"
        joint = state[f"model.layers.{layer}.attn.Wqkv.weight"].chunk(3)
        for name, weight in zip(("query", "key", "value"), joint, strict=True):
            made[f"{whole}.attention.attention.{name}.weight"] = weight
        up, gate = state[f"model.layers.{layer}.mlp.Wi.weight"].chunk(2)
        made |= {f"{whole}.feedforward.feedforward.{name}.weight": one for name, one in (("up", up), ("gate", gate))}
    return made


def test_rotary_positions_windows_gates_and_norms_before_are_those_of_modernbert() -> None:
    torch.manual_seed(0)
    theirs = ModernBertForMaskedLM(CONFIG).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    catalog = Catalog.of(zoo_bert, stranger=OFFERS)
    variant = catalog.variant("stranger-modern+encoder.window=6+encoder.global_every=3")
    ours = catalog.assemble(variant.swap("parity", dims=DIMS, objectives=(part("bert.mlm"),))).eval()
    ours.load_state_dict(translated(theirs.state_dict()))

    ids = torch.randint(3, 97, (sum(LENGTHS),))
    layout = Layout(LENGTHS)
    zeros = torch.zeros_like(ids)
    padded, mask = layout.pad(ids)
    with torch.no_grad():
        expected = theirs(input_ids=padded, attention_mask=mask.long()).logits[mask]
        hidden = ours.hidden(Batch(ids, zeros, zeros.bool(), layout, zeros))
        found = ours.objective("bert.mlm").head(hidden, ours.embedding.tokens.weight)  # type: ignore[operator]
        wide = catalog.assemble(variant.swap("wide", dims=DIMS, encoder=part("stranger.modern", window=64))).eval()
        wide.load_state_dict(ours.state_dict())
        unlike = wide.hidden(Batch(ids, zeros, zeros.bool(), layout, zeros))
    assert expected.abs().max() > 1
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert (unlike - hidden).abs().max() > 1e-2, "the window changes nothing, so this shows nothing"
