"""Checks of tasks, and through them of the kinds and metrics that they name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from zoo.core.errors import ZooError
from zoo.core.specs import PoolingConfig
from zoo.tasks.kinds import TaskKind, make_head, task_kind
from zoo.tasks.metrics.metric import Metric
from zoo.tasks.scoring import check_task as check_record
from zoo.tasks.scoring import chosen_metrics, refuse_unfit
from zoo.tasks.task import Example, Task
from zoo.testing.heads import check_head
from zoo.testing.material import DIMS, Pieces
from zoo.train.finetune import head_for, training_parts

N_ITEMS = 12
"""Items that are looked at."""


def check_task(task: Task) -> None:
    """Labels and metrics fit the kind; its head learns from them; predictions can be scored and drawn again.

    Of a task that is read from files, the record alone is checked.
    """
    check_record(task)
    try:
        dataset = task.load(None)
    except ZooError:
        return
    training, dev = task.training_items(dataset), dataset.splits[task.dev_splits[0]]
    check_items(task, [*training[: N_ITEMS // 2], *dev[: N_ITEMS // 2]])


def check_items(task: Task, items: Sequence[Example]) -> None:
    """The same of a few labelled items of a task, wherever they come from."""
    kind = task_kind(task)
    refuse_unfit(task, "its first items", items)
    labels = [item.label for item in items]
    encoded, n_cut = kind.encode(items, Pieces(), DIMS.max_length)
    assert len(encoded) == len(items), f"{len(items)} items became {len(encoded)}"
    assert 0 <= n_cut <= len(items), f"{n_cut} of {len(items)} items were cut"
    torch.manual_seed(0)
    config = head_for(task, PoolingConfig(dropout=0.0))
    parts, their_labels = training_parts(encoded, labels)
    head, batch = make_head(DIMS, config), kind.batch(parts, their_labels)
    check_head(head, batch)
    assert batch.n_items == len(parts), f"a batch of {len(parts)} items says that it has {batch.n_items}"
    logits = iter(head.by_item(head.logits(torch.randn(len(batch.ids), DIMS.hidden_width), batch), batch))
    joined = [kind.join_logits([next(logits).detach() for _ in item.parts]) for item in encoded]
    predictions = [kind.decode(item, its) for item, its in zip(encoded, joined, strict=True)]
    for item, its, made in zip(encoded, joined, predictions, strict=True):
        given = kind.probabilities(item, its)
        assert given is None or kind.fits_probabilities(made, given), (
            f"{given!r:.60} are no probabilities of {made!r:.30}"
        )
    gold = [kind.to_json(label) for label in labels]
    for value in (*gold, *predictions):
        assert kind.fits(value), f"{value!r:.60} is not {kind.wanted}"
        assert kind.same(value, value), f"{value!r:.60} is not the same as itself"
        assert kind.to_json(kind.read(kind.shown(value))) is not None, f"{value!r:.60} cannot be written and read"
    for metric in chosen_metrics(task).values():
        _check_metric(metric, kind, gold, predictions)


def _check_metric(metric: Metric, kind: TaskKind, gold: list[object], predictions: list[object]) -> None:
    best, found = (metric.value(kind.side(gold), kind.side(made)) for made in (gold, predictions))
    assert metric.allows(best) and metric.allows(found), f"{metric.name} is {best} and {found}, beyond its range"
    assert metric.sign * best >= metric.sign * found, f"{metric.name} of gold labels is {best}, of others {found}"
    draws = np.random.default_rng(0).multinomial(len(gold), np.full(len(gold), 1 / len(gold)), size=4).astype(float)
    once = metric.resampled(kind.side(gold), [kind.side(predictions)], np.ones((1, len(gold))))
    np.testing.assert_allclose(once, [[found]], err_msg=f"{metric.name} of all items, each drawn once", atol=1e-9)
    drawn = metric.resampled(kind.side(gold), [kind.side(gold), kind.side(predictions)], draws)
    assert drawn.shape == (4, 2), f"{metric.name} of 4 draws for 2 systems has the shape {drawn.shape}"
