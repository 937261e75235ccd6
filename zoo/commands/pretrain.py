"""`zoo pretrain` and `zoo corpus`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, Strict, ending, open_catalog, print_json, quoted, show_table
from zoo.commands.options import takes
from zoo.pretraining.request import CorpusRequest, PretrainRequest


@takes(PretrainRequest)
def pretrain(
    variant: Annotated[
        str,
        typer.Argument(
            help="A variant, an expression, or a model folder to continue from.",
            autocompletion=COMPLETIONS["variants"],
        ),
    ],
    more: Annotated[
        list[Path] | None,
        typer.Argument(help="More text files, so that --corpus *.txt works."),
    ] = None,
    *,
    options: PretrainRequest,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Pre-train a variant on text. The same command resumes a run that was stopped.

    Given a model folder, continue from its weights, with its tokenizer.

    Example: zoo pretrain bert-tiny --corpus wiki.txt --tokens 10M --out runs/bert-tiny
    """
    import zoo
    from zoo.pretraining.display import score_table

    given = options.given | {"corpus": [*options.corpus, *(more or [])]}
    command = shlex.join(["zoo", *sys.argv[1:]])
    done = zoo.pretrain(variant, progress=True, catalog=open_catalog(strict), command=command, **given)
    if not done.is_main:
        return 0
    done.draw()
    if as_json:
        print_json(done.summary.model_dump_json(indent=1))
    else:
        show_table(score_table(done.summary.held_out))
        print(f"{done.summary.tokens:,} tokens in {done.summary.steps:,} steps")
    model = done.model_folder
    ending({"run folder": done.folder, "model": model}, f"zoo compare {quoted(model)} bert-tiny")
    return 0


@takes(CorpusRequest)
def corpus_(
    files: Annotated[list[Path], typer.Argument(help="Text files, folders or patterns.")],
    *,
    options: CorpusRequest,
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Count a corpus's documents, sentences, tokens and unknown tokens, and cache the tokens for `zoo pretrain`.

    Also show the share of the tokens that one epoch reads, given the variant's packing and sequence length.

    Example: zoo corpus wiki.txt --variant roberta-tiny
    """
    import zoo

    counts = zoo.corpus(*files, catalog=open_catalog(strict), **options.given)
    if as_json:
        print_json(counts.as_json())
        return
    print(counts)
    ending({}, f"zoo pretrain {options.variant} --corpus {shlex.join(map(str, files))} --out runs/mine")
