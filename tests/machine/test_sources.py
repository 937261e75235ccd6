"""A result depends on the code that makes it, and on no other."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
import zoo_bert
from tests.experiments import toy_task
from tests.source_graph import MODULES, ROOT, closure, imported
from zoo import Catalog, ZooError
from zoo.experiments.plan.job_kinds import JOB_KINDS
from zoo.machine import sources

CATALOG = Catalog.of(zoo_bert, toy_task)
SMALL = "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48"


def left_out(module: str) -> bool:
    return MODULES[module] not in {path for _, path in sources.sources("zoo")}


def test_nothing_that_makes_a_result_is_left_out() -> None:
    jobs = {name for name in MODULES if name.startswith("zoo.experiments.runner.") and name.endswith("_job")}
    plugins = {name for path in ROOT.glob("plugins/*/zoo_*/**/*.py") for name in imported(path) if name in MODULES}
    tasks = {"zoo.tasks.offered", "zoo.tasks.kinds"}
    made_by = closure({*jobs, "zoo.experiments.runner.job", *tasks, *plugins - {"zoo", "zoo.testing"}})
    assert len(jobs) == len(JOB_KINDS) and len(made_by) > 100
    assert not [name for name in sorted(made_by) if left_out(name)]


def test_each_name_that_is_left_out_is_there() -> None:
    assert not [name for name in sources.MAKES_NO_RESULTS if not (ROOT / "zoo" / name).exists()]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The zoo's sources in another place, which are taken for those that run."""
    shutil.copytree(ROOT / "zoo", tmp_path / "zoo", ignore=shutil.ignore_patterns("__pycache__"))
    there = importlib.util.spec_from_file_location("zoo", tmp_path / "zoo" / "__init__.py")
    monkeypatch.setattr(sources, "find_spec", lambda name: there if name == "zoo" else importlib.util.find_spec(name))
    sources._hash_of.cache_clear()
    yield tmp_path / "zoo"
    sources._hash_of.cache_clear()


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "\n# edited\n")
    sources._hash_of.cache_clear()


def compare(out: Path, text: Path, **options: object) -> list[str]:
    """The names of the jobs that were done, by when their files were written."""
    budget = {"pretrain_tokens": 500, "finetune_steps": 2, "seeds": 1, "tasks": ["lamps"], "corpus": [text]}
    zoo.compare(*(() if options else (SMALL,)), out=out, workers=0, catalog=CATALOG, **(options or budget))
    return [f"{path.name} {path.stat().st_mtime_ns}" for path in sorted((out / "jobs").glob("*.json"))]


def test_an_edit_of_a_report_leaves_finished_jobs_valid_and_one_of_the_loop_does_not(
    copy: Path, tmp_path: Path
) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "run"
    text.write_text("the cook shows the judge a lamp.\n\nthe nurse has a boat.")
    done = compare(out, text)
    for name in ("experiments/report/build.py", "commands/compare.py", "experiments/plan/options.py", "cli.py"):
        edit(copy / name)
    assert compare(out, text, resume=True) == done
    edit(copy / "train" / "loop.py")
    with pytest.raises(ZooError, match="was made by other code, versions or hardware: code"):
        compare(out, text, resume=True)


@pytest.mark.parametrize("name", ["experiments/runner/scoring.py", "core/seeds.py", "tasks/microworld/grammar.py"])
def test_what_makes_results_changes_the_hash_and_a_new_file_does(copy: Path, name: str) -> None:
    before = sources.code_hash(CATALOG)
    edit(copy / name)
    after = sources.code_hash(CATALOG)
    (copy / "train" / "new.py").write_text("")
    sources._hash_of.cache_clear()
    assert len({before, after, sources.code_hash(CATALOG)}) == 3
