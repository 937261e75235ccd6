"""Evaluation mode, of several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from torch import nn

from zoo.blocks.evaluating import evaluating


@pytest.mark.parametrize("training", [True, False])
def test_who_leaves_last_restores_the_mode(training: bool) -> None:
    module = nn.Sequential(nn.Dropout(0.5)).train(training)
    entered, left = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def first() -> None:
        with evaluating(module) as was:
            entered.wait()
            assert was == training
        left.wait()

    with ThreadPoolExecutor(1) as other:
        done = other.submit(first)
        with evaluating(module) as was:
            entered.wait()
            left.wait()
            assert was == training and not module.training and not module[0].training
        done.result()
    assert module.training == module[0].training == training


def test_the_mode_is_restored_after_an_error_and_inside_another() -> None:
    module = nn.Dropout(0.5)
    with pytest.raises(ZeroDivisionError), evaluating(module), evaluating(module):
        raise ZeroDivisionError
    assert module.training
    with evaluating(module):
        with evaluating(module):
            assert not module.training
        assert not module.training
    assert module.training
