"""Seeds that are added until differences are decided."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.synthetic_runs import CATALOG, TARGETS, finetuned, of_forty, pretrained, saved
from tests.experiments.test_comparison import Watcher
from zoo import ZooError
from zoo.experiments.plan.claims import Claims
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import make_plan
from zoo.experiments.plan.plan import Plan
from zoo.experiments.report.build import write_report
from zoo.experiments.report.seeding import seeding_section
from zoo.experiments.results.records import FailedResult, Result
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.executors import Moved
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.seeding import jobs_for, wanted_jobs
from zoo.experiments.statistics.tests import Difference
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.files import verify

LOOKS = (3, 5, 8, 12)
FAR = [1, 2, 1, 1, 2, 1, 2, 1, 1, 2, 1, 1]
NEAR = [15, 16, 14, 15, 16, 15, 14, 15, 16, 15, 14, 15]
THIRD = "bert-tiny+dims.dropout=0.2"
BAD = [37, 38, 37, 38, 37, 38, 38, 37, 37, 38, 37, 38]
SOME = [n + 4 for n in NEAR]
WORSE = [34, 33, 35, 33, 36, 35, 34, 34, 35, 34, 33, 35]
"""How many of 40 items are wrong, by seed."""


def planned(*names: str, **claims: Any) -> Plan:
    plan = make_plan(CATALOG, [CATALOG.variant(name) for name in names], ["lamps"], n_seeds=LOOKS[-1])
    return of_forty(plan).model_copy(update={"claims": Claims(looks=LOOKS, **claims)})


def result(plan: Plan, job: Job, wrong: dict[str, list[int]]) -> Result:
    if job.kind == "pretrain":
        return pretrained(plan, job)
    return finetuned(plan, job, 20 if job.system in plan.baselines else wrong[job.system][job.seed])


def with_jobs(plan: Plan, jobs: Sequence[Job], wrong: dict[str, list[int]]) -> ComparisonRun:
    there = {*jobs}
    results = tuple(result(plan, job, wrong) for job in plan.jobs if job in there)
    return ComparisonRun(plan=plan, results=results, gold={"lamps": {"dev": TARGETS}})


def until_decided(plan: Plan, wrong: dict[str, list[int]]) -> tuple[ComparisonRun, list[int]]:
    """The finished run, and how many jobs each round of it added."""
    done, rounds = with_jobs(plan, [], wrong), []
    while new := {*wanted_jobs(done)} - {result.job for result in done.results}:
        rounds.append(len(new))
        done = with_jobs(plan, [*(result.job for result in done.results), *new], wrong)
    return done, rounds


def pair(done: ComparisonRun, *names: str) -> Difference:
    return next(d for d in compare_systems(done).differences if (d.first, d.second) == names)


def test_a_clear_difference_needs_the_first_look_alone() -> None:
    done, rounds = until_decided(planned("bert-tiny", "albert-tiny"), {"bert-tiny": BAD, "albert-tiny": FAR})
    found = pair(done, "bert-tiny", "albert-tiny")
    assert (found.verdict, found.n_seeds, rounds) == ("better", 3, [2 + 2 * 3 + 2])


def test_seeds_are_added_for_the_pairs_that_are_undecided_and_decided_ones_stay_as_they_were() -> None:
    names = ("bert-tiny", "albert-tiny", THIRD)
    wrong = {"bert-tiny": FAR, "albert-tiny": BAD, THIRD: WORSE}
    done, rounds = until_decided(planned(*names), wrong)
    decided, open_ = pair(done, "bert-tiny", "albert-tiny"), pair(done, "albert-tiny", THIRD)
    assert (decided.verdict, decided.n_seeds) == ("better", 3)
    assert open_.n_seeds > 3 and [look.n_seeds for look in open_.looks] == list(LOOKS[: len(rounds)])
    assert rounds[1:] == [2 * (b - a) for a, b in pairwise(LOOKS[: len(rounds)])]
    assert len(done.finetuned("bert-tiny")) == 3 and len(done.finetuned(THIRD)) == open_.n_seeds
    all_seeds = with_jobs(done.plan, done.plan.jobs, wrong)
    assert pair(all_seeds, "bert-tiny", "albert-tiny") == decided


@pytest.mark.slow
def test_every_row_agrees_with_itself_at_every_look() -> None:
    for shift in (0, 6):
        for margin in (None, 8.0):
            wrong = {"bert-tiny": NEAR, "albert-tiny": [n + shift for n in NEAR[::-1]]}
            found = pair(until_decided(planned("bert-tiny", "albert-tiny", margin=margin), wrong)[0], *wrong)
            assert (found.verdict == "better") == (found.low > 0 or found.high < 0) == (found.adjusted_p < 0.05)
            assert (found.verdict == "equivalent") == (found.equivalence_p is not None and found.equivalence_p < 0.05)
            assert found.adjusted_p >= found.p and found.level <= 0.05
            assert found.verdict in ("better", "equivalent", "out of reach")


def test_equal_systems_are_equivalent_within_a_margin_and_out_of_reach_without() -> None:
    wrong = {"bert-tiny": NEAR, "albert-tiny": [NEAR[0], *NEAR[:-1]]}
    without = pair(until_decided(planned(*wrong), wrong)[0], *wrong)
    within = pair(until_decided(planned(*wrong, margin=20.0), wrong)[0], *wrong)
    assert (without.verdict, within.verdict) == ("out of reach", "equivalent")
    assert without.chance is not None and without.chance < 0.1 and without.n_seeds < 12


def test_a_seed_that_failed_keeps_a_pair_at_the_look_before() -> None:
    plan, wrong = planned("bert-tiny", "albert-tiny"), {"bert-tiny": SOME, "albert-tiny": NEAR}
    done, _ = until_decided(plan, wrong)
    broken = [FailedResult(job=r.job, reason="told to") if r.job.seed == 3 else r for r in done.results]
    found = pair(replace(done, results=tuple(broken)), "bert-tiny", "albert-tiny")
    assert (found.n_seeds, found.verdict) == (3, "too few seeds")


@pytest.mark.slow
def test_the_report_says_when_each_was_decided_and_verify_checks_the_looks(tmp_path: Path) -> None:
    wrong = {"bert-tiny": FAR, "albert-tiny": BAD}
    done, _ = until_decided(planned(*wrong), wrong)
    section = seeding_section(done, compare_systems(done))
    assert section is not None
    table, notes = section.blocks
    assert table.rows == (("lamps: bert-tiny - albert-tiny", "bert-tiny better", "3", "3: 0.021", "-"),)
    assert "Decided: 1 of 1 differences (1 with 3 seeds)." in notes.lines
    assert notes.lines[-1].startswith(
        "6 of 24 fine-tunings were made, in 6 s of computing; all of them would have taken"
    )
    write_report(analyse(done), saved(done, tmp_path))
    assert not [check for check in verify(tmp_path) if check.finding == "contradicted"]
    assert (
        "Nothing: 10 jobs are finished. The other 18 of the plan were not needed."
        in (tmp_path / "report.md").read_text()
    )
    results = json.loads((tmp_path / "results.json").read_text())
    results["statistics"]["differences"][0]["looks"][0]["n_seeds"] = 2
    (tmp_path / "results.json").write_text(json.dumps(results))
    (wrong_check,) = [check for check in verify(tmp_path) if check.finding == "contradicted"]
    assert "looks" in wrong_check.where


def test_the_likeliest_to_be_decided_come_first() -> None:
    wrong = {"bert-tiny": NEAR, "albert-tiny": SOME, THIRD: [n + 1 for n in NEAR]}
    plan = planned(*wrong)
    comparisons = compare_systems(with_jobs(plan, jobs_for(plan, ()), wrong))
    likeliest = max(comparisons.between_variants(), key=lambda d: d.chance or 0.0)
    extra = [job for job in jobs_for(plan, comparisons.differences) if job.kind == "finetune" and job.seed >= 3]
    assert {job.system for job in extra[:4]} == {likeliest.first, likeliest.second}


class Instant:
    """An executor whose jobs have their results at once, the last one first."""

    def __init__(self, slots: int, wrong: dict[str, list[int]]) -> None:
        self.slots, self.wrong, self.jobs = slots, wrong, list[Job]()

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        self.plan = plan

    def start(self, job: Job) -> None:
        self.jobs.append(job)

    def ended(self) -> list[tuple[Job, Result]]:
        job = self.jobs.pop()
        return [(job, result(self.plan, job, self.wrong))]

    def close(self) -> None: ...


class Impatient(Watcher):
    """Stops a run after so many jobs."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def ended(self, *told: Any) -> None:
        super().ended(*told)
        if len(self.done) == self.most:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_looks_depend_neither_on_the_order_of_jobs_nor_on_an_interruption(tmp_path: Path) -> None:
    wrong = {"bert-tiny": FAR, "albert-tiny": BAD, THIRD: WORSE}
    plan, expected = planned(*wrong), until_decided(planned(*wrong), wrong)[0]

    def carried_out(folder: Path, slots: int, watcher: Watcher, seconds: float = inf) -> ComparisonRun:
        for name in wrong:
            (folder / "checkpoints" / name).mkdir(parents=True, exist_ok=True)
        if not (folder / "plan.json").exists():
            saved(with_jobs(plan, [], wrong), folder)
        executor = Instant(slots, wrong)
        return run(
            plan, folder, executor=executor, watcher=watcher, catalog=CATALOG, wanted=wanted_jobs, seconds=seconds
        )

    whole = carried_out(tmp_path / "whole", 4, Watcher())
    assert [r.job for r in whole.results] == [r.job for r in expected.results]
    with pytest.raises(KeyboardInterrupt):
        carried_out(tmp_path / "stopped", 1, Impatient(16))
    stopped = carried_out(tmp_path / "stopped", 1, Watcher())
    assert compare_systems(stopped) == compare_systems(whole) == compare_systems(expected)
    in_haste = carried_out(tmp_path / "haste", 2, Watcher(), seconds=1e-9)
    assert {r.job.seed for r in in_haste.results} == {0, 1, 2}
    assert pair(in_haste, "albert-tiny", THIRD).verdict == "too few seeds"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_seeds": 5}, "--max-seeds goes with --until-decided"),
        ({"until_decided": True, "seeds": 2}, "at least 3 seeds"),
        ({"until_decided": True, "seeds": 6, "max_seeds": 5}, "--max-seeds 5 is less than --seeds 6"),
        ({"until_decided": True, "tune": ["learning_rate=1e-3,1e-4"]}, "takes one setting per variant"),
        ({"max_time": "30m", "seeds": 2}, "--max-time goes with --until-decided"),
        ({"until_decided": True, "max_time": "30"}, "is not a time; write 90s, 30m or 2h"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], told: str, little_text: None) -> None:
    import zoo

    budget: dict[str, Any] = {"pretrain_tokens": 64, "finetune_steps": 1}
    with pytest.raises(ZooError, match=told):
        zoo.compare("bert-tiny", "albert-tiny", tasks="micro-sentiment", **budget, **options)
