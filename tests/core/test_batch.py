"""Packed sequences and the rectangle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from zoo import IGNORE, Batch, Encoding, Layout, Output
from zoo.core.batch import CPU
from zoo.core.filling import filled
from zoo.core.parcel import Parcel
from zoo.testing.material import ragged_batch
from zoo.text.collate import collate

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


def numbered(lengths: tuple[int, ...], items: tuple[int, ...] = ()) -> Batch:
    """Sequences whose tokens all have the number of their sequence, which is also its label, twice."""
    encodings = [
        Encoding(*(np.full(length, number, dtype=np.int32) for _ in range(2)), np.zeros(length, dtype=bool))
        for number, length in enumerate(lengths)
    ]
    labels = {"one": list(range(len(lengths))), "two": [[number, number] for number in range(len(lengths))]}
    return collate(encodings, labels, [encoding.ids for encoding in encodings], range(len(lengths)), items)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_parts_make_up_the_batch_and_everything_goes_with_its_sequence(n: int) -> None:
    batch = numbered((4, 2, 5, 2, 3))
    parts = [batch.micro_batch(index, n) for index in range(n)]
    assert sorted(number for part in parts for number in part.order) == [0, 1, 2, 3, 4]
    assert max(part.n_items for part in parts) - min(part.n_items for part in parts) <= 1
    for part in parts:
        assert part.layout.lengths == tuple((4, 2, 5, 2, 3)[number] for number in part.order)
        expected = [number for number in part.order for _ in range((4, 2, 5, 2, 3)[number])]
        assert part.ids.tolist() == part.segments.tolist() == part.targets.tolist() == expected
        assert part.labels["one"].tolist() == list(part.order) == list(part.documents)
        assert part.labels["two"].tolist() == [[number, number] for number in part.order]


@pytest.mark.parametrize("n", [2, 3])
def test_sequences_of_one_item_stay_together(n: int) -> None:
    items = (0, 1, 2, 0, 1, 2, 2)
    batch = numbered((4, 2, 5, 2, 3, 6, 1), items)
    assert batch.n_items == 3
    parts = [batch.micro_batch(index, n) for index in range(n)]
    assert sum(part.n_items for part in parts) == 3
    for part in parts:
        whole = [number for number, item in enumerate(items) if item in set(part.items)]
        assert sorted(part.order) == whole
        assert part.items == tuple(items[number] for number in part.order)


def test_a_part_is_as_good_as_the_batch_on_another_device() -> None:
    batch = numbered((3, 2, 4), (1, 0, 1))
    moved = batch.to(torch.device("meta"))
    assert moved.items == batch.items and moved.ids.device.type == "meta"
    assert replace(batch, items=()).n_items == 3


def test_a_target_that_shares_the_highest_logit_is_predicted_correctly() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0], [1.0, 2.0, 2.0], [3.0, 2.0, 2.0], [0.0, 1.0, 0.0]])
    output = Output(torch.zeros(()), logits, torch.tensor([2, 1, 2, IGNORE]))
    assert [int(count) for count in output.hits()] == [2, 3]


@pytest.mark.parametrize(
    "label",
    [
        torch.arange(6)[::2],
        torch.tensor([1.0]).expand(3),
        torch.rand(4, 3).t(),
        torch.tensor([True, False, True]),
        torch.rand(3).bfloat16(),
        torch.ones(3, dtype=torch.uint8),
        torch.zeros(3, 0),
        torch.rand(3, 2, 2, requires_grad=True),
    ],
    ids=lambda label: f"{label.dtype}, {tuple(label.shape)}",
)
def test_labels_of_any_kind_are_sent_and_filled_up(label: torch.Tensor) -> None:
    alone = torch.tensor(7)
    sent = Parcel.of({"first": torch.ones(3), "label": label, "alone": alone}).open(CPU)
    assert (
        torch.equal(sent["label"], label) and sent["label"].dtype == label.dtype and torch.equal(sent["alone"], alone)
    )
    batch = replace(ragged_batch(9, {}, lengths=(1, 2, 3)), labels={"label": label})
    its = filled(batch, 2, 10, 0).labels["label"]
    assert torch.equal(its[:3], label) and torch.equal(its[3:], label.new_full((2, *label.shape[1:]), IGNORE))


def test_no_sequences_have_tables_too() -> None:
    layout = Layout(())
    assert layout.sizes.dtype == layout.positions.dtype == layout.sequence_of.dtype == torch.int64
    assert not len(layout.positions) and not layout.is_rectangle
