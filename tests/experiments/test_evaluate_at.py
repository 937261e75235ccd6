"""Models evaluated while they are pre-trained: points, jobs, curves, and how much pre-training a score takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import interp1d

from tests.experiments.synthetic_runs import CATALOG, TARGETS, finetuned, of_forty, pretrained, rendered, settings
from tests.experiments.test_comparison import Watcher, fingerprints
from zoo import ZooError, plan_comparison
from zoo.core.specs import Pretraining
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.plan.model_jobs import points_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.points import points
from zoo.experiments.report.build import write_report
from zoo.experiments.results.records import ModelResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.estimate import estimate
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.learning import Learning, Reach, reached
from zoo.experiments.verify.files import verify


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("10%", "30%", "100%"), (100_000, 300_000)),
        (("300k", "0.1M", "100_000"), (100_000, 300_000)),
        (("every 250k",), (250_000, 500_000, 750_000)),
        (("every 40 %", "5%"), (50_000, 400_000, 800_000)),
    ],
)
def test_points_are_shares_or_tokens(asked: tuple[str, ...], found: tuple[int, ...]) -> None:
    assert points(asked, 1_000_000) == found


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("2M", "beyond the end of the pre-training, 1,000,000 tokens"),
        ("100%", "only the end"),
        ("half", "'half' is not one"),
        ("0%", "'0%' is not one"),
        ("every 1%, ", "'every 1%, ' is not one"),
        ("every 1k", "999 points, and 100 are the most"),
    ],
)
def test_what_is_no_point_is_refused(asked: str, told: str) -> None:
    with pytest.raises(ZooError, match=told):
        points((asked,), 1_000_000)


def test_steps_after_some_tokens_count_short_sequences() -> None:
    recipe = Pretraining(tokens=1_000, batch_tokens=100, sequence_length=50, learning_rate=1e-3)
    assert [recipe.steps_after(tokens) for tokens in (1, 100, 149, 990, 1_000, 9_999)] == [1, 1, 1, 10, 10, 10]
    short = recipe.model_copy(update={"short_length": 10, "short_share": 0.5, "tokens": 600})
    assert (short.steps, short.short_steps, short.short_batch_tokens) == (10, 5, 20)
    assert [short.steps_after(tokens) for tokens in (20, 60, 100, 200, 600)] == [1, 3, 5, 6, 10]


def test_where_a_curve_reaches_a_score_is_read_between_its_points() -> None:
    tokens, curve = np.array([0.1, 0.3, 1.0]), np.array([0.5, 0.7, 0.8])
    between = np.exp(interp1d(curve, np.log(tokens))(0.77))
    found = reached(np.stack([curve, curve, curve, curve]), tokens, np.array([0.77, 0.4, 0.81, 0.7]))
    assert found == pytest.approx([float(between), 0.1, np.inf, 0.3])


def small(corpus: FilesCorpus, *, evaluate_at: tuple[int, ...]) -> Plan:
    text = "bert-tiny+dims.hidden_width=32+dims.ffn_width=48+dims.embedding_width=32+dims.max_length=24"
    text += "+pretraining.sequence_length=24+finetuning.max_length=24+pretraining.batch_tokens=240"
    variant = with_budget(CATALOG.variant(text), 2_400, 6)
    asked = settings(evaluate_at=evaluate_at, held_out=0.2)
    return make_plan(CATALOG, [variant], ["lamps"], n_seeds=2, corpus=corpus, settings=asked)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> FilesCorpus:
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    nouns = ("cook", "sailor", "judge", "pupil", "nurse", "hunter")
    stories = ["\n".join(f"the {a} shows the {b} a {c}." for b in nouns for c in ("lamp", "boat")) for a in nouns]
    path.write_text("\n\n".join(stories))
    return FilesCorpus(paths=(str(path),))


@pytest.fixture(scope="module")
def plain(corpus: FilesCorpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonRun, Path]:
    folder = tmp_path_factory.mktemp("plain") / "run"
    return run(small(corpus, evaluate_at=()), folder, watcher=Watcher(), catalog=CATALOG), folder


@pytest.fixture(scope="module")
def watched(corpus: FilesCorpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonRun, Path]:
    folder = tmp_path_factory.mktemp("watched") / "run"
    done = run(small(corpus, evaluate_at=(480, 1_200)), folder, watcher=Watcher(), catalog=CATALOG)
    write_report(analyse(done), folder)
    return done, folder


def test_models_are_kept_on_the_way_and_the_end_stays_as_it_was(
    watched: tuple[ComparisonRun, Path], plain: tuple[ComparisonRun, Path]
) -> None:
    done, folder = watched
    assert not done.failures and len(done.results) == 3 + 3 * 2 + 2
    assert fingerprints(plain[0]).items() <= fingerprints(done).items()
    kept = [result for result in done.results if isinstance(result, ModelResult) and result.job.at]
    assert [(result.job.at, result.steps) for result in kept] == [(480, 2), (1_200, 5)]
    assert all((folder / result.checkpoint / "model.safetensors").is_file() and result.held_out for result in kept)
    assert len({result.weights_hash for result in [*kept, *done.pretrained_results]}) == 3
    name = done.plan.names[0]
    scores = done.finetuned(name, "lamps")
    assert len(scores) == 2 and all(result.job.at is None for result in scores)
    assert len(done.at(480).finetuned(name, "lamps")) == 2


def test_a_reused_pretraining_is_trained_to_its_points_with_the_same_bits(
    watched: tuple[ComparisonRun, Path], plain: tuple[ComparisonRun, Path], corpus: FilesCorpus, tmp_path: Path
) -> None:
    """The other run has kept no models on its way."""
    plan = small(corpus, evaluate_at=(480,))
    again = run(plan, tmp_path / "run", watcher=Watcher(), catalog=CATALOG, reuse=[plain[1]])
    assert fingerprints(again).items() <= fingerprints(watched[0]).items()
    resumed = Watcher()
    run(plan, tmp_path / "run", watcher=resumed, catalog=CATALOG)
    assert not resumed.done and len(resumed.reused) == len(plan.jobs)


def test_results_and_report_hold_the_curve_and_verify_checks_it(watched: tuple[ComparisonRun, Path]) -> None:
    done, folder = watched
    published = json.loads((folder / "results.json").read_text())
    found = Learning.model_validate_json(json.dumps(published["learning"]))
    assert [point.tokens for point in found.points] == [result.tokens for result in _models(done)]
    final = published["statistics"]["standings"]["lamps"][done.plan.names[0]]
    assert found.points[-1].scores["lamps"].model_dump() == final
    assert "## Score against pre-training" in (folder / "report.md").read_text()
    assert {check.finding for check in verify(folder)} == {"confirmed"}


def _models(done: ComparisonRun) -> list[ModelResult]:
    found = [result for result in done.results if isinstance(result, ModelResult)]
    return sorted(found, key=lambda result: result.tokens)


def test_a_dry_run_counts_the_points(corpus: FilesCorpus, tmp_path: Path) -> None:
    plan = small(corpus, evaluate_at=(480, 1_200))
    costs = {each.job: each.seconds for each in estimate(CATALOG, plan, tmp_path, workers=1).work}
    assert len(costs) == 3 + 3 * 2 + 2
    of_points = [seconds for job, seconds in costs.items() if job.kind == "finetune" and job.at]
    of_the_end = [seconds for job, seconds in costs.items() if job.kind == "finetune" and not job.at]
    assert len(of_points) == 4 and of_points == pytest.approx(2 * of_the_end)


def grown(wrong: dict[str, dict[int | None, int]], n_seeds: int = 3) -> ComparisonRun:
    """A run whose variants are wrong on so many of 40 items, by point."""
    variants = [CATALOG.variant(name) for name in wrong]
    plan = make_plan(CATALOG, variants, ["lamps"], n_seeds=n_seeds, settings=settings(evaluate_at=(100_000, 500_000)))
    plan = of_forty(plan)
    results: list[Any] = []
    for job in plan.jobs:
        if job.task is None:
            tokens = {"tokens": job.at or 1_000_000, "checkpoint": f"checkpoints/{job.system}-{job.at}"}
            results.append(pretrained(plan, job).model_copy(update=tokens))
        else:
            n_wrong = 20 if job.system in plan.baselines else wrong[job.system][job.at]
            results.append(finetuned(plan, job, n_wrong))
    return ComparisonRun(plan=plan, results=tuple(results), gold={"lamps": {"dev": TARGETS}})


FAST, SLOW = {100_000: 16, 500_000: 8, None: 4}, {100_000: 20, 500_000: 18, None: 12}


def reach(done: ComparisonRun, first: str, second: str) -> Reach:
    found = analyse(done).learning
    assert found
    return next(each for each in found.reaches if (each.first, each.second) == (first, second))


def test_the_better_variant_reaches_the_others_final_score_with_a_part_of_its_tokens() -> None:
    done = grown({"bert-tiny": SLOW, "albert-tiny": FAST})
    ahead, behind = reach(done, "albert-tiny", "bert-tiny"), reach(done, "bert-tiny", "albert-tiny")
    # 28 of 40 are half way from 24 after 0.1M to 32 after 0.5M, on a logarithmic scale.
    assert ahead.times == pytest.approx(np.sqrt(0.1 * 0.5))
    assert ahead.low and ahead.high and 0.1 <= ahead.low < ahead.times < ahead.high < 0.6
    assert (behind.times, behind.high, behind.least) == (None, None, 0.1)
    text = rendered(done)
    assert "| albert-tiny | bert-tiny | 0.22 |" in text and "| bert-tiny | albert-tiny | \\> 1 |" in text


def test_a_score_that_the_first_point_has_takes_at_most_so_much() -> None:
    done = grown({"bert-tiny": SLOW, "albert-tiny": {100_000: 2, 500_000: 2, None: 2}})
    assert reach(done, "albert-tiny", "bert-tiny").times == pytest.approx(0.1)
    assert "at most 0.10" in rendered(done)


def test_one_seed_has_an_interval_over_items_and_a_missing_point_has_no_reach() -> None:
    done = grown({"bert-tiny": SLOW, "albert-tiny": FAST}, n_seeds=1)
    assert reach(done, "albert-tiny", "bert-tiny").low
    missing = tuple(r for r in done.results if (r.job.system, r.job.at) != ("albert-tiny", 500_000))
    found = analyse(ComparisonRun(done.plan, missing, done.gold)).learning
    assert found and not found.reaches and len(found.points) == 5


@pytest.mark.parametrize(
    ("variants", "options", "told"),
    [
        (("bert-tiny",), {"tune": "learning_rate=1e-3,3e-4"}, "one setting per variant"),
        (
            ("bert-tiny",),
            {"evaluate_at": "every 100", "pretrain_tokens": "4k"},
            "8 steps; give points .* further apart",
        ),
        (("bert-tiny",), {"evaluate_at": "10M"}, "beyond the end"),
    ],
)
def test_unsuitable_use_is_refused(variants: tuple[str, ...], options: dict[str, str], told: str) -> None:
    with pytest.raises(ZooError, match=told):
        plan_comparison(*variants, tasks="micro-sentiment", **{"evaluate_at": "10%", **options})


def test_a_teacher_that_is_not_compared_keeps_no_models_in_training() -> None:
    teacher = CATALOG.variant("bert-tiny")
    pupil = CATALOG.variant("pupil=bert-tiny+distillation.teacher=bert-tiny+distillation.phase=pretraining")
    for variants, teachers in ([pupil], [teacher]), ([pupil, teacher], []):
        plan = make_plan(
            CATALOG,
            variants,
            ["lamps"],
            n_seeds=1,
            teachers=teachers,
            settings=settings(evaluate_at=(100_000, 500_000)),
        )
        kept = [job.system for job in plan.jobs if job.kind == "checkpoint"]
        assert sorted(kept) == sorted([variant.name for variant in variants] * 2)
        start = next(job for job in plan.jobs if (job.kind, job.system) == ("pretrain", "bert-tiny"))
        assert len(points_of(plan, start)) == 2 * (teacher in variants)


def test_models_that_are_not_pretrained_here_have_no_points(plain: tuple[ComparisonRun, Path]) -> None:
    (model,) = (plain[1] / "checkpoints").iterdir()
    with pytest.raises(ZooError, match=r"needs a pre-training, and .* starts from trained weights"):
        plan_comparison(f"mine={model}", tasks="micro-sentiment", evaluate_at="10%", catalog=CATALOG.installed())
