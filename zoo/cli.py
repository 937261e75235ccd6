"""The command line: commands in groups, and how errors end it."""

from __future__ import annotations

import errno
import gc
import re
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pkgutil import resolve_name
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from zoo.commands.streams import prepared, results
from zoo.core.errors import N_NEAR, ZooError, nearest_few

LOOK, TRAIN, RESULTS, USE = "Look around", "Train and compare", "Results of a run", "Use a model"
EXTEND = "Write a plugin"
COMMANDS: dict[str, dict[str, str]] = {
    LOOK: {
        "list": "zoo.commands.listing:list_",
        "show": "zoo.commands.showing:show",
        "audit": "zoo.commands.audit:audit",
        "plugins": "zoo.commands.listing:plugins",
        "data": "zoo.commands.data:data",
    },
    TRAIN: {
        "compare": "zoo.commands.compare:compare",
        "ablate": "zoo.commands.ablate:ablate",
        "pretrain": "zoo.commands.pretrain:pretrain",
        "corpus": "zoo.commands.pretrain:corpus_",
    },
    RESULTS: {
        "report": "zoo.commands.report:report",
        "verify": "zoo.commands.report:verify",
        "judge": "zoo.commands.judge:judge",
        "board": "zoo.commands.board:board",
        "merge": "zoo.commands.merge:merge",
        "glue-submission": "zoo.commands.report:glue_submission",
        "superglue-submission": "zoo.commands.report:superglue_submission",
    },
    USE: {
        "encode": "zoo.commands.inference:encode",
        "fill": "zoo.commands.inference:fill",
        "predict": "zoo.commands.inference:predict",
        "probe": "zoo.commands.probe:probe",
        "score": "zoo.commands.score:score",
        "convert": "zoo.commands.convert:convert",
        "export": "zoo.commands.export:export",
    },
    EXTEND: {
        "new": "zoo.commands.plugin:new",
        "check": "zoo.commands.plugin:check",
    },
}
"""The functions by name, imported when they are typed: no command waits for another's libraries."""

GROUPS: dict[str, tuple[str, str, dict[str, str]]] = {
    "task": (LOOK, "Look at the data of a task.", {"check": "zoo.commands.tasks:check"}),
}
"""Commands of two words: by the first one, the panel, its help, and by the second one what it does."""

SUMMARIES = {
    "list": "List variants, parts, tasks, formats and everything else that has a name.",
    "show": "Show what a name refers to, or the fields in which two variants differ.",
    "audit": "Count parameters by formula, in the built module, in checkpoints and as published, and explain "
    "differences.",
    "data": (
        "Download the data of a suite of tasks from the Hugging Face Hub, check them, and print their "
        "source and license."
    ),
    "plugins": "List the installed plugins, what each registers, and what failed.",
    "compare": "Pre-train variants on the same text, fine-tune them on the same tasks, and test which "
    "differences are significant.",
    "ablate": "Change one variant into another, one design choice at a time, and report the effect of each choice.",
    "pretrain": "Pre-train a variant on text. The same command resumes a run that was stopped.",
    "corpus": (
        "Count a corpus's documents, sentences, tokens and unknown tokens, and cache the tokens for `zoo pretrain`."
    ),
    "report": "Report on a run, from its saved results.",
    "verify": "Check a run's published numbers: confirmed, contradicted (status 1) or not decidable.",
    "judge": "Compare systems by their predictions, made with any tool, with the tests and verdicts of `zoo compare`.",
    "board": "Write a leaderboard page from the folders of many runs; status 1 if a folder is left out.",
    "merge": "Merge runs of the same tasks into one, such as those of several machines, and report on it.",
    "glue-submission": "Write a submission to GLUE's leaderboard, or check one (status 1 if something is wrong).",
    "superglue-submission": "Write a submission to SuperGLUE's leaderboard, without ReCoRD.",
    "encode": "Write one vector per line of a text file.",
    "fill": "Print the most probable tokens for each mask in a text.",
    "predict": ("Print the predictions of a model's task head for each line of a file; with --task, score them too."),
    "probe": "Score each layer of a frozen encoder by a linear head that is trained on it.",
    "score": (
        "Score minimal pairs, texts, or candidates for a gap with pre-trained language models, without training."
    ),
    "convert": "Convert a model folder to the Hugging Face format, or to zoo's own.",
    "new": "Create the package of a new plugin, ready to be installed, tested and compared.",
    "check": "Check everything that a plugin offers, with advice for each failure (status 1).",
    "export": "Export a model as an ONNX program, checked against the model, or as a sentence-transformers folder.",
}
"""The first sentence of each function, for a list of all of them."""


HELP = {"help_option_names": ["--help", "-h"]}
"""How help is asked for."""


class Commands(TyperGroup):
    """The commands, of which only the one that is typed is imported."""

    def resolve_command(self, context: Any, words: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that is typed, with its options."""
        name, listed, rest = super().resolve_command(context, words)
        return name, listed and command(str(name)), rest

    def format_commands(self, context: Any, formatter: Any) -> None:
        """The list of commands by panel, in plain text, so that it needs no import of rich."""
        for panel, names in COMMANDS.items():
            with formatter.section(panel):
                groups = {name: help for name, (its, help, _) in GROUPS.items() if its == panel}
                formatter.write_dl([*((name, SUMMARIES[name]) for name in names), *groups.items()])


def command(name: str) -> Any:
    """A command with its options, or a group of commands."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    if name in GROUPS:
        _, help, seconds = GROUPS[name]
        alone.callback(help=help, invoke_without_command=True, context_settings=HELP)(_help_if_alone)
    else:
        seconds = next({name: commands[name]} for commands in COMMANDS.values() if name in commands)
    for second, called in seconds.items():
        alone.command(second, context_settings=HELP)(_keeping(resolve_name(called)))
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    help="Define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it.",
    epilog="`zoo COMMAND --help` lists a command's options, with defaults and examples.",
    pretty_exceptions_enable=False,
    context_settings=HELP,
)

FIRST_STEPS = """
What to type first:
  zoo list                         the available variants
  zoo show bert-tiny albert-tiny   how two of them differ
  zoo audit albert-base-v2         where its parameters are
  zoo compare                      the three tiny encoders, from scratch: minutes on two cores
  zoo compare --dry-run            only an estimate of the time it takes
"""

# By its version, Typer brings a copy of click or needs the installed one; this is the base of its usage errors.
_UsageError: type[Any] = typer.BadParameter.__mro__[2]


MISTAKES = (
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.EACCES,
    errno.EPERM,
)
"""System errors caused by wrong paths; any other one is a failed run."""


INTERRUPTED = 128 + signal.SIGINT
"""The status of a command that Ctrl-C ended."""


class Interrupted(ZooError):
    """Ctrl-C, and what is kept."""

    exit_code = INTERRUPTED


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error; accepted anywhere."),
    ] = False,
) -> None:
    """Define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it."""
    if version:
        from importlib import metadata
        from platform import python_version

        print(f"zoo {metadata.version('encoder-zoo')}, Python {python_version()}, torch {metadata.version('torch')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        print(FIRST_STEPS)


def _keeping(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that says what is kept when Ctrl-C stops it."""

    @wraps(command)
    def called(**given: Any) -> Any:
        gc.enable()
        try:
            return command(**given)
        except KeyboardInterrupt as stop:
            stopped = Interrupted(str(stop) or "nothing was written")
            stopped.exit_code = 128 + getattr(stop, "signal", signal.SIGINT)
            raise stopped from None

    return called


def _usage(error: Any) -> str:
    """The error in a command line: for an unknown option the nearest one and where all are listed, for a missing one
    what it is.
    """
    if type(error).__name__ == "MissingParameter" and error.param and error.ctx:
        return _missing(error.param, error.ctx.command_path)
    unknown = getattr(error, "option_name", None)
    if unknown is None or getattr(error, "possibilities", None) is None:
        message = str(error.format_message()).replace(": Value error, ", ": ")  # as pydantic, under typer, opens it
        return message[:1].lower() + message[1:]
    command = error.ctx.command_path
    if unknown.strip("-") in (words := [p.name for p in error.ctx.command.params if p.param_type_name == "argument"]):
        return f"{unknown} is an argument here, without dashes: {command} {' '.join(words).upper()}"
    known = [name for parameter in error.ctx.command.params for name in parameter.opts if name.startswith("--")]
    near = [name for name in known if unknown.strip("-") in name] or nearest_few(unknown, known, N_NEAR)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no such option: {unknown}; {hint}{command} --help lists them"


def _missing(parameter: Any, command: str) -> str:
    named = parameter.name.upper() if parameter.param_type_name == "argument" else parameter.opts[-1]
    meaning = re.split(r"[.;] |\.$", parameter.help or "", maxsplit=1)[0]
    what = f", {meaning[:1].lower()}{meaning[1:]}" if meaning else ""
    return f"{command} needs {named}{what}; {command} --help has an example"


def _help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


for _name, _help in (*SUMMARIES.items(), *((name, help) for name, (_, help, _) in GROUPS.items())):
    app.command(_name, help=_help)(lambda: None)  # shells show the help when they complete the name


def main() -> None:
    """Run the command line: a user's mistake ends with one line and status 2, a failed run with 1."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    gc.disable()  # until the command is called: imports leave next to nothing to collect
    try:
        with prepared(answer_alone="--json" in arguments):
            status = _run(arguments, debug="--debug" in sys.argv)
    finally:
        gc.enable()
    sys.exit(status)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        status = app(arguments, standalone_mode=False)
        results().flush()
    except (ZooError, _UsageError) as error:
        if debug:
            raise
        message = str(error) if isinstance(error, ZooError) else _usage(error)
        word = "stopped" if isinstance(error, Interrupted) else "error"
        print(f"{word}: {' '.join(message.split())}", file=sys.stderr)
        return int(error.exit_code)
    except OSError as error:  # of a path that cannot exist, such as one whose name is too long
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {ZooError(f'{place}{error.strerror or error}')}", file=sys.stderr)
        return 2 if error.errno in MISTAKES else 1
    except (KeyboardInterrupt, typer.Abort):
        print("stopped: nothing was written", file=sys.stderr)
        return INTERRUPTED
    return status if isinstance(status, int) else 0
