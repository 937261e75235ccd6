"""Every command and every Python example of the README, CONTRIBUTING.md and the docs is run."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.documentation.pages import PAGES, PLUGIN_PAGES, ROOT, Command, commands, examples, mentioned
from tests.documentation.workplace import make, type_
from tests.typed import on_any_machine
from zoo.cli import COMMANDS, GROUPS
from zoo.cli import command as typed_command
from zoo.registry.offers import Offers

BUDGETS = {
    r"zoo (compare|ablate) .*--(plan|resume)": "--workers 0",
    r"zoo ablate .*--(edges|list)": "",
    r"zoo compare .*--evaluate-at": "--pretrain-tokens 20k --finetune-steps 2 --seeds 1 --workers 0",
    r"zoo compare --suite": "--pretrain-tokens 2k --finetune-steps 2 --dry-run --save-plan families.json",
    r"zoo compare .*--until-decided": "--pretrain-tokens 2k --finetune-steps 2 --max-seeds 3 --workers 0",
    r"zoo (compare|ablate) .*--tasks": "--pretrain-tokens 2k --finetune-steps 2 --seeds 2 --workers 0",
    r"zoo (compare|ablate)": "--pretrain-tokens 2k --finetune-steps 2 --seeds 2 --workers 0 --tasks rte --data glue",
    r"zoo pretrain .*--tokens": "--tokens 2k",
    r"zoo pretrain": "--steps 2",
    r"zoo verify .*--seeds": "--seeds 2",
    r"zoo score .*micro-pairs": "--limit 1",
    r"zoo probe .*--pretrain-tokens": "--pretrain-tokens 2k --steps 1 --seeds 1",
    r"zoo probe": "--steps 1 --seeds 1",
    r"python -m benchmarks.common_random_numbers": "--tokens 2000 --steps 2 --seeds 2 --workers 0",
    r"python -m benchmarks.bench_reading": "--items 200",
    r"python -m benchmarks.bench_mlm_step": "--shapes bert-tiny-uncased --rounds 1",
    r"python -m benchmarks.gpu_check": "--tiny --device cpu",
    r"python -m benchmarks.bench_score": "--sizes tiny --pairs 2",
    r"python -m benchmarks.library_models": "--families llama funnel",
    r"python -m benchmarks.parity": "--families Bert --heads Model",
    r"python -m benchmarks.families": "--families DistilBert --configs 1 --texts 32 --passes 1",
}
"""What the test adds to a command, by how the command begins: small budgets, which replace the page's."""

STANDS_FOR = {
    r"^(zoo predict) FOLDER (.*--task rte)": r"\1 rte \2",
    r"^(zoo predict) FOLDER (.*--task mnli)": r"\1 mnli \2",
    r"^(zoo predict) FOLDER": r"\1 classifier",
    r"FAMILY-mini": "bert-mini",
}
"""Which of the workplace's things a word of a page stands for, where it isn't called by that word."""

IN_A_FRESH_ENVIRONMENT = "tests/registry/test_stranger.py::test_the_pages_commands_lead_from_an_empty_folder_to_a_row"
ELSEWHERE = {
    "pip install -r requirements.txt": ".ci/run",
    "pip install -r requirements-dev.txt": ".ci/run",
    "pytest -n 2": ".ci/run",
    'pytest -n 2 -m "not slow"': ".ci/run",
    "pytest tests/tasks": ".ci/run",
    "ruff check .": ".ci/run",
    "ruff format --check .": ".ci/run",
    "mypy": ".ci/run",
    ".ci/run": ".ci/run",
    "zoo compare": "tests/test_main_job.py::test_the_main_job",
    "zoo audit --module --update docs/audit-tables.md": (
        "tests/auditing/test_results.py::test_the_documented_command_leaves_the_results_as_they_are"
    ),
    "zoo new parallel": IN_A_FRESH_ENVIRONMENT,
    "pip install -e zoo-parallel": IN_A_FRESH_ENVIRONMENT,
    "zoo show bert-tiny parallel-tiny": IN_A_FRESH_ENVIRONMENT,
    "zoo check parallel": IN_A_FRESH_ENVIRONMENT,
    "pytest zoo-parallel": IN_A_FRESH_ENVIRONMENT,
    "zoo compare bert-tiny parallel-tiny --tasks parallel-reviews --pretrain-tokens 20k --finetune-steps 20 "
    "--seeds 2": IN_A_FRESH_ENVIRONMENT,
    "torchrun --nproc-per-node 2 -m zoo pretrain bert-tiny --corpus corpus.txt --out runs/two --steps 20": (
        "tests/pretraining/test_team.py::test_two_processes_do_what_one_does_in_two_micro_batches_dropout_and_all"
    ),
    "python -m benchmarks.pair_objectives microworld --out runs/pairs --seeds 3": (
        "tests/pretraining/test_benchmarks.py::test_models_are_asked_for_each_others_task"
    ),
    "python -m benchmarks.wnut_finetune DATA CHECKPOINT --steps 250 --seeds 5": (
        "tests/test_benchmark_suite.py::test_fine_tuning_on_entities_is_scored_here_and_there"
    ),
    "python -m benchmarks.squad_finetune DATA CHECKPOINT --characters 600 --steps 240 --seeds 3": (
        "tests/test_benchmark_suite.py::test_fine_tuning_on_squad_is_scored_here_and_there"
    ),
    "python -m benchmarks.squad_sentences data --out sentences": (
        "tests/test_benchmark_suite.py::test_sentences_of_squad_are_a_task_whose_answers_hold_the_answer"
    ),
    "zoo compare --tasks resume-ner,squad-by-article,sentences/squad-sentences.toml,stsb --data data "
    "--pretrain-tokens 500k --finetune-steps 150,squad-by-article=250 --seeds 3 --keep-probabilities --workers 1": (
        "tests/experiments/test_task_kinds.py::test_verdicts_come_from_drawn_items_of_every_kind"
    ),
    "python -m benchmarks.bench_overhead": "tests/pretraining/test_benchmarks.py::test_a_runs_time_is_told_apart",
    "zoo compare bert-tiny --tasks docs/examples/people/people.toml --pretrain-tokens 60k --finetune-steps 300 "
    "--seeds 1 --keep-finetuned --out runs/people": (
        "tests/tasks/test_chinese_example.py::test_plain_text_is_tagged_as_the_page_shows"
    ),
    "zoo predict runs/people/finetuned/finetune-bert-tiny-people-s0 chinese.txt": (
        "tests/tasks/test_chinese_example.py::test_plain_text_is_tagged_as_the_page_shows"
    ),
    "zoo data glue --out data": ("tests/tasks/test_fetching.py::test_what_is_fetched_is_what_the_data_option_reads"),
    "zoo glue-submission runs/here/submission --check": (
        "tests/experiments/submission/test_submit.py::test_the_command_writes_and_checks"
    ),
    "zoo superglue-submission runs/here": (
        "tests/experiments/submission/test_superglue.py::test_the_command_writes_them"
    ),
    "zoo compare bert-tiny --evaluate-only tuned=runs/one/finetuned/finetune-bert-tiny-micro-acceptability-s0 "
    "--tasks micro-acceptability": (
        "tests/experiments/test_evaluate_only.py::test_it_stands_beside_what_is_trained_with_a_verdict"
    ),
    "zoo compare bert-tiny bert-tiny+finetuning.features=last-four bert-tiny+finetuning.features=mix "
    "--tasks micro-roles": (
        "tests/experiments/test_features.py::test_they_share_the_pretraining_and_say_what_is_trained"
    ),
    "zoo compare bert-tiny roberta-tiny --tasks blimp --data DIR --corpus corpus.txt": (
        "tests/experiments/test_minimal_pairs.py::test_each_pre_trained_model_prefers_what_it_finds_more_probable"
    ),
    "zoo ablate --preset compression --tasks micro-acceptability,micro-reference": (
        "tests/experiments/test_compression.py::test_pruned_variants_share_pretraining_and_the_finetuning_before_them"
    ),
    "zoo compare minilm=MODEL "
    "pruned=MODEL+pruning.ffn=0.25+pruning.heads=0.25+pruning.importance=gradient half=HALF "
    "distilled=HALF+distillation.teacher=minilm int8=MODEL+quantization=int8-dynamic --tasks stsb,sst2 "
    "--data glue --finetune-steps 60 --seeds 3": (
        "tests/experiments/test_distillation.py::test_a_folder_is_pruned_distilled_and_quantized_beside_itself"
    ),
    "zoo compare plain=BASE mixup=BASE+finetuning.mixup=0.4 masked=BASE+finetuning.masked_words=0.1 "
    "deleted=BASE+finetuning.deleted_words=0.1 swapped=BASE+finetuning.swapped_words=0.1 --tasks micro-reference "
    "--seeds 5 --against plain": (
        "tests/experiments/test_techniques.py::test_what_augmentation_changed_is_counted_and_shown"
    ),
    "zoo predict FOLDER BoolQ/test.jsonl --task boolq --out BoolQ.jsonl": (
        "tests/tasks/test_benchmarks.py::test_predictions_are_written_as_the_leaderboard_takes_them"
    ),
    "zoo compare --plan plan.json --executor ray --address HEAD:6379 --out runs/one": (
        "tests/experiments/runner/test_ray_cluster.py::test_a_lost_worker_is_replaced_and_the_results_are_those_of_one_process"
    ),
}
"""Commands that need an environment or files of their own, and what runs them (some with a smaller budget)."""


def here(page: Path) -> list[Command]:
    """The commands of a page that are run here."""
    return [command for command in commands(page) if command.line not in ELSEWHERE]


def typed(command: Command) -> str:
    """The command as the test types it: with names of what there is, and with a small budget."""
    line = command.line.replace("FOLDER", "sentence/model") if command.shown else command.line
    for pattern, thing in STANDS_FOR.items():
        line = re.sub(pattern, thing, line)
    return f"{line} {next((added for start, added in BUDGETS.items() if re.match(start, line)), '')}".strip()


def carry_out(line: str) -> int:
    """Type a command of the zoo or of the benchmarks in this process; its status."""
    line, _, target = line.partition(" > ")
    words = shlex.split(line)
    with open(target, "w") if target else nullcontext() as file, redirect_stdout(file) if file else nullcontext():
        if words[0] == "zoo":
            return type_(*words)
        assert words[:2] == ["python", "-m"], f"{line!r} is run by no test: add it to ELSEWHERE with what runs it"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", words[2:])
            patch.delitem(sys.modules, words[2], raising=False)
            runpy.run_module(words[2], run_name="__main__")
        return 0


def slow_where_it_trains(page: Path) -> ParameterSet:
    trains = any(re.match("zoo (compare|ablate|pretrain|export)|python -m", command.line) for command in here(page))
    return pytest.param(page, id=page.name, marks=[pytest.mark.slow] if trains else [])


@pytest.mark.usefixtures("little_text")
@pytest.mark.parametrize("page", [slow_where_it_trains(page) for page in PAGES if here(page)])
def test_the_commands_of_a_page_work_one_after_the_other(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    lines = {command: typed(command) for command in here(page)}
    make("\n".join(lines.values()), tmp_path)
    for command, line in lines.items():
        capfd.readouterr()
        status = carry_out(line)
        printed = "".join(capfd.readouterr())
        assert bool(status) == any(shown.startswith("error:") for shown in command.shown), f"{line}\n{printed}"
        for shown in command.shown:
            wanted = on_any_machine(shown.replace("FOLDER", "sentence/model"))
            assert wanted in on_any_machine(printed).splitlines(), f"{line}\n{printed}"


@pytest.mark.usefixtures("little_text")
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{page.name} {number}")
        for page in PAGES
        for number, example in enumerate(examples(page))
    ],
)
def test_a_python_example_of_the_pages_works(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(example, tmp_path)
    exec(compile(example, "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_said_to_run_a_command_is_there(command: str) -> None:
    file, _, name = ELSEWHERE[command].partition("::")
    assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).exists()
    assert command in {typed.line for page in PAGES for typed in commands(page)}


MENTIONED = sorted({line for page in PAGES for line in mentioned(page)})


@pytest.mark.parametrize("line", MENTIONED)
def test_a_command_in_a_sentence_has_a_name_and_options_that_exist(line: str) -> None:
    name, *words = line.split()[1:]
    known = any(name in commands for commands in (*COMMANDS.values(), GROUPS))
    assert known or name == "COMMAND"
    options = {option for parameter in typed_command(name).params for option in parameter.opts} if known else set()
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}


OF_PLUGINS = sorted(
    {line for page in PLUGIN_PAGES for line in (*(typed.line for typed in commands(page)), *mentioned(page))}
)


@pytest.mark.parametrize("line", OF_PLUGINS)
def test_a_command_of_a_plugins_page_has_all_that_it_needs(line: str) -> None:
    program, name, *words = shlex.split(line)
    assert program == "zoo"
    typed_command(name).make_context(name, words)


def said_next() -> Iterator[str]:
    """What commands say to type next, with a word in place of each value."""
    for module in (ROOT / "zoo" / "commands").glob("*.py"):
        for call in ast.walk(ast.parse(module.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ending":
                for text in (node for node in ast.walk(call) if isinstance(node, ast.JoinedStr)):
                    parts = (str(part.value) if isinstance(part, ast.Constant) else "models" for part in text.values)
                    yield "".join(parts).replace("zoo models", "zoo compare")


@pytest.mark.parametrize("line", sorted(line for line in {*said_next()} if line.startswith("zoo ")))
def test_what_a_command_says_to_type_next_has_all_that_it_needs(line: str) -> None:
    _, name, *words = shlex.split(line)
    typed_command(name).make_context(name, words)


def test_all_that_a_plugin_can_offer_is_in_the_page_on_plugins() -> None:
    page = (ROOT / "docs" / "writing-a-variant.md").read_text()
    assert all(f"| `{name}` |" in page for name in Offers.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
