"""`zoo pretrain` and `zoo corpus`: what they are asked; what they do is imported when it is."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from zoo.commands.console import Device, Precision, print_json
from zoo.core.errors import ZooError
from zoo.core.specs import Variant, diff
from zoo.registry.catalog import Catalog

if TYPE_CHECKING:
    from zoo.pretraining.outcome import Summary

CHECKPOINTS = 20
EVALUATIONS = 10
"""How many a run makes unless told otherwise; checkpoints at least every thousand steps."""

Corpus = Annotated[list[Path], typer.Option(help="Text files, folders or patterns; may be repeated.")]
Cache = Annotated[Path | None, typer.Option(help="Where tokenized corpora are kept; the user's cache folder if none.")]
Given = Annotated[Path | None, typer.Option(help="A folder with a tokenizer; else one is learnt from the corpus.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A field to exchange, as masking.rate=0.3.")]


def pretrain(
    variant: Annotated[str, typer.Argument(help="A variant or expression; or a folder, to go on from its weights.")],
    corpus: Corpus,
    out: Annotated[Path, typer.Option(help="The run folder.")],
    more: Annotated[list[Path] | None, typer.Argument(help="More text, as a shell makes of --corpus *.txt.")] = None,
    tokens: Annotated[int | None, typer.Option(min=64, help="Tokens to train on; the recipe is scaled.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps to train for.")] = None,
    batch_tokens: Annotated[int | None, typer.Option(min=8, help="Tokens of a batch, over all processes.")] = None,
    tokenizer: Given = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Take a folder's record alone, not its weights and tokenizer.")
    ] = False,
    fields: Settings = None,
    precision: Annotated[Precision, typer.Option(help="What passes compute in.")] = Precision.fp32,
    device: Device = None,
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="Threads of each process.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is random.")] = 0,
    held_out: Annotated[float, typer.Option(min=0.0, max=0.5, help="The share of documents to evaluate on.")] = 0.02,
    gradient_accumulation_steps: Annotated[
        int, typer.Option(min=1, help="Micro-batches that a process divides its share of a batch into.")
    ] = 1,
    shard: Annotated[bool, typer.Option("--shard", help="Divide the optimizer's state among processes.")] = False,
    checkpoint_every: Annotated[int | None, typer.Option(min=1, help="Steps between two checkpoints.")] = None,
    keep: Annotated[int, typer.Option(min=1, max=1_000, help="Checkpoints to keep.")] = 2,
    evaluate_every: Annotated[int | None, typer.Option(min=1, help="Steps between two evaluations.")] = None,
    log_every: Annotated[int, typer.Option(min=1, help="Steps between two lines of the log.")] = 1,
    cache: Cache = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write events for TensorBoard.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run was stopped, if it was.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first plugin that fails.")] = False,
) -> int:
    """Pre-train one variant on text, followed live; stop it as you like, and go on with --resume.

    A folder with a model is trained further, from its weights and with its tokenizer.
    """
    from zoo.machine.compute import Compute, chosen_device
    from zoo.pretraining.settings import PretrainOptions, scaled

    catalog = Catalog.installed(strict=strict)
    asked = catalog.variant("+".join([variant, *(fields or [])]))
    start = None if from_scratch else catalog.folder(variant)
    if tokens is not None and steps is not None:
        raise ZooError("--tokens and --steps both give the budget; give one of them")
    meant = scaled(asked, tokens, steps, batch_tokens)
    catalog.check(meant)
    n_steps = meant.pretraining.steps
    options = PretrainOptions(
        out=str(out),
        cache=str(cache or cache_folder()),
        tokenizer=str(tokenizer) if tokenizer else None,
        initial_weights=str(start) if start else None,
        sharded=shard,
        checkpoint_every=checkpoint_every or min(1_000, max(1, n_steps // CHECKPOINTS)),
        evaluate_every=evaluate_every or max(1, n_steps // EVALUATIONS),
        log_every=log_every,
        keep=keep,
        tensorboard=tensorboard,
        resume=resume,
        command=shlex.join(["zoo", *sys.argv[1:]]),
    )
    from zoo.core.seeds import seed_of
    from zoo.pretraining.display import Display
    from zoo.pretraining.log import tensorboard_writer
    from zoo.pretraining.preparation import identify
    from zoo.pretraining.run import pretrain as run
    from zoo.pretraining.source import text_of_files
    from zoo.train.distributed import init_distributed
    from zoo.train.step import StepConfig

    if tensorboard:
        tensorboard_writer()
    compute = Compute(device=chosen_device(device), precision=precision.value, threads=threads)
    text = text_of_files([*corpus, *(more or [])])
    spec = identify(catalog, meant, text, options, seed=seed, held_out=held_out, precision=compute.precision)
    with init_distributed(compute) as distributed:
        how = StepConfig(compute, distributed, gradient_accumulation_steps, seed=seed_of("steps", seed))
        with Display(Console(stderr=True, quiet=not distributed.is_main_process)) as display:
            done = run(catalog, spec, text, options, how, display, _changes(asked, meant))
        distributed.barrier()
    if isinstance(done, int):
        return 128 + done
    if distributed.is_main_process:
        _report(done.summary, out, as_json)
    return 0


def corpus_(
    files: Annotated[list[Path], typer.Argument(help="Text files, folders or patterns.")],
    variant: Annotated[str, typer.Option(help="Whose tokenizer to learn from the text, or to load.")] = "bert-tiny",
    tokenizer: Given = None,
    fields: Settings = None,
    cache: Cache = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Count a corpus's documents, sentences, tokens and unknown pieces, and keep it tokenized for `zoo pretrain`.

    Also show the share of the tokens that an epoch reads, as the variant packs them at its sequence length.
    """
    from zoo.pretraining.preparation import share_read
    from zoo.pretraining.setup import train_tokenizer
    from zoo.text.cache import cached_corpus, hash_files
    from zoo.text.documents import read_documents, text_files

    catalog = Catalog.installed()
    meant = catalog.variant("+".join([variant, *(fields or [])]))
    paths = text_files(files)
    if tokenizer:
        tokenizer_class, options = catalog.tokenizer(meant)
        made = tokenizer_class.load(tokenizer, **options)
    else:
        made = train_tokenizer(catalog, meant, read_documents(paths))
    corpus, facts = cached_corpus(cache or cache_folder(), hash_files(paths), read_documents(paths), made)
    share, length = facts.unknown / facts.tokens, meant.pretraining.sequence_length
    try:
        read, complaint = share_read(catalog, meant, corpus, made), ""
    except ZooError as error:
        read, complaint = None, str(error)
    if as_json:
        told = {"vocab_size": made.vocab_size, "unknown_share": share, "sequence_length": length, "share_read": read}
        print_json({**facts.model_dump(), **told})
        return 0
    print(
        f"{len(paths):,} files, {facts.documents:,} documents, {facts.sentences:,} sentences, {facts.tokens:,} "
        f"tokens of {made.vocab_size:,} pieces, {100 * share:.3f}% of them unknown"
    )
    packed = f"{meant.packing.name} in sequences of {length} tokens"
    print(f"{packed}: {complaint}" if read is None else f"{packed}: an epoch reads {read:.1%} of the text")
    return 0


def cache_folder() -> Path:
    """Where tokenized corpora are kept unless another place is given."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "encoder-zoo" / "corpora"


def _report(summary: Summary, folder: Path, as_json: bool) -> None:
    """Print what came of it, and draw its curve where matplotlib is installed."""
    from zoo.pretraining.curves import draw
    from zoo.pretraining.display import score_table

    try:
        draw([folder], [folder / "curve.svg", folder / "curve.png"], [summary.variant.name])
    except ZooError as error:
        print(f"no curve was drawn: {error}", file=sys.stderr)
    if as_json:
        print_json(summary.model_dump_json(indent=1))
        return
    Console().print(score_table(summary.held_out))
    print(f"{summary.tokens:,} tokens in {summary.steps:,} steps; model: {folder / 'model'}, run folder: {folder}")


def _changes(asked: Variant, meant: Variant) -> list[str]:
    """What the budget changed in the recipe, a line each."""
    return [f"{field}: {before} -> {after}" for field, (before, after) in diff(asked, meant).items()]
