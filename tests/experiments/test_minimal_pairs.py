"""Minimal pairs as a task of a comparison: nothing is trained on them, and verdicts are over pairs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import zoo
import zoo_bert
from tests.experiments.synthetic_runs import settings
from tests.strangers.test_freedoms import Silent
from zoo import Catalog, ZooError, builtin_plugin, load
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.report.build import document
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.rerun import reevaluate
from zoo.inference.text_scores import score_pairs
from zoo.tasks.kinds import task_kind
from zoo.tasks.minimal_pairs import read_pairs
from zoo.tasks.record_file import read_task_file

CATALOG = Catalog.of(builtin_plugin, zoo_bert)
SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+pretraining.sequence_length=24+finetuning.max_length=24+pretraining.batch_tokens=240+finetuning.batch_size=8"
)
WORDS = (("the", "a"), ("cook", "judge", "nurse"), ("saw", "met", "knew"), ("it", "us", "them"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BLiMP's layout, RTE's, and text of sentences like the good ones."""
    rng, folder = random.Random(0), tmp_path_factory.mktemp("pairs")
    sentences = [[rng.choice(its) for its in WORDS] for _ in range(300)]
    lines = [" ".join([*its, "."]) for its in sentences]
    (folder / "text.txt").write_text("\n\n".join("\n".join(lines[at : at + 6]) for at in range(0, 300, 6)))
    for name, (i, j) in {"order": (1, 2), "end": (2, 3)}.items():
        path = folder / "blimp" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        lines = []
        for its in sentences[:30]:
            bad = its.copy()
            bad[i], bad[j] = bad[j], bad[i]
            pair = {"sentence_good": " ".join(its), "sentence_bad": " ".join(bad), "UID": name, "field": "syntax"}
            lines.append(json.dumps(pair))
        path.write_text("\n".join(lines))
    (folder / "RTE").mkdir()
    for split, n in (("train", 32), ("dev", 12)):
        rows = [f"{k}\t{' '.join(sentences[k])}\tyes\t{('not_', '')[k % 2]}entailment" for k in range(n)]
        (folder / "RTE" / f"{split}.tsv").write_text("\n".join(["index\tsentence1\tsentence2\tlabel", *rows]))
    return folder


def compared(data: Path, out: Path, tokens: int, *, each_seed: bool) -> ComparisonRun:
    variants = [
        with_budget(CATALOG.variant(f"{name}={SMALL}+pretraining.learning_rate={rate}"), tokens, 2)
        for name, rate in (("quick", 0.01), ("slow", 0.00001))
    ]
    plan = make_plan(
        CATALOG,
        variants,
        ["rte", "blimp"],
        n_seeds=2,
        corpus=FilesCorpus(paths=(str(data / "text.txt"),)),
        data_folder=data,
        settings=settings(pretrain_each_seed=each_seed),
    )
    run(plan, out, watcher=Silent(), catalog=CATALOG)
    return read_run(out)


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data / "run"


@pytest.fixture(scope="module")
def done(data: Path, folder: Path) -> ComparisonRun:
    found = compared(data, folder, 12_000, each_seed=False)
    assert not found.failures, found.failures[0].reason
    return found


@pytest.mark.slow
def test_each_pre_trained_model_prefers_what_it_finds_more_probable(
    done: ComparisonRun, folder: Path, data: Path
) -> None:
    pairs = read_pairs(data / "blimp")
    for system in ("quick", "slow"):
        (result,) = done.finetuned(system, "blimp")
        model = load(folder / str(model_folder(done.plan, result.job)), catalog=CATALOG)
        right = [good.log_probability > bad.log_probability for good, bad in score_pairs(model, pairs)]
        assert result.predictions["dev"] == [int(not each) for each in right]
        assert result.main_score == pytest.approx(np.mean(right))
    assert done.finetuned("quick", "blimp")[0].main_score > 0.9
    assert done.finetuned("shorter", "blimp")[0].main_score == pytest.approx(0.5, abs=0.2)  # all pairs are ties


@pytest.mark.slow
def test_a_verdict_is_over_pairs_alone_and_pairs_are_not_in_the_mean(done: ComparisonRun) -> None:
    found = compare_systems(done)
    (difference,) = [d for d in found.between_variants() if d.task == "blimp"]
    wrong = [np.array(done.finetuned(name, "blimp")[0].predictions["dev"]) for name in ("quick", "slow")]
    expected = stats.ttest_rel(wrong[1], wrong[0]).confidence_interval(1 - difference.level)
    assert difference.fixed and difference.verdict == "better"
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert done.plan.averaged == ("rte",) and not found.overall


@pytest.mark.slow
def test_the_report_says_how_and_shows_what_pairs_test(done: ComparisonRun) -> None:
    sections = {section.id: section for section in document(analyse(done)).sections}
    rows = {row[1]: row for row in sections["categories"].blocks[0].rows}  # type: ignore[union-attr]
    assert {"order", "end"} == {*rows} & {"order", "end", "syntax"}  # all pairs are syntax
    assert rows["order"][3] == "30"
    assert "Nothing is trained on blimp: each pre-trained model once" in " ".join(
        line for block in sections["scores"].blocks for line in getattr(block, "lines", ())
    )


@pytest.mark.slow
def test_predictions_are_made_again_and_asked_for_by_name(done: ComparisonRun, folder: Path, data: Path) -> None:
    checks = [check for check in reevaluate(done, folder, CATALOG) if "checkpoints" in check.where]
    assert len(checks) == 2 and {check.finding for check in checks} == {"confirmed"}
    (result,) = done.finetuned("quick", "blimp")
    shown = zoo.predict_file(folder / str(model_folder(done.plan, result.job)), data / "blimp", task="blimp")
    assert [int(row[1]) for row in shown.rows] == result.predictions["dev"]
    assert shown.scores == result.scores["dev"]


@pytest.mark.slow
def test_pre_trained_with_each_seed_models_are_scored_with_each(data: Path) -> None:
    done = compared(data, data / "seeds", 1_000, each_seed=True)
    assert [result.job.seed for result in done.finetuned("quick", "blimp")] == [0, 1]
    (difference,) = [d for d in compare_systems(done).between_variants() if d.task == "blimp"]
    assert not difference.fixed and difference.n_seeds == 2


def test_a_model_without_an_output_layer_for_tokens_is_refused() -> None:
    blind = CATALOG.variant(f"blind={SMALL}+objectives=bert.nsp")
    with pytest.raises(ZooError, match="task 'micro-pairs' needs an output layer for tokens"):
        CATALOG.check(blind, [CATALOG.task("micro-pairs")])


def test_pairs_of_ones_own_need_a_task_file_with_dev_alone(tmp_path: Path) -> None:
    lines = [{"sentence_good": "he is .", "sentence_bad": "he are .", "UID": "number"}]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, lines)))
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nkind = "minimal-pairs"\n[files]\ndev = "dev.jsonl"\n')
    task = read_task_file(path)
    (item,) = task.load(None).splits["dev"]
    assert (item.texts, item.label, item.groups) == (("he is .", "he are ."), 0, ("number",))
    path.write_text(path.read_text() + 'train = "dev.jsonl"\n')
    with pytest.raises(ZooError, match=r"mine.toml:3: nothing is trained on such a task; files should name dev alone"):
        read_task_file(path)
    (tmp_path / "dev.jsonl").write_text('{"sentence_good": "a", "sentence_bad": "a"}')
    with pytest.raises(ZooError, match=r"dev.jsonl:1: both sentences are 'a'; a pair has two that differ"):
        task.load(None)


def test_a_tie_is_wrong() -> None:
    kind = task_kind(CATALOG.task("micro-pairs"))
    assert [kind.prefer(scores) for scores in ([-1.0, -2.0], [-2.0, -1.0], [-1.0, -1.0 - 1e-7])] == [0, 1, 1]


def test_a_folder_without_pairs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"has no folder blimp or blimp/data or data of JSONL files, for task 'blimp'"):
        CATALOG.task("blimp").load(tmp_path)
