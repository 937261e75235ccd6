"""Checks of embeddings, encoders and objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from zoo.core.batch import IGNORE, Batch, Layout
from zoo.core.errors import ZooError
from zoo.core.interfaces import Embedding, Encoder, Objective
from zoo.core.specs import Dims
from zoo.testing.division import check_division, tokens_of
from zoo.testing.looks import guessed, looks
from zoo.testing.material import (
    DIMS,
    LENGTHS,
    alternating,
    assert_all_reached,
    assert_starts_alike,
    assert_survives_safetensors,
    four_deviations,
    ragged_batch,
    ragged_corpus,
)
from zoo.text.packing import pair


def check_encoder(part: Callable[..., Encoder]) -> None:
    """The shape is kept, a sequence alone equals itself in a batch, gradients reach everything, eval repeats.

    The last of its states is what it gives, and dims that it hasn't are not demanded, or asked for by name.
    """
    torch.manual_seed(0)
    encoder = part(_fewest_dims(part)).eval()
    hidden = torch.randn(sum(LENGTHS), DIMS.hidden_width)
    layout = Layout(LENGTHS)
    out = encoder(hidden, layout)
    assert out.shape == hidden.shape, f"expected {tuple(hidden.shape)}, got {tuple(out.shape)}"
    assert torch.equal(out, encoder(hidden, layout)), "two evaluations of the same batch differ"
    *_, last = encoder.states(hidden, layout)
    assert torch.equal(last, out), "the last of its states is not what the encoder gives"
    for start, length in zip(layout.starts.tolist(), LENGTHS, strict=True):
        alone = encoder(hidden[start : start + length], Layout((length,)))
        torch.testing.assert_close(
            alone,
            out[start : start + length],
            atol=1e-5,
            rtol=1e-5,
            msg=lambda text: f"a sequence depends on its neighbors in the batch: {text}",
        )
    if encoder.can_be_causal:
        _check_causal(encoder, hidden, layout)
    assert_starts_alike(partial(part, _fewest_dims(part)))
    (out * torch.randn_like(out)).sum().backward()
    assert_all_reached(encoder)
    assert_survives_safetensors(encoder)


def _fewest_dims(part: Callable[..., nn.Module]) -> Dims:
    """DIMS without the sizes that a part can do without."""
    dims = DIMS
    for name in ("n_heads", "ffn_width"):
        fewer = dims.model_copy(update={name: None})
        try:
            part(fewer)
        except ZooError as error:
            assert name in str(error), f"without dims.{name} it is refused for another reason: {error}"
        except Exception as error:
            raise AssertionError(f"it needs dims.{name}; it should ask dims.required({name!r}) for it") from error
        else:
            dims = fewer
    return dims


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
    """Tokens become H wide vectors one by one, gradients reach everything but a token table that is not read."""
    torch.manual_seed(0)
    dims, embedding = _embedding(part)
    embedding.eval()
    batch = ragged_batch(dims.vocab_size, {}, pairs=embedding.reads_pairs)
    out = embedding(batch)
    expected = (len(batch.ids), dims.hidden_width)
    assert out.shape == expected, f"expected {expected}, got {tuple(out.shape)}"
    assert embedding.tokens.weight.shape == (dims.vocab_size, dims.embedding_width), "tokens should be [V, E]"
    if type(embedding).narrow is not Embedding.narrow:
        narrow = embedding.narrow(batch).shape
        assert narrow == (len(batch.ids), dims.embedding_width), f"`narrow` should give [T, E], not {tuple(narrow)}"
    assert torch.equal(out, embedding(batch)), "two evaluations of the same batch differ"
    assert_starts_alike(partial(part, dims))
    (out * torch.randn_like(out)).sum().backward()
    assert_all_reached(embedding, "tokens.weight")  # it may read characters, and leave the table to the output layer
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
    if objective.cannot_pretrain:
        return
    batch = ragged_batch(DIMS.vocab_size, alternating(objective.label) if objective.label else {})
    if objective.needs_corrupted:
        batch = replace(batch, ids=torch.where(batch.uniform("some") < 0.5, batch.ids, batch.ids.roll(1)))
    check_division(objective, batch)
    assert_starts_alike(partial(part, DIMS))
    if objective.reads == "embedded":
        _check_corruption(objective, batch)
    if objective.label:
        _check_labels(objective, objective.label)


def _check_corruption(objective: Objective, batch: Batch) -> None:
    """What the encoder reads instead keeps its shape, depends on the seed alone, and is the same in micro-batches."""
    embedded, table = (torch.randn(n, DIMS.embedding_width) for n in (len(batch.ids), DIMS.vocab_size))
    found = objective(embedded, batch, table).corrupted
    if found is None:
        return
    assert found.layout.lengths == batch.layout.lengths, "a corrupted batch should have the lengths of the given one"
    assert int(found.ids.min()) >= 0 and int(found.ids.max()) < DIMS.vocab_size, "corrupted ids are outside the table"
    torch.manual_seed(1)
    again = objective(embedded, batch, table).corrupted
    assert again is not None and torch.equal(again.ids, found.ids), "what is drawn depends on more than Batch.uniform"
    for index in range(batch.n_items):
        part = objective(
            embedded[tokens_of(batch, index, batch.n_items)], batch.micro_batch(index, batch.n_items), table
        ).corrupted
        expected = found.micro_batch(index, batch.n_items).ids
        assert part is not None and torch.equal(part.ids, expected), "a micro-batch is corrupted in another way"


def _check_labels(objective: Objective, label: str) -> None:
    """Over thousands of pairs of neighbors: labels even and repeatable, and not shown by lengths and cuts."""
    corpus = ragged_corpus()
    passages = [
        pair(corpus, document, *corpus.sentence_offsets[first : first + 3].tolist())
        for document, begin in enumerate(corpus.document_offsets[:-1].tolist())
        for first in range(begin, begin + 5)
    ]
    made, same = (objective.prepare(passages, corpus, np.random.default_rng(0)) for _ in range(2))
    assert [each.labels for each in made] == [each.labels for each in same], "the same generator gives other labels"
    assert all(each.second is not None for each in made), "a pair has lost its second part"
    labelled = [each for each in made if each.labels.get(label, IGNORE) != IGNORE]
    labels = [each.labels[label] for each in labelled]
    assert len(labels) > len(made) / 2, f"{len(labels):,} of {len(made):,} pairs have a label; most should"
    share, doubt = sum(labels) / len(labels), four_deviations(len(labels), 0.5)
    assert abs(share - 0.5) < doubt, f"labels should be even; 1 has a share of {share:.3f}"
    right, majority = guessed(looks(labelled), labels)
    assert right <= majority + doubt, (
        f"lengths and cut sentences show the label: {right:.1%} are guessed from them, the majority is {majority:.1%}"
    )
