"""Runs whose models predict and train again; runs out of memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.experiments.synthetic_runs import made_up
from tests.experiments.test_comparison import CATALOG, Watcher, plan
from zoo import Model, ZooError
from zoo.core.batch import Batch
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.make import check_plan
from zoo.experiments.report.build import write_report
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.verify.files import verify
from zoo.experiments.verify.rerun import _repeated, _tested, again_on, reevaluate, repeated_plan, retrain
from zoo.machine.compute import Compute


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every fine-tuned model."""
    folder = tmp_path_factory.mktemp("kept")
    text = folder / "text.txt"
    text.write_text("\n\n".join("the cook shows the judge a lamp.\nthe nurse shows a boat." for _ in range(40)))
    asked = plan(FilesCorpus(paths=(str(text),)), "albert-tiny", seeds=2)
    asked = asked.model_copy(update={"keep_finetuned": True})
    done = run(asked, folder / "run", watcher=Watcher(), catalog=CATALOG)
    assert not done.failures
    write_report(analyse(done), folder / "run")
    return folder / "run"


def test_kept_models_predict_what_the_run_says(kept: Path) -> None:
    checks = list(reevaluate(read_run(kept), kept, CATALOG))
    assert [check.finding for check in checks] == ["confirmed"] * 2


def test_an_altered_model_is_named(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    name = next(path.name for path in (folder / "finetuned").iterdir())
    weights = folder / "finetuned" / name / "model.safetensors"
    tensors = load_file(weights)
    save_file({key: -tensor if "objectives" in key else tensor for key, tensor in tensors.items()}, weights)
    found = [check for check in reevaluate(read_run(folder), folder, CATALOG) if check.finding != "confirmed"]
    assert [(check.finding, check.where) for check in found] == [("contradicted", f"finetuned/{name}: dev")]


def test_a_model_that_was_not_kept_decides_nothing(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    shutil.rmtree(folder / "finetuned")
    found = list(reevaluate(read_run(folder), folder, CATALOG))
    assert {check.finding for check in found} == {"not decidable"}
    assert "--keep-finetuned keeps it" in found[0].detail


def test_an_altered_checkpoint_key_or_planned_content_is_named(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    (weights,) = folder.glob("checkpoints/*/model.safetensors")
    tensors = load_file(weights)
    name = sorted(tensors)[0]
    save_file(tensors | {name: tensors[name] + 1}, weights)
    found = [check.where for check in verify(folder) if check.finding == "contradicted"]
    assert all(where.startswith("jobs/pretrain-albert-tiny") for where in found)
    assert [where.split(": ")[1] for where in found] == ["weights_hash", "checkpoint_files.model.safetensors"]
    altered = json.loads((folder / "plan.json").read_text())
    altered["corpus_hash"] = "0" * 64
    (folder / "plan.json").write_text(json.dumps(altered))
    found = [check.where for check in verify(folder) if check.finding == "contradicted"]
    assert sum(where.endswith(": key") for where in found) == 3  # not the baselines', which no corpus made
    assert any(where.endswith("plan_hash") for where in found)


def test_an_altered_tokenizer_or_a_broken_checkpoint_is_contradicted(kept: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(kept, tmp_path / "run"))
    (tokenizer,) = folder.glob("checkpoints/*/tokenizer.json")
    tokenizer.write_text(tokenizer.read_text() + " ")
    (where,) = (check.where for check in verify(folder) if check.finding == "contradicted")
    assert where.endswith("checkpoint_files.tokenizer.json")
    for weights in folder.glob("*/*/model.safetensors"):
        weights.write_bytes(weights.read_bytes()[:-1])
    assert any("weights_hash" in check.where for check in verify(folder) if check.finding == "contradicted")
    again = list(reevaluate(read_run(folder), folder, CATALOG))
    assert again and {check.finding for check in again} == {"contradicted"}
    assert all("is cut short" in check.detail for check in again)


def test_training_again_gives_the_same_bits(kept: Path, tmp_path: Path) -> None:
    done = read_run(kept)
    again = repeated_plan(done.plan, 1)
    (check,) = retrain(done, again, tmp_path / "again", CATALOG, 1.0, 0, Watcher())
    assert (check.finding, check.detail) == ("confirmed", "bit for bit, 1 seed(s)")


def test_other_predictions_of_the_same_code_contradict(kept: Path, tmp_path: Path) -> None:
    done = read_run(kept)
    results = tuple(
        r.model_copy(update={"main_score": 0.123}) if isinstance(r, TaskResult) else r for r in done.results
    )
    altered = ComparisonRun(plan=done.plan, results=results)
    plan_again = repeated_plan(done.plan, 1)
    (check,) = retrain(altered, plan_again, tmp_path / "again", CATALOG, 1.0, 0, Watcher())
    assert check.finding == "contradicted"
    assert "12.3 then" in check.detail


def test_other_scores_do_not_contradict_where_the_same_work_need_not_repeat() -> None:
    first = made_up(3, {"bert-tiny": [10, 10, 10]}).finetuned("bert-tiny", "lamps")
    loose = [
        r.model_copy(update={"environment": r.environment.model_copy(update={"deterministic": False})}) for r in first
    ]
    moved = [r.model_copy(update={"main_score": r.main_score + 0.01}) for r in loose]
    assert _repeated("here", loose, moved, 20.0).finding == "confirmed"
    strict = [r.model_copy(update={"main_score": r.main_score + 0.01}) for r in first]
    assert _repeated("here", first, strict, 20.0).finding == "contradicted"


def test_a_run_whose_device_is_not_here_is_repeated_on_the_cpu_and_that_is_said(
    kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = read_run(kept).plan
    elsewhere = plan.model_copy(update={"compute": Compute(device="cuda:99", threads=1)})
    assert again_on(elsewhere, None) == Compute(threads=1)
    assert "the run computed on cuda:99, which is not here; computing again on cpu" in caplog.text
    with pytest.raises(ZooError, match="--device cuda:99: PyTorch finds no such device here"):
        again_on(plan, "cuda:99")
    with pytest.raises(ZooError, match="--device cuda:99: PyTorch finds no such device here"):
        check_plan(CATALOG, elsewhere)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        # Welch, by hand: difference 10, error sqrt(1/3 + 1/3) = 0.816, 4 degrees of freedom, t = 2.776: 2.27
        ([80.0, 81.0, 82.0], [90.0, 91.0, 92.0], "contradicted"),
        # the same error with t = 2.132: 0.1 + 1.74 > 1
        ([80.0, 81.0, 82.0], [80.1, 81.1, 82.1], "not decidable"),
        # error 0.0816: 0.1 + 0.174 <= 1
        ([80.0, 80.1, 80.2], [80.1, 80.2, 80.3], "confirmed"),
    ],
)
def test_scores_from_another_machine_are_tested(old: list[float], new: list[float], finding: str) -> None:
    assert _tested("here", "shown", old, new, 1.0).finding == finding


def test_out_of_memory_a_batch_is_divided_into_more_micro_batches(kept: Path, tmp_path: Path, monkeypatch: Any) -> None:
    embedded, most = Model._embedded, 100

    def tight(model: Model, batch: Batch) -> torch.Tensor:
        if model.training and len(batch.ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return embedded(model, batch)

    monkeypatch.setattr(Model, "_embedded", tight)
    done = read_run(kept)
    tightened = run(repeated_plan(done.plan, 1), tmp_path / "run", watcher=Watcher(), catalog=CATALOG)
    assert not tightened.failures
    before, after = (each.pretrained(done.plan.variants[0].name) for each in (done, tightened))
    assert before is not None and after is not None
    assert (before.gradient_accumulation_steps, after.gradient_accumulation_steps) == (1, 4)
    assert after.tokens == before.tokens
    for name, losses in before.losses.items():
        assert after.losses[name] == pytest.approx(losses, abs=1e-4)
    assert all(result.gradient_accumulation_steps > 1 for result in tightened.finetuned(done.plan.variants[0].name))


@pytest.mark.slow
def test_a_batch_that_fits_in_no_part_fails_with_what_to_do(kept: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def full(model: Model, batch: Batch) -> torch.Tensor:
        raise MemoryError

    monkeypatch.setattr(Model, "hidden", full)
    done = run(repeated_plan(read_run(kept).plan, 1), tmp_path / "run", watcher=Watcher(), catalog=CATALOG)
    reasons = [failure.reason for failure in done.failures]
    assert len(reasons) == 2 and "fewer workers or a smaller model" in reasons[0]
