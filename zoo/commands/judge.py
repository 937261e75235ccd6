"""`zoo judge`."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from zoo.commands.console import AsJson, ending, print_json, quoted, show, show_answer
from zoo.commands.options import takes
from zoo.experiments.judging.options import JudgeOptions


@takes(JudgeOptions)
def judge(
    systems: Annotated[
        list[str] | None,
        typer.Argument(
            help="NAME=FILES for each system, with one file per seed; patterns may contain *, {task} and "
            "{seed}. Or NAME=SCORES, with one score per seed. [dim](e.g. 'bert=preds/bert-*.jsonl')[/dim]",
            metavar="NAME=FILES...",
        ),
    ] = None,
    *,
    options: JudgeOptions,
    as_json: AsJson = False,
) -> None:
    """Compare systems by their predictions, made with any tool, with the tests and verdicts of `zoo compare`.

    Example: zoo judge 'bert=preds/bert-*.jsonl' 'roberta=preds/roberta-*.jsonl' --gold gold.tsv
    """
    import zoo
    from zoo.api.judging import default_folder

    given = {"out": default_folder(), **options.given}
    judged = zoo.judge(*(systems or ()), command=shlex.join(["zoo", *sys.argv[1:]]), **given)
    if as_json:
        print_json(judged.render("json"))
    else:
        show(judged.document.brief)
        show_answer(judged.document)
    ending(
        {"folder": given["out"], "report": given["out"] / "report.md"},
        f"zoo report {quoted(given['out'])} --format html --out report.html",
        f"zoo verify {quoted(given['out'])}",
    )
