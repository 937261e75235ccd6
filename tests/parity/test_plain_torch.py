"""Families without folders, beside torch's own layers and numbers by hand."""

from __future__ import annotations

import math
from dataclasses import replace
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


def lstm(ours: nn.Module, width: int, cell: int) -> nn.LSTM:
    """Torch's LSTM with the weights of ours, whose bias is the weights of an input that is one."""
    theirs = nn.LSTM(width, cell, proj_size=width, batch_first=True)
    given = ours.lstm.state_dict()  # type: ignore[union-attr,operator]
    theirs.load_state_dict(
        {
            "weight_ih_l0": given["weight_ih_l0"][:, :-1],
            "bias_ih_l0": given["weight_ih_l0"][:, -1],
            "bias_hh_l0": torch.zeros(4 * cell),
            "weight_hh_l0": given["weight_hh_l0"],
            "weight_hr_l0": given["weight_hr_l0"],
        }
    )
    return theirs


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_elmos_layers_are_torchs_lstms_in_both_directions_with_a_skip_connection() -> None:
    torch.manual_seed(0)
    half = WIDTH // 2
    encoder = CATALOG.part("encoder", "elmo.bilstm")(DIMS).eval()
    hidden = torch.randn(sum(LENGTHS), WIDTH)
    found = [torch.split(state, list(LENGTHS)) for state in encoder.states(hidden, LAYOUT)]
    for place, rows in enumerate(torch.split(hidden, list(LENGTHS))):
        left, right = rows[:, :half], rows[:, half:].flip(0)
        for layer in range(DIMS.n_layers):
            onward, back = (lstm(stack[layer], half, INNER) for stack in (encoder.forwards, encoder.backwards))
            new_left, new_right = onward(left[None])[0][0], back(right[None])[0][0]
            left, right = (new_left + left, new_right + right) if layer else (new_left, new_right)
            expected = torch.cat([left, right.flip(0)], dim=1)
            torch.testing.assert_close(found[layer][place], expected, atol=5e-6, rtol=0)


class Spelled:
    """What an embedding asks of a tokenizer."""

    def texts_of_ids(self) -> list[str]:
        return ["cat", "é", "x" * 100, *(f"w{index}" for index in range(86))]


def test_elmos_words_are_convolutions_of_their_bytes_by_hand() -> None:
    torch.manual_seed(0)
    dims = DIMS.model_copy(update={"embedding_width": WIDTH // 2})
    embedding = CATALOG.part("embedding", "elmo.characters")(dims, filters=64, longest=12)
    embedding.set_spellings(Spelled())
    assert embedding.spellings[1].tolist() == [257, *"é".encode(), 258, *[256] * 8]
    assert embedding.spellings[2].tolist() == [257, *b"x" * 10, 258]
    batch = ragged_batch(DIMS.vocab_size, {})
    for token in (0, 5, 11):
        characters = embedding.characters(embedding.spellings[batch.ids[token]])
        maxima = []
        for convolution in embedding.convolutions:
            width = convolution.weight.shape[2]
            seen = torch.stack([characters[at : at + width].T.flatten() for at in range(12 - width + 1)])
            maxima.append((seen @ convolution.weight.flatten(1).T + convolution.bias).amax(0).relu())
        word = torch.cat(maxima)
        for highway in embedding.highways:
            keep = torch.sigmoid(highway.gate(word))
            word = keep * word + (1 - keep) * torch.relu(highway.change(word))
        expected = embedding.project(word).repeat(2)
        torch.testing.assert_close(embedding(batch)[token], expected, atol=5e-6, rtol=0)


def test_elmos_language_models_see_nothing_of_what_they_predict_and_lose_as_by_hand() -> None:
    torch.manual_seed(0)
    variant = CATALOG.variant("elmo-tiny+embedding.filters=64")
    dims = DIMS.model_copy(update={"embedding_width": WIDTH // 2})
    model = CATALOG.build(variant.swap("small", dims=dims)).eval()
    batch = ragged_batch(DIMS.vocab_size, {})
    output, half = model(batch)["elmo.bilm"], WIDTH // 2
    hidden, table = model.hidden(batch), model.embedding.tokens.weight
    losses, start = [], 0
    for length in batch.layout.lengths:
        for at in range(start, start + length):
            for part, other in ((hidden[at, :half], at + 1), (hidden[at, half:], at - 1)):
                if start <= other < start + length:
                    losses.append(-torch.log_softmax(part @ table.T, 0)[batch.ids[other]])
        start += length
    torch.testing.assert_close(output.loss, torch.stack(losses).mean())
    assert int(model.objective("elmo.bilm").n_targets(batch)) == len(losses) == len(output.targets)
    changed = replace(batch, ids=batch.ids.index_fill(0, torch.tensor(4), 77))
    differs = (model.hidden(changed) != hidden).view(-1, 2, half).any(2)
    sequence = batch.layout.sequence_of
    for at in range(len(batch.ids)):
        same = sequence[at] == sequence[4]
        assert not differs[at, 0] or (same and at >= 4)
        assert not differs[at, 1] or (same and at <= 4)
    assert differs[4].all()
