"""Every command and every Python example of the README and the docs is run."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.experiments.synthetic_runs import predicting, saved
from zoo.cli import main
from zoo.registry.offers import Offers

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

ELSEWHERE = {
    "pip install -r requirements.txt && zoo compare": "tests/test_main_job.py::test_the_main_job",
    "pip install -r requirements-dev.txt && pytest -n 2": ".ci/run",
    "zoo audit --module --update docs/audit-tables.md": (
        "tests/auditing/test_results.py::test_the_documented_command_leaves_the_results_as_they_are"
    ),
    "pip install .": "tests/registry/test_stranger.py::installed",
    "zoo show bert-tiny parallel-tiny": "tests/registry/test_stranger.py::test_its_difference_is_shown",
    "zoo compare bert-tiny parallel-tiny": "tests/registry/test_stranger.py::test_it_takes_part_in_a_comparison",
    "torchrun --nproc-per-node 2 -m zoo pretrain bert-tiny --corpus corpus.txt --out runs/two --steps 20": (
        "tests/pretraining/test_team.py::test_two_processes_do_what_one_does_in_two_micro_batches_dropout_and_all"
    ),
    "zoo glue-submission runs/here/submission --check": (
        "tests/experiments/submission/test_submit.py::test_the_command_writes_and_checks"
    ),
    "zoo compare --plan plan.json --out runs/one": (
        "tests/experiments/runner/test_sharing.py::test_a_plan_is_a_file_that_can_be_done_elsewhere"
    ),
    "zoo compare --resume --out runs/one": (
        "tests/experiments/runner/test_sharing.py::test_a_run_killed_ten_times_ends_as_if_it_had_not_been"
    ),
    "zoo compare bert-tiny albert-tiny --tasks micro-sentiment --pretrain-tokens 20k --finetune-steps 20 --seeds 5 "
    "--reuse runs --out runs/five": (
        "tests/experiments/runner/test_sharing.py::test_more_seeds_take_over_the_jobs_of_fewer"
    ),
    "zoo compare bert-tiny --evaluate-only tuned=runs/one/finetuned/finetune-bert-tiny-micro-sentiment-s0 "
    "--tasks micro-sentiment": (
        "tests/experiments/test_evaluate_only.py::test_it_stands_beside_what_is_trained_with_a_verdict"
    ),
    "zoo compare --plan plan.json --executor ray --address HEAD:6379 --out runs/one": (
        "tests/experiments/runner/test_ray_cluster.py::test_a_lost_worker_is_replaced_and_the_results_are_those_of_one_process"
    ),
}
"""Commands that need an environment or files of their own, and what runs them (some with a smaller budget)."""

GLUE = {
    "RTE": ("index\tsentence1\tsentence2\tlabel", "{i}\tThe {i} cooks sang. All slept.\tCooks sang.\t{label}"),
    "MRPC": ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "{bit}\t1\t2\tThe {i} cooks sang.\tCooks sang {i} times."),
    "CoLA": ("", "gj04\t{bit}\t\tThe {i} cooks sang."),
}
"""Files of GLUE's layout, for the pages that speak of a folder `glue`."""


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def commands(page: Path) -> list[str]:
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line and not line.startswith("#")]


RUN_HERE = [
    pytest.param(line, id=f"{page.name}: {line}") for page in PAGES for line in commands(page) if line not in ELSEWHERE
]


EXAMPLES = [
    pytest.param(block, id=f"{page.name} {number}")
    for page in PAGES
    if page.name != "writing-a-variant.md"  # tests/registry/test_stranger.py installs and runs that page
    for number, block in enumerate(blocks(page, "python"))
]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages presuppose: a folder `glue`, a text `corpus.txt`, and two runs."""
    for task, (header, row) in GLUE.items():
        folder = tmp_path / "glue" / task
        folder.mkdir(parents=True)
        for split, n in (("train", 40), ("dev", 12)):
            rows = [row.format(i=i, bit=i % 2, label=("entailment", "not_entailment")[i % 2]) for i in range(n)]
            (folder / f"{split}.tsv").write_text("\n".join([header] * bool(header) + rows) + "\n")
    sentences = [f"The {a} {b}." for a in ("cook", "nurse", "judge", "poet") for b in ("slept", "sang", "left")]
    (tmp_path / "corpus.txt").write_text("\n\n".join("\n".join(sentences[i:] + sentences[:i]) for i in range(12)))
    for name, variant in (("here", "bert-tiny"), ("there", "albert-tiny")):
        saved(predicting("wnli", {"test": [0] * 146}, variant, classes=2), tmp_path / "runs" / name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_of_the_pages_works(command: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = shlex.split(command)
    assert program == "zoo", f"{command!r} is run by no test: add it to ELSEWHERE with what runs it"
    monkeypatch.setattr(sys, "argv", ["zoo", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_python_example_of_the_pages_works(example: str, workplace: Path) -> None:
    exec(compile(example, "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_said_to_run_a_command_is_there(command: str) -> None:
    file, _, name = ELSEWHERE[command].partition("::")
    assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).exists()
    assert command in {line for page in PAGES for line in commands(page)}


def test_all_that_a_plugin_can_offer_is_in_the_page_on_plugins() -> None:
    page = (ROOT / "docs" / "writing-a-variant.md").read_text()
    assert all(f"| `{name}` |" in page for name in Offers.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
