"""Checks of embeddings, encoders and objectives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from zoo.batch import Layout, Passage
from zoo.errors import ZooError
from zoo.interfaces import Embedding, Encoder, Objective
from zoo.specs import Dims
from zoo.testing.division import check_division
from zoo.testing.material import (
    DIMS,
    LENGTHS,
    Words,
    alternating,
    assert_all_reached,
    assert_survives_safetensors,
    four_deviations,
    ragged_batch,
    sentences,
)
from zoo.text.corpus import TokenCorpus


def check_encoder(part: Callable[..., Encoder]) -> None:
    """The shape is kept, a sequence alone equals itself in a batch, gradients reach everything, eval repeats."""
    torch.manual_seed(0)
    encoder = part(DIMS).eval()
    hidden = torch.randn(sum(LENGTHS), DIMS.hidden_width)
    layout = Layout(LENGTHS)
    out = encoder(hidden, layout)
    assert out.shape == hidden.shape, f"expected {tuple(hidden.shape)}, got {tuple(out.shape)}"
    assert torch.equal(out, encoder(hidden, layout)), "two evaluations of the same batch differ"
    for start, length in zip(layout.starts.tolist(), LENGTHS, strict=True):
        alone = encoder(hidden[start : start + length], Layout((length,)))
        torch.testing.assert_close(
            alone,
            out[start : start + length],
            atol=1e-5,
            rtol=1e-5,
            msg=lambda text: f"a sequence depends on its neighbours in the batch: {text}",
        )
    if encoder.can_be_causal:
        _check_causal(encoder, hidden, layout)
    (out * torch.randn_like(out)).sum().backward()
    assert_all_reached(encoder)
    assert_survives_safetensors(encoder)


def _check_causal(encoder: Encoder, hidden: Tensor, layout: Layout) -> None:
    """With a causal layout, what comes later in a sequence changes nothing before it."""
    causal = replace(layout, causal=True)
    late = layout.positions >= 2
    changed = torch.where(late[:, None], torch.randn_like(hidden), hidden)
    before, after = encoder(hidden, causal), encoder(changed, causal)
    torch.testing.assert_close(
        after[~late], before[~late], msg=lambda text: f"a token sees those after it in a causal layout: {text}"
    )
    assert not torch.allclose(before[~late], encoder(hidden, layout)[~late]), "a causal layout changes nothing"


def check_embedding(part: Callable[..., Embedding]) -> None:
    """Tokens become H wide vectors one by one, positions matter, gradients reach everything."""
    torch.manual_seed(0)
    dims, embedding = _embedding(part)
    embedding.eval()
    batch = ragged_batch(dims.vocab_size, {}, pairs=embedding.reads_pairs)
    out = embedding(batch)
    expected = (len(batch.ids), dims.hidden_width)
    assert out.shape == expected, f"expected {expected}, got {tuple(out.shape)}"
    assert embedding.tokens.weight.shape == (dims.vocab_size, dims.embedding_width), "tokens should be [V, E]"
    assert torch.equal(out, embedding(batch)), "two evaluations of the same batch differ"
    (out * torch.randn_like(out)).sum().backward()
    assert_all_reached(embedding)
    assert_survives_safetensors(embedding)


def _embedding(part: Callable[..., Embedding]) -> tuple[Dims, Embedding]:
    """The embedding with E < H or, where it refuses that, E = H."""
    try:
        return DIMS, part(DIMS)
    except ZooError:
        dims = DIMS.model_copy(update={"embedding_width": DIMS.hidden_width})
        return dims, part(dims)


def check_objective(part: Callable[..., Objective]) -> None:
    """The loss is a mean with a gradient for everything, its batches can be divided, and labels are fair."""
    torch.manual_seed(0)
    objective = part(DIMS).eval()
    check_division(objective, ragged_batch(DIMS.vocab_size, alternating(objective.label) if objective.label else {}))
    if objective.label:
        _check_labels(objective, objective.label)


def _check_labels(objective: Objective, label: str) -> None:
    """Over thousands of pairs of neighbours: labels even and repeatable, and not betrayed by lengths."""
    drawn = np.random.default_rng(2).choice(sentences(), (600, 6)).tolist()
    corpus, rng, again = TokenCorpus.build(drawn, Words()), np.random.default_rng(0), np.random.default_rng(0)
    labels, sizes = [], []
    for first in range(3_600):
        document = first // 6
        if first % 6 == 5:
            continue
        passage = Passage(document, corpus.sentence(first), corpus.sentence(first + 1))
        made, same = (objective.prepare(passage, corpus, generator) for generator in (rng, again))
        assert made.labels == same.labels, "the same generator gives other labels"
        assert made.second is not None, "a pair has lost its second part"
        labels.append(made.labels[label])
        sizes.append(len(made.second))
    share = sum(labels) / len(labels)
    assert abs(share - 0.5) < four_deviations(len(labels), 0.5), f"labels should be even; 1 has a share of {share:.3f}"
    of_one, of_zero = (np.array(sizes)[np.array(labels) == value] for value in (1, 0))
    doubt = 4 * math.sqrt(of_one.var() / len(of_one) + of_zero.var() / len(of_zero))
    assert abs(of_one.mean() - of_zero.mean()) <= doubt, (
        f"the length of the second part betrays the label: {of_one.mean():.2f} ids against {of_zero.mean():.2f}"
    )
