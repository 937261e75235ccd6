"""The command line: commands in groups, and how errors end it."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import metadata
from platform import python_version
from typing import Annotated, Any

import typer
from rich.console import Console

from zoo.commands.ablate import ablate
from zoo.commands.audit import audit
from zoo.commands.compare import compare
from zoo.commands.convert import convert
from zoo.commands.inference import encode, fill, predict
from zoo.commands.listing import list_, plugins
from zoo.commands.merge import merge
from zoo.commands.pretrain import corpus_, pretrain
from zoo.commands.report import glue_submission, report, verify
from zoo.commands.score import score
from zoo.commands.showing import show
from zoo.commands.streams import prepared, results
from zoo.commands.tasks import check
from zoo.core.errors import N_NEAR, ZooError, nearest_few

app = typer.Typer(
    help="Define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it.",
    epilog="`zoo COMMAND --help` lists a command's options, with defaults and examples.",
    pretty_exceptions_enable=False,
)

LOOK, TRAIN, RESULTS, USE = "Look around", "Train and compare", "Results of a run", "Use a model"
COMMANDS: dict[str, dict[str, Callable[..., Any]]] = {
    LOOK: {"list": list_, "show": show, "audit": audit, "plugins": plugins},
    TRAIN: {"compare": compare, "ablate": ablate, "pretrain": pretrain, "corpus": corpus_},
    RESULTS: {"report": report, "verify": verify, "merge": merge, "glue-submission": glue_submission},
    USE: {"encode": encode, "fill": fill, "predict": predict, "score": score, "convert": convert},
}
GROUPS: dict[str, tuple[str, str, dict[str, Callable[..., Any]]]] = {
    "task": (LOOK, "Look at the data of a task.", {"check": check}),
}
"""Commands of two words: by the first one, the panel, its help, and by the second one what it does."""

FIRST_STEPS = """
[bold]What to type first[/bold]
  zoo list                         the available variants
  zoo show bert-tiny albert-tiny   how two of them differ
  zoo audit albert-base-v2         where its parameters are
  zoo compare                      the three tiny encoders, from scratch: minutes on two cores
  zoo compare --dry-run            only an estimate of the time it takes
"""

# By its version, Typer brings a copy of click or needs the installed one; this is the base of its usage errors.
_UsageError: type[Any] = typer.BadParameter.__mro__[2]


MISTAKES = (errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EACCES, errno.EPERM)
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
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; accepted anywhere.")] = False,
) -> None:
    """Define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it."""
    if version:
        print(f"zoo {metadata.version('encoder-zoo')}, Python {python_version()}, torch {metadata.version('torch')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        Console().print(FIRST_STEPS, highlight=False)


def _keeping(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that says what is kept when Ctrl-C stops it."""

    @wraps(command)
    def called(**given: Any) -> Any:
        try:
            return command(**given)
        except KeyboardInterrupt as stop:
            stopped = Interrupted(str(stop) or "nothing was written")
            stopped.exit_code = 128 + getattr(stop, "signal", signal.SIGINT)
            raise stopped from None

    return called


def _usage(error: Any) -> str:
    """The error in a command line; for an unknown option, the nearest one and where all are listed."""
    unknown = getattr(error, "option_name", None)
    if unknown is None or getattr(error, "possibilities", None) is None:
        return str(error.format_message())
    known = [name for parameter in error.ctx.command.params for name in parameter.opts if name.startswith("--")]
    near = [name for name in known if unknown.strip("-") in name] or nearest_few(unknown, known, N_NEAR)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no such option: {unknown}; {hint}{error.ctx.command_path} --help lists them"


def _help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


for _panel, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_keeping(_command))

for _name, (_panel, _help, _commands) in GROUPS.items():
    _group = typer.Typer(help=_help, invoke_without_command=True)
    _group.callback()(_help_if_alone)
    for _second, _command in _commands.items():
        _group.command(_second)(_keeping(_command))
    app.add_typer(_group, name=_name, rich_help_panel=_panel)


def main() -> None:
    """Run the command line: a user's mistake ends with one line and status 2, a failed run with 1."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    with prepared(answer_alone="--json" in arguments):
        status = _run(arguments, debug="--debug" in sys.argv)
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
