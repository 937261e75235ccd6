"""Steps on a GPU, as far as a CPU can tell: shapes filled up, recorded steps repeated, nothing that waits."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import Tensor

from zoo import Batch, Catalog, Model, Output
from zoo.blocks import attention
from zoo.core import recording
from zoo.core.recording import Work
from zoo.core.specs import Finetuning, HeadConfig
from zoo.tasks.kinds import make_head
from zoo.testing import DIMS
from zoo.testing.heads import CLASSES, HEAD_KINDS, HEAD_LABELS, QUESTIONS
from zoo.testing.material import ragged_batch
from zoo.train.buckets import into_bucket, takes_buckets
from zoo.train.draws import Draws
from zoo.train.graphs import RecordedStepper
from zoo.train.loop import Pace, train
from zoo.train.readings import Number
from zoo.train.step import Step, StepConfig, Stepper

CATALOG = Catalog.installed()
SMALL = DIMS.model_copy(update={"embedding_width": 24, "n_layers": 1, "max_length": 64, "attention_dropout": 0.0})
FAMILIES = (
    "bert-tiny", "roberta-tiny", "albert-tiny", "bert-tiny+objectives=bert.ltr+masking=bert.unmasked",
)  # fmt: skip
WORK = (*FAMILIES, *HEAD_KINDS)
LENGTHS = ((7, 3, 11, 3, 5, 7, 4), (9, 4, 6, 2, 5, 8, 8), (6, 12, 4, 3, 7, 7, 5), (7,) * 7)


def model_of(work: str) -> Model:
    """A small model of a family, or with a head of a kind, always of the same weights."""
    torch.manual_seed(0)
    if work in FAMILIES:
        return CATALOG.build(CATALOG.variant(work).swap(work, dims=SMALL))
    variant = CATALOG.variant("bert-tiny")
    pooling = variant.head.model_copy(update={"dropout": 0.0, "pair": "joint"})
    head = make_head(SMALL, HeadConfig(kind=work, labels=CLASSES, pair=True, pooling=pooling))
    return CATALOG.build(variant.swap(variant.name, dims=SMALL)).with_head("task", head)


def batch_of(model: Model, lengths: Sequence[int] = LENGTHS[0]) -> Batch:
    """A batch with whatever labels the model's objectives have, some of them missing."""
    labels = {}
    for objective in map(model.objective, model.objective_names):
        kind = objective.config.kind if hasattr(objective, "config") else ""
        if kind in HEAD_LABELS or (objective.label and not kind):
            labels[objective.label] = HEAD_LABELS.get(kind, [0, 1, -100, 1, 0, 1, 1])
    choice = "multiple-choice" in [getattr(o, "config", None) and o.config.kind for o in model.objectives.values()]
    n_classes = None if work_is_pretraining(model) else len(CLASSES)
    return ragged_batch(
        SMALL.vocab_size, labels, lengths=lengths, n_classes=n_classes, items=QUESTIONS if choice else ()
    )


def work_is_pretraining(model: Model) -> bool:
    return "task" not in model.objective_names


def gradients(model: Model, outputs: dict[str, Output]) -> dict[str, Tensor]:
    model.zero_grad()
    torch.stack([output.loss for output in outputs.values()]).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("work", WORK)
def test_a_batch_that_is_filled_up_has_the_same_losses_gradients_and_hits(work: str) -> None:
    model = model_of(work).eval()
    batch = batch_of(model)
    filled = into_bucket(batch, SMALL.max_length)
    assert takes_buckets(model) and filled.layout.n_tokens == 128 and filled.n_filling == 5
    alone, among = model(batch), model(filled)
    for name, output in alone.items():
        torch.testing.assert_close(among[name].loss, output.loss, rtol=1e-6, atol=1e-6)
        assert [int(n) for n in among[name].hits()] == [int(n) for n in output.hits()]
    wanted = gradients(model, alone)
    for name, gradient in gradients(model, among).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-5, atol=1e-6, msg=name)


def test_few_shapes_are_left_and_little_is_added() -> None:
    drawn = torch.randint(2, 120, (200, 32), generator=torch.Generator().manual_seed(0))
    model = model_of("classification")
    shapes, tokens, added = set(), 0, 0
    for row in drawn.tolist():
        batch = replace(
            ragged_batch(SMALL.vocab_size, {"task": [0] * 32}, lengths=row), targets=torch.full((sum(row),), -100)
        )
        filled = into_bucket(batch, 128)
        assert filled.layout.longest <= 128 and max(filled.layout.lengths[32:]) <= 128
        shapes.add((filled.layout.n_tokens, filled.layout.n_sequences, filled.layout.longest))
        tokens, added = tokens + sum(row), added + filled.layout.n_tokens - sum(row)
    assert takes_buckets(model) and len(shapes) <= 12 and added / tokens < 0.15


Numbers = dict[Number, float]


class Rerun:
    """Records nothing, and does the work again: on the tensors of the recording, with nothing else of the batch."""

    def __init__(self, model: Model, optimizer: torch.optim.Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        self.recorded = self.repeated = 0

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work:
        before = copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()["state"]))
        work()  # a recording runs the Python code, but nothing on the device
        self.recorded += 1
        self.model.load_state_dict(before[0])
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": before[1]})

        def repeat() -> Tensor:
            self.repeated += 1
            return work()

        return repeat


def padded(*_: object) -> tuple[str, object]:
    return "padded sdpa", attention._attend_padded


def steps_of(work: str, *, recorded: bool) -> tuple[Model, list[Numbers], Rerun]:
    """Steps over ragged batches and one of equal lengths, the numbers that they left, and what repeated some."""
    model, recipe = model_of(work).train(), Finetuning(learning_rate=0.01)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    recorder = Rerun(model, optimizer)
    given = (model, optimizer, recipe, StepConfig())
    taken = RecordedStepper(*given, recorder) if recorded else Stepper(*given)
    batches = [batch_of(model, lengths) for lengths in LENGTHS] * 4
    numbers = [taken.step(batch, index, 0.01, "").read().numbers for index, batch in enumerate(batches)]
    return model, numbers, recorder


@pytest.mark.parametrize("work", WORK)
def test_steps_that_are_repeated_on_the_tensors_of_other_batches_train_as_steps_one_by_one(
    work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_chosen", padded)
    model, found, recorder = steps_of(work, recorded=True)
    plain, wanted, _ = steps_of(work, recorded=False)
    assert recorder.repeated >= 4 and recorder.recorded >= 1
    assert found == [pytest.approx(numbers, rel=1e-4, abs=1e-5) for numbers in wanted]
    for (name, weight), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(weight, other, rtol=1e-4, atol=1e-6, msg=name)


def test_an_encoder_that_reads_the_lengths_is_not_recorded_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, found, _ = steps_of("classification", recorded=True)  # attention by length reads them
    _, wanted, _ = steps_of("classification", recorded=False)
    assert found == [pytest.approx(numbers, rel=1e-4, abs=1e-5) for numbers in wanted]
    (said,) = [record.message for record in caplog.records]
    assert said == "steps are not recorded as CUDA graphs: it reads the lengths, order or items of its sequences"


def test_what_waits_for_the_device_is_not_recorded_and_that_is_said_with_the_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def noticed(device: torch.device) -> Iterator[list[str]]:
        yield ["stranger.py:7 waits for the device"]

    monkeypatch.setattr(attention, "_chosen", padded)
    monkeypatch.setattr(recording, "waits_noticed", noticed)
    _, _, recorder = steps_of("classification", recorded=True)
    assert recorder.recorded == 0
    (said,) = [record.message for record in caplog.records]
    assert said == "steps are not recorded as CUDA graphs: stranger.py:7 waits for the device"


def test_only_waits_count_and_not_what_torch_says_of_the_mode_that_notices_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def says(mode: str) -> None:
        if mode == "warn":  # once per process
            warnings.warn(
                "Synchronization debug mode is a prototype feature and does not yet detect all synchronizing ops",
                UserWarning,
                stacklevel=1,
            )

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", says)
    with recording.waits_noticed(torch.device("cuda")) as none:
        pass
    with recording.waits_noticed(torch.device("cuda")) as one:
        warnings.warn("called a synchronizing CUDA operation", UserWarning, stacklevel=1)
    assert none == [] and len(one) == 1 and "test_graphs.py" in one[0] and one[0].endswith("waits for the device")


META = torch.device("meta")


class WithoutNumbers(Stepper):
    """Steps on a device that has no numbers: whatever would wait for one fails there."""

    def __init__(self, model: Model, optimizer: torch.optim.Optimizer, recipe: Finetuning) -> None:
        super().__init__(model, optimizer, recipe, StepConfig())
        self.device = META
        self.readings._at_once = False
        self.draws = Draws(model, None, META)


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("lengths", [LENGTHS[0], LENGTHS[3]], ids=["ragged", "equal"])
def test_nothing_in_a_step_waits_for_the_device(work: str, lengths: Sequence[int]) -> None:
    model = model_of(work)
    batch = batch_of(model, lengths)
    model = model.to(META).train()
    taken = WithoutNumbers(model, torch.optim.AdamW(model.parameters()), Finetuning(learning_rate=0.01))
    reading = taken.step(batch, 0, 0.01, "")
    with pytest.raises(NotImplementedError, match="meta"):  # the device does fail when it is waited for
        reading.read()


def test_losses_are_read_every_so_many_steps_and_seconds_are_means(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("classification")
    read: list[int] = []
    steps: Iterator[Step] = train(
        model,
        torch.optim.AdamW(model.parameters()),
        [batch_of(model)] * 7,
        Finetuning(learning_rate=0.01),
        7,
        how=StepConfig(read_every=3),
    )
    for step in islice(steps, 7):
        if not step.reading._readings._waiting:
            read.append(step.number)
    assert read == list(range(1, 8))  # a CPU has its numbers at once
    pace = Pace(StepConfig())
    pace.waits = False
    pace.step(0.0, 0.0, True)
    means = [pace.step(0.0, 0.0, waited) for waited in (False, False, True)]
    assert means[0] == means[1] != means[2]
