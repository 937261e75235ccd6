"""The time left of a run, against runs that were recorded by processor time (recordings/README.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zoo.core.specs import Dims
from zoo.experiments.plan.job import Job
from zoo.experiments.runner.forecast import Forecast, per_token

RECORDINGS = Path(__file__).with_name("recordings")


@dataclass(frozen=True)
class Event:
    """A job was started, has got so far, or has ended."""

    time: float
    job: Job
    share: float | None = None
    ended: bool = False


class Recording:
    """The jobs of a run: the work of each, and when its first step and its tenths were done since it began."""

    def __init__(self, name: str) -> None:
        read: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
        sizes = {name: Dims.model_validate(dims) for name, dims in read["dims"].items()}
        self.seconds: dict[Job, list[float]] = {}
        self.work: dict[Job, float] = {}
        for row in read["jobs"]:
            job = Job(kind=row["kind"], system=row["system"], task=row["task"], seed=row["seed"])
            self.seconds[job] = row["seconds"]
            self.work[job] = row["tokens"] * per_token(sizes.get(job.system), pretrains=job.task is None)

    def needs(self, job: Job) -> list[Job]:
        """A fine-tuning needs its pre-training."""
        pretrained = [other for other in self.seconds if (other.kind, other.system) == ("pretrain", job.system)]
        return pretrained if job.kind == "finetune" else []

    def events(self, workers: int) -> list[Event]:
        """What a display would see with so many workers, each taking the next job whose pre-training is done."""
        ends: dict[Job, float] = {}
        free = [0.0] * workers
        found: list[Event] = []
        while len(ends) < len(self.seconds):
            free.sort()
            can = {job: max([free[0], *(ends[needed] for needed in self.needs(job))]) for job in self._startable(ends)}
            job = min(can, key=lambda job: can[job])
            found += self._done(job, can[job])
            ends[job] = free[0] = found[-1].time
        return sorted(found, key=lambda event: event.time)

    def _startable(self, ends: Mapping[Job, float]) -> list[Job]:
        return [job for job in self.seconds if job not in ends and all(needed in ends for needed in self.needs(job))]

    def _done(self, job: Job, start: float) -> Iterator[Event]:
        *parts, whole = self.seconds[job]
        yield Event(start, job)
        for tenths, seconds in enumerate(parts):
            yield Event(start + seconds, job, tenths / 10)
        yield Event(start + whole, job, 1.0, ended=True)


def ratios(recording: Recording, workers: int) -> Iterator[tuple[float, float]]:
    """At every event, the share of the work that is done, and the time left as forecast over the true one."""
    now = [0.0]
    forecast = Forecast(recording.work.__getitem__, recording.needs, lambda: now[0])
    forecast.admit(recording.seconds)
    events = recording.events(workers)
    end = events[-1].time
    for event in events:
        now[0] = event.time
        if event.share is None:
            forecast.started(event.job)
        elif event.ended:
            forecast.ended(event.job)
        else:
            forecast.moved(event.job, event.share)
        if event.time < end and forecast.left is not None:
            yield forecast.done / forecast.work, forecast.left / (end - event.time)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["two-sizes"])
def test_from_a_tenth_of_the_work_on_the_time_left_is_right_within_30_percent(name: str, workers: int) -> None:
    found = [ratio for done, ratio in ratios(Recording(name), workers) if 0.1 <= done <= 0.9]
    assert len(found) > 30
    assert min(found) > 0.7 and max(found) < 1.3, (min(found), max(found))


def test_results_that_were_there_are_no_sign_of_speed() -> None:
    recording, now = Recording("two-sizes"), [0.0]
    forecast = Forecast(recording.work.__getitem__, recording.needs, lambda: now[0])
    forecast.admit(recording.seconds)
    first, second, *_ = recording.seconds
    forecast.ended(first)
    assert forecast.left is None and str(forecast) == "0:00, ? left"
    forecast.moved(second, 0.5)  # as a resumed job, half of which was done before
    assert forecast.left is None
    now[0] = 10.0
    forecast.moved(second, 0.75)
    rest = forecast.work - forecast.done
    assert forecast.left == pytest.approx(rest / (0.25 * recording.work[second]) * 10.0, rel=0.35)
    for job in recording.seconds:
        forecast.ended(job)
    assert forecast.left == 0.0 and forecast.done == forecast.work


def test_jobs_that_take_no_steps_are_no_work() -> None:
    now = [0.0]
    learned = Job(kind="finetune", system="bert", task="rte", seed=0)
    asked = Job(kind="transfer", system="bert", task="ax-g", seed=0)
    forecast = Forecast({learned: 10.0, asked: 0.0}.__getitem__, lambda job: [], lambda: now[0])
    forecast.admit([learned, asked])
    for share, time in ((0.0, 0.0), (0.5, 5.0)):
        now[0] = time
        forecast.moved(learned, share)
    assert forecast.left == 5.0
    now[0] = 10.0
    forecast.ended(learned)
    assert forecast.left == 0.0


def test_what_a_job_takes_beside_its_steps_counts_for_those_to_come() -> None:
    now = [0.0]
    first, second = (Job(kind="finetune", system="bert", task="rte", seed=seed) for seed in (0, 1))
    words = Job(kind="baseline", system="bag-of-words", task="rte", seed=0)
    forecast = Forecast({first: 10.0, second: 10.0, words: 1e-9}.__getitem__, lambda job: [], lambda: now[0])
    forecast.admit([first, second, words])
    forecast.started(first)
    for share, time in ((0.0, 2.0), (0.5, 6.0), (1.0, 10.0)):  # two seconds of loading, eight of steps
        now[0] = time
        forecast.moved(first, share)
    now[0] = 13.0  # three of scoring
    forecast.ended(first)
    assert forecast.left == pytest.approx(13.0)
    for job, time in ((second, 26.0), (words, 26.5)):
        forecast.started(job)
        now[0] = time
        forecast.ended(job)
        assert str(forecast).endswith(" left")
    assert forecast.left == 0.0 and str(forecast) == "0:26, 0:00 left"


def test_a_larger_model_is_more_work_and_a_tiny_one_is_not_free() -> None:
    tiny = Dims(vocab_size=2_000, embedding_width=128, hidden_width=128, n_layers=2, n_heads=2, ffn_width=512)
    base = Dims(vocab_size=30_522, embedding_width=768, hidden_width=768, n_layers=12, n_heads=12, ffn_width=3_072)
    # 12 (4 · 768² + 2 · 768 · 3072) = 84.9 million products per token, 2 (4 · 128² + 2 · 128 · 512) = 0.39 million
    assert per_token(base, pretrains=False) == pytest.approx(84.9e6 + 0.15e6, rel=0.001)
    assert per_token(tiny, pretrains=False) == pytest.approx(0.39e6 + 0.15e6, rel=0.01)
    assert per_token(base, pretrains=True) > per_token(base, pretrains=False) > per_token(None, pretrains=False)
