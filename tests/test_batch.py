"""Packed sequences and the rectangle."""

from __future__ import annotations

import torch

from zoo import Layout

LENGTHS = (2, 3, 3, 1)


def test_groups_are_runs_of_neighbours_of_equal_length() -> None:
    assert Layout((2, 3, 3, 1, 3)).groups == ((1, 2), (2, 3), (1, 1), (1, 3))


def test_starts_and_positions_are_those_counted_by_hand() -> None:
    layout = Layout(LENGTHS)
    assert layout.starts.tolist() == [0, 2, 5, 8]
    assert layout.positions.tolist() == [0, 1, 0, 1, 2, 0, 1, 2, 0]
    assert layout.sequence_of.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_padding_and_packing_are_inverse_and_keep_gradients() -> None:
    layout = Layout(LENGTHS)
    packed = torch.randn(9, 5, requires_grad=True)
    padded, mask = layout.pad(packed)
    assert padded.shape == (4, 3, 5)
    assert mask.sum(dim=1).tolist() == list(LENGTHS)
    assert (padded[~mask] == 0).all()
    assert torch.equal(layout.pack(padded), packed)
    layout.pack(padded).sum().backward()
    assert torch.equal(packed.grad, torch.ones(9, 5))


def test_padding_works_for_ids_too() -> None:
    padded, _ = Layout(LENGTHS).pad(torch.arange(1, 10))
    assert padded.tolist() == [[1, 2, 0], [3, 4, 5], [6, 7, 8], [9, 0, 0]]


def test_a_mean_counts_only_the_tokens_asked_for() -> None:
    layout = Layout(LENGTHS)
    values = torch.arange(9.0)[:, None]
    assert layout.mean(values).squeeze(1).tolist() == [0.5, 3.0, 6.0, 8.0]
    where = torch.tensor([True, False, True, True, False, False, False, True, False])
    assert layout.mean(values, where).squeeze(1).tolist() == [0.0, 2.5, 7.0, 0.0]
