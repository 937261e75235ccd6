"""Losses and gradients of the transformers library's heads, through our loop, the batch whole and divided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import zoo
from tests.parity.families import tiny
from tests.parity.oracle import N_LABELS, labelled, ragged, reference, their_values
from zoo.checkpoints import inspect
from zoo.core.specs import Finetuning
from zoo.heads import LABEL
from zoo.train.loop import train
from zoo.train.step import StepConfig

RATE = 0.01
RECIPE = Finetuning(learning_rate=RATE, clip_norm=0.0)

HEADS: dict[str, dict[str, Any]] = {
    "ForSequenceClassification": {},
    "ForSequenceClassification, a score": {"num_labels": 1},
    "ForSequenceClassification, several labels": {"problem_type": "multi_label_classification"},
    "ForTokenClassification": {},
    "ForQuestionAnswering": {},
    "ForMultipleChoice": {},
}


@pytest.mark.parametrize("family", ["Bert", "Roberta", "Albert"])
@pytest.mark.parametrize("title", HEADS)
def test_a_step_in_any_number_of_micro_batches_is_the_librarys(family: str, title: str, tmp_path: Path) -> None:
    transformers.logging.disable_progress_bar()
    head, rng = title.split(",")[0], np.random.default_rng(1)
    sizes = tiny(family, rng) | HEADS[title]
    reference(family, head, sizes, 1).save_pretrained(tmp_path)
    inputs = ragged(family, sizes["vocab_size"], 13, rng)
    several = torch.from_numpy(rng.integers(0, 2, (6, N_LABELS)))
    theirs = getattr(transformers, f"{family}{head}").from_pretrained(tmp_path, dtype=torch.float64).eval()
    if "problem_type" in sizes:
        loss = theirs(**inputs.padded, labels=several.double()).loss
    else:
        _, loss = their_values(theirs, head, inputs)
    loss.backward()
    expected = {
        name: parameter.detach() - RATE * (0 if parameter.grad is None else parameter.grad)
        for name, parameter in theirs.named_parameters()
    }
    stored = inspect(tmp_path, zoo.Catalog.installed()).stored
    for n_micro in (1, 2):  # of six sequences, or of two questions
        ours = zoo.load(tmp_path, dtype=torch.float64)
        batch = labelled(ours, inputs.batch)
        if "problem_type" in sizes:
            batch = replace(batch, labels={LABEL: several})
        if head != "ForMultipleChoice":
            batch = replace(batch, items=())
        optimizer = torch.optim.SGD(ours.parameters(), lr=1.0)
        (step,) = train(ours, optimizer, [batch], RECIPE, 1, how=StepConfig(gradient_accumulation_steps=n_micro))
        assert step.losses["task"] == pytest.approx(loss.item(), rel=1e-6)
        for name, parameter in ours.named_parameters():
            torch.testing.assert_close(parameter.detach(), expected[stored[name]], msg=name, atol=1e-7, rtol=1e-6)
