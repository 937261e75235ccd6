"""The command line, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo import Catalog
from zoo.cli import COMMANDS, SUMMARIES, main
from zoo.cli import command as typed_command

Zoo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Zoo:
    """Type a command; get its status, what it printed, and what it printed to standard error."""

    def type_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zoo", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return type_


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "list parts",
        "list tasks",
        "list all",
        "list corpora",
        "show bert-tiny",
        "show bert-tiny albert-tiny",
        "plugins",
        "audit bert-large-uncased --no-module",
    ],
)
def test_listing_imports_neither_torch_nor_numpy(command: str) -> None:
    code = (
        f"import sys; sys.argv = ['zoo', *{command.split()!r}]\n"
        "from zoo.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print([name for name in ('torch', 'numpy', 'scipy', 'sklearn', 'tokenizers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_every_variant_part_and_task_is_listed(zoo: Zoo) -> None:
    catalog = Catalog.installed()
    for what, names in (
        ("variants", catalog.variants),
        ("parts", [name for table in catalog.parts.values() for name in table]),
        ("tasks", catalog.tasks),
    ):
        status, out, _ = zoo("list", what, "--json")
        assert status == 0
        assert sorted(row["name"] for row in json.loads(out)) == sorted(names)
        status, out, _ = zoo("list", what)
        assert all(name in out for name in names)


def test_synthetic_tasks_are_called_so(zoo: Zoo) -> None:
    rows = json.loads(zoo("list", "tasks", "--json")[1])
    assert {row["name"].startswith("micro-") for row in rows if "synthetic" in row["suite"]} == {True}


def test_a_record_is_shown_whole(zoo: Zoo) -> None:
    _, out, _ = zoo("show", "albert-base-v2", "--json")
    assert json.loads(out) == Catalog.installed().variants["albert-base-v2"].model_dump(mode="json")


def test_a_difference_is_shown_field_by_field(zoo: Zoo) -> None:
    _, out, _ = zoo("show", "bert-tiny", "bert-tiny+encoder=albert.shared", "--json")
    assert json.loads(out) == [
        {"field": "encoder", "bert-tiny": "bert.stack", "bert-tiny+encoder=albert.shared": "albert.shared"}
    ]


def test_plugins_tell_what_they_register(zoo: Zoo) -> None:
    rows = {row["plugin"]: row for row in json.loads(zoo("plugins", "--json")[1])}
    assert rows["roberta"]["distribution"] == "encoder-zoo-roberta"
    assert "roberta.bytes" in rows["roberta"]["registers"]["tokenizer"]
    assert rows["roberta"]["failed"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "no such command 'lst'"),
        (["list", "variant"], "'variant' is not a kind of name to list; did you mean 'variants'?"),
        (["list", "--jso"], "--json"),
        (["show", "brt-tiny"], "'brt-tiny' is not a variant, part, task or other name; did you mean 'bert-tiny'?"),
        (["show", "bert-tiny+dims.n_layer=3"], "did you mean 'n_layers'?"),
        (["compare", "brt-tiny"], "did you mean 'bert-tiny'?"),
        (["ablate", "bert-tiny"], "give both, or --preset NAME"),
        (["ablate", "bert-tiny", "bert-tiny"], "do not differ"),
        (
            ["ablate", "bert-tiny", "roberta-tiny", "albert-tiny"],
            "differ in 5 choices: objective (objectives, objectives.bert.nsp.pair); masking",
        ),
        (["ablate", "bert-tiny", "albert-tiny", "bert-mini", "--via", "roberta-tiny"], "use --via with two"),
        (["ablate", "--preset", "bert-table-77"], "did you mean 'bert-table-"),
        (["ablate", "--preset", "bert-table-5", "bert-tiny"], "either --preset or variants"),
        (["ablate", "--preset", "bert-table-5", "--size", "big"], "'big' is not a size"),
        (["ablate", "bert-tiny", "albert-tiny", "--size", "mini"], "--size is a preset's"),
        (["ablate", "bert-tiny", "bert-mini"], "give both the same with --pretrain-tokens N"),
        (["compare", "--tune", "brt"], "'brt' is not a grid; did you mean 'bert'?"),
        (["compare", "--tune", "bert", "--finetune-steps", "3"], "both set the length; remove one"),
        (["compare", "--tune", "albert"], "is not a task (in the settings of albert)"),
        (["compare", "--tasks", "ret"], "'ret' is not a task; did you mean 'rte'?"),
        (["compare", "--tasks", ","], "give at least one task"),
        (["compare", "--seeds", "0"], "'--seeds'"),
        (["export", "m", "e", "--precision", "int4"], "'--precision': 'int4' is not one of"),
        (["compare", "--pretrain-tokens", "many"], "'--pretrain-tokens'"),
        (["compare", "bert-tiny+dims.n_heads=3"], "dims.n_heads=3 does not divide dims.hidden_width=128"),
        (["compare", "--tasks", "rte"], "--data"),
        (["compare", "--tasks", "rte", "--data", "nowhere"], "nowhere"),
        (["compare", "--tasks", "micro-sentiment", "--corpus", "nowhere.txt"], "nowhere.txt"),
        (
            ["compare", "bert-base-uncased", "--tasks", "micro-sentiment"],
            "set the number with --pretrain-tokens N",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_status_two(
    zoo: Zoo, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = zoo(*arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", ["encode LONG --text a --out b", "fill LONG a", "convert LONG a", "compare --plan LONG"]
)
def test_a_path_with_too_long_a_name_is_a_mistake_too(zoo: Zoo, arguments: str) -> None:
    long = "x" * 300
    status, _, err = zoo(*arguments.replace("LONG", long).split())
    assert status == 2
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "File name too long" in err


def test_ctrl_c_is_said_in_one_line(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.commands.listing.open_catalog", interrupted)
    assert zoo("list") == (130, "", "stopped: nothing was written\n")


def test_debug_shows_where_an_error_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo import UnknownName

    monkeypatch.setattr(sys, "argv", ["zoo", "show", "brt-tiny", "--debug"])
    with pytest.raises(UnknownName):
        main()


def test_names_with_markup_are_printed_as_they_are(zoo: Zoo) -> None:
    status, _, err = zoo("show", "[red]bert-tiny[/red]")
    assert status == 2
    assert "[red]bert-tiny[/red]" in err


def test_a_bare_zoo_says_what_to_type_first(zoo: Zoo) -> None:
    status, out, err = zoo()
    assert (status, err) == (0, "")
    assert "What to type first" in out and "Train and compare" in out and "zoo compare --dry-run" in out


def test_the_version_is_printed(zoo: Zoo) -> None:
    assert zoo("--version")[:2] == (0, zoo("--version")[1]) and zoo("--version")[1].startswith("zoo ")


def options_of(command: str) -> set[str]:
    params = typed_command(command).params
    return {name for parameter in params for name in parameter.opts if name.startswith("--")}


def test_a_list_of_commands_says_of_each_what_its_own_help_begins_with() -> None:
    names = [name for commands in COMMANDS.values() for name in commands]
    assert {*names} == {*SUMMARIES} and len(names) == len(SUMMARIES)
    for name in names:
        assert " ".join(typed_command(name).help.split()).startswith(SUMMARIES[name]), name


@pytest.mark.parametrize("words", [(), ("show",), ("task",), ("task", "check")])
def test_help_is_asked_for_in_short_too(words: tuple[str, ...], zoo: Zoo) -> None:
    status, shown, _ = zoo(*words, "-h")
    assert status == 0 and "Usage: " in shown and shown == zoo(*words, "--help")[1]


def test_ablate_has_every_option_of_compare_but_those_of_its_variants() -> None:
    assert options_of("ablate") - options_of("compare") == {"--via", "--preset", "--size", "--list", "--edges"}
    assert options_of("compare") - options_of("ablate") == {"--suite", "--equal", "--evaluate-only"}


def test_a_command_has_the_options_of_its_function_in_python() -> None:
    import inspect

    import zoo

    for name in ("compare", "ablate", "pretrain", "audit"):
        parameters = inspect.signature(getattr(zoo, name)).parameters.values()
        own = {"progress", "catalog", "command"}
        options = {
            f"--{p.name.replace('_', '-')}" for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in own
        }
        assert options <= options_of(name), name


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("zoo show bert-t", "bert-tiny"),
        ("zoo compare roberta-", "roberta-tiny"),
        ("zoo compare --tasks rte,mr", "rte,mrpc"),
        ("zoo compare --tune alb", "albert"),
        ("zoo ablate --preset bert-table-", "bert-table-5"),
        ("zoo compare --precision b", "bf16"),
    ],
)
def test_a_shell_completes_names_without_torch(words: str, offered: str) -> None:
    code = "import sys; from zoo.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    place = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = 'zoo'\n{code}"], env={**os.environ, **place},
        capture_output=True, text=True,
    )  # fmt: skip
    assert offered in done.stdout.split() and done.stderr == ""


@pytest.mark.parametrize("option", ["--token", "--verbos"])
def test_an_unknown_option_is_answered_with_the_nearest(zoo: Zoo, option: str) -> None:
    status, _, err = zoo("compare", option, "3")
    assert status == 2 and err.startswith(f"error: no such option: {option}; ") and "zoo compare --help" in err
    assert option != "--token" or "--pretrain-tokens" in err


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("encode folder lines.txt", "encode needs --text, a file with one text per line; "),
        ("export folder", "export needs OUT, the folder to write; "),
    ],
)
def test_what_is_missing_is_told_with_what_it_is(zoo: Zoo, words: str, needed: str) -> None:
    status, _, err = zoo(*words.split())
    assert status == 2 and needed in err and err.count("\n") == 1 and "--help has an example" in err


def test_an_argument_given_as_an_option_is_answered_with_the_usage(zoo: Zoo) -> None:
    status, _, err = zoo("export", "folder", "--out", "program")
    assert status == 2 and "--out is an argument here, without dashes: " in err
    assert err.endswith("zoo export SOURCE OUT\n")
