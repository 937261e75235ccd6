"""Families without folders, beside torch's own layers and numbers by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from zoo import IGNORE, Catalog, Dims, Layout
from zoo.core.corpus import TokenCorpus
from zoo.testing import LENGTHS
from zoo.testing.material import ragged_batch

CATALOG = Catalog.installed()
WIDTH, HEADS, INNER = 24, 3, 40
DIMS = Dims(
    vocab_size=89, embedding_width=WIDTH, hidden_width=WIDTH, n_layers=2, n_heads=HEADS, ffn_width=INNER,
    max_length=32, activation="relu", dropout=0.0, attention_dropout=0.0, norm_eps=1e-5,
)  # fmt: skip
LAYOUT = Layout(LENGTHS)


def torch_layer(ours: nn.Module) -> nn.TransformerEncoderLayer:
    """Torch's layer with the weights of ours; biases that ours lacks are zero."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, dropout=0.0, batch_first=True, layer_norm_eps=DIMS.norm_eps)
    attention, feed = ours.attention, ours.feedforward  # type: ignore[union-attr]
    three = [getattr(attention.attention, name) for name in ("query", "key", "value")]  # type: ignore[union-attr]
    with torch.no_grad():
        layer.self_attn.in_proj_weight.copy_(torch.cat([linear.weight for linear in three]))
        biases = [torch.zeros(WIDTH) if linear.bias is None else linear.bias for linear in three]
        layer.self_attn.in_proj_bias.copy_(torch.cat(biases))
        output = attention.attention.output  # type: ignore[union-attr]
        layer.self_attn.out_proj.weight.copy_(output.weight)
        layer.self_attn.out_proj.bias.copy_(torch.zeros(WIDTH) if output.bias is None else output.bias)
    layer.norm1.load_state_dict(attention.norm.state_dict())  # type: ignore[union-attr]
    layer.linear1.load_state_dict(feed.feedforward.up.state_dict())  # type: ignore[union-attr]
    layer.linear2.load_state_dict(feed.feedforward.down.state_dict())  # type: ignore[union-attr]
    layer.norm2.load_state_dict(feed.norm.state_dict())  # type: ignore[union-attr]
    return layer.eval()


@pytest.mark.parametrize("name", ["transformer.stack", "bert.stack"])
def test_layers_are_torchs(name: str) -> None:
    torch.manual_seed(0)
    encoder = CATALOG.part("encoder", name)(DIMS).eval()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    hidden = torch.randn(sum(LENGTHS), WIDTH)
    padded, known = LAYOUT.pad(hidden)
    for layer, state in zip(map(torch_layer, encoder.layers), encoder.states(hidden, LAYOUT), strict=True):
        padded = layer(padded, src_key_padding_mask=~known)
        torch.testing.assert_close(state, LAYOUT.pack(padded), atol=5e-6, rtol=0)


def test_positions_of_the_transformer_are_its_sines_and_cosines() -> None:
    embedding = CATALOG.part("embedding", "transformer.sinusoidal")(DIMS)
    batch = ragged_batch(DIMS.vocab_size, {})
    found = embedding(batch) - embedding.tokens(batch.ids) * math.sqrt(WIDTH)
    for token, place in enumerate(batch.layout.positions.tolist()):
        for pair in range(WIDTH // 2):
            angle = place / 10_000 ** (2 * pair / WIDTH)
            expected = torch.tensor([math.sin(angle), math.cos(angle)])
            torch.testing.assert_close(found[token, 2 * pair : 2 * pair + 2], expected, atol=2e-6, rtol=0)


def test_the_textbooks_model_is_its_sums_and_its_head_by_hand() -> None:
    torch.manual_seed(0)
    variant = CATALOG.variant("d2l-bert")
    model = CATALOG.build(variant.swap("small", dims=DIMS)).eval()
    batch = ragged_batch(DIMS.vocab_size, {"bert.nsp": [0, 1, 0, 1, 0, 1, 0]})
    tables = model.embedding
    summed = tables.tokens(batch.ids) + tables.segments(batch.segments) + tables.positions(batch.layout.positions)  # type: ignore[operator]
    torch.testing.assert_close(model.embedding(batch), summed)
    outputs, hidden, masked = model(batch), model.hidden(batch), batch.targets != IGNORE
    objective = model.objective("bert.mlm")
    head = objective.head
    ready = head.norm(torch.relu(head.transform(hidden[masked])))  # type: ignore[union-attr,operator]
    logits = ready @ objective.decoder.weight.T + head.bias  # type: ignore[union-attr]
    torch.testing.assert_close(outputs["bert.mlm"].logits, logits)
    torch.testing.assert_close(outputs["bert.mlm"].loss, nn.functional.cross_entropy(logits, batch.targets[masked]))
    inner = sum(p.numel() for p in model.parameters())
    layer = 4 * (WIDTH**2 + WIDTH) + 2 * WIDTH * INNER + INNER + WIDTH + 4 * WIDTH
    heads = WIDTH**2 + 3 * WIDTH + 89 * WIDTH + 89 + WIDTH**2 + WIDTH + 2 * WIDTH + 2
    assert inner == (89 + 2 + 32) * WIDTH + 2 * layer + heads


def test_the_textbook_pairs_every_sentence_with_the_next() -> None:
    lengths = [3, 4, 5, 2, 6]
    ids = np.arange(sum(lengths), dtype=np.int32)
    corpus = TokenCorpus(ids, np.cumsum([0, *lengths]), np.array([0, 3, 5]), separator=0)
    made = list(CATALOG.part("packing", "d2l.sentence_pairs")().pack(corpus, 40, np.random.default_rng(0)))
    found = [(p.document, p.first.tolist(), p.second.tolist()) for p in made if p.second is not None]
    starts = np.cumsum([0, *lengths]).tolist()
    sentences = [list(range(*bounds)) for bounds in pairwise(starts)]
    assert found == [(0, sentences[0], sentences[1]), (0, sentences[1], sentences[2]), (1, sentences[3], sentences[4])]
