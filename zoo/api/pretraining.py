"""Pre-training of one variant, and statistics of a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from zoo.api.outcomes import CorpusCounts, Pretrained
from zoo.api.signature import takes
from zoo.core.errors import Stopped, ZooError
from zoo.core.user_cache import cache_folder
from zoo.pretraining.request import CorpusRequest, PretrainRequest, requested
from zoo.registry.catalog import Catalog


@takes(PretrainRequest)
def pretrain(
    variant: str,
    *,
    progress: bool = False,
    catalog: Catalog | None = None,
    command: str | None = None,
    **options: Any,
) -> Pretrained:
    """Pre-train a variant on text, or continue from the model in a folder; as `zoo pretrain`.

    `corpus` and `out` must be given. `command` is recorded as the command line. Raises ZooError if the run cannot
    start, RunFailed if it cannot finish, and KeyboardInterrupt if it is stopped, after a checkpoint.
    """
    from zoo.machine.failures import failures_told
    from zoo.pretraining.display import Display
    from zoo.pretraining.log import tensorboard_writer
    from zoo.pretraining.run import pretrain as carry_out
    from zoo.train.distributed import init_distributed

    asked, catalog = PretrainRequest.of(options), catalog or Catalog.installed()
    if asked.tensorboard:
        tensorboard_writer()
    run = requested(catalog, variant, asked, command)
    with failures_told("give more --gradient-accumulation-steps"), init_distributed(run.compute) as distributed:
        how = run.steps_in(distributed)
        with Display(Console(stderr=True, quiet=not (progress and distributed.is_main_process))) as display:
            done = carry_out(catalog, run.spec, run.text, run.options, how, display, run.changes)
        distributed.barrier()
    if isinstance(done, int):
        raise Stopped(f"a checkpoint is in {asked.out}; the same command continues", done)
    return Pretrained(asked.out, done.summary, distributed.is_main_process)


@takes(CorpusRequest)
def corpus(*files: str | Path, catalog: Catalog | None = None, **options: Any) -> CorpusCounts:
    """Count a corpus's documents, sentences, tokens and unknown tokens, and cache the tokens; as `zoo corpus`.

    The tokenizer is the variant's: trained on the text, or loaded from `tokenizer`.
    """
    from zoo.pretraining.preparation import share_read
    from zoo.pretraining.setup import train_tokenizer
    from zoo.text.cache import cached_corpus, hash_files
    from zoo.text.documents import read_documents, text_files

    asked, catalog = CorpusRequest.of(options), catalog or Catalog.installed()
    variant = catalog.variant("+".join([asked.variant, *asked.set]))
    paths = text_files([Path(file) for file in files])
    if asked.tokenizer:
        tokenizer_class, how = catalog.tokenizer(variant)
        tokenizer = tokenizer_class.load(asked.tokenizer, **how)
    else:
        tokenizer = train_tokenizer(catalog, variant, read_documents(paths))
    cache = asked.cache or cache_folder("corpora")
    tokens, facts = cached_corpus(cache, hash_files(paths), read_documents(paths), tokenizer)
    try:
        share, complaint = share_read(catalog, variant, tokens, tokenizer), ""
    except ZooError as error:
        share, complaint = None, str(error)
    return CorpusCounts(len(paths), facts, tokenizer.vocab_size, variant, share, complaint)
