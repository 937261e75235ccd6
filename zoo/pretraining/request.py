"""The options of a pre-training, in Python and on the command line, and the run that they describe."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from zoo.core.diff import diff
from zoo.core.errors import ZooError
from zoo.core.options import MACHINE, Amount, DeviceName, Help, Options, Paths, Texts, Whole
from zoo.core.seeds import seed_of
from zoo.core.specs import TrainingPrecision, Variant
from zoo.core.user_cache import cache_folder
from zoo.machine.compute import Compute, chosen_compute
from zoo.pretraining.settings import PretrainOptions, PretrainSpec, scaled
from zoo.registry.catalog import Catalog

if TYPE_CHECKING:
    from zoo.pretraining.source import TextSource
    from zoo.train.distributed import Distributed
    from zoo.train.step import StepConfig

log = logging.getLogger("zoo")

CHECKPOINTS = 20
EVALUATIONS = 10
"""How many a run makes by default; checkpoints at least every thousand steps."""

TEXT, TRAINING, FOLDER = "Text and tokenizer", "Training", "Run folder"

Corpus = Annotated[Paths, Help("Text files, folders or patterns; may be repeated.", TEXT, "wiki.txt")]
Tokenizer = Annotated[
    Path | None,
    Help("A folder with the tokenizer to use.", TEXT, "runs/mine/model", "a new one, trained on the corpus"),
]
Exchanged = Annotated[
    Texts, Help("Change a field of the variant, as FIELD=VALUE; may be repeated.", TRAINING, "masking.rate=0.3")
]
Cache = Annotated[
    Path | None, Help("The folder of the cache of tokenized corpora.", TEXT, "cache", "~/.cache/encoder-zoo/corpora")
]


class CorpusRequest(Options):
    """The options of `zoo corpus`."""

    variant: Annotated[
        str,
        Help(
            "The variant whose tokenizer is trained on the text, or the model folder whose tokenizer is loaded.",
            TEXT,
            "roberta-tiny",
            completes="variants",
        ),
    ] = "bert-tiny"
    tokenizer: Tokenizer = None
    set: Exchanged = ()
    cache: Cache = None


class PretrainRequest(Options):
    """The options of `zoo pretrain`."""

    corpus: Corpus
    tokenizer: Tokenizer = None
    held_out: Annotated[
        Annotated[float, Field(ge=0.0, le=0.5)], Help("Share of the documents held out for evaluation.", TEXT, "0.05")
    ] = 0.02
    cache: Cache = None
    tokens: Annotated[
        Annotated[Amount, Field(ge=64)] | None,
        Help(
            "Tokens to train on; for small numbers, batch size and learning rate are scaled down.",
            TRAINING,
            "10M",
            "as the variant's record says",
        ),
    ] = None
    steps: Annotated[Amount | None, Help("Training steps, instead of --tokens.", TRAINING, "20k")] = None
    batch_tokens: Annotated[
        Annotated[Amount, Field(ge=8)] | None,
        Help("Tokens per batch, over all processes.", TRAINING, "8192", "as the variant's record says"),
    ] = None
    set: Exchanged = ()
    seed: Annotated[Whole, Help("The random seed.", TRAINING, "7")] = 0
    from_scratch: Annotated[
        bool, Help("Given a model folder, use its configuration only, not its weights and tokenizer.", TRAINING)
    ] = False
    device: DeviceName = None
    precision: Annotated[TrainingPrecision, Help("Number format of training.", MACHINE, "bf16")] = "fp32"
    deterministic: Annotated[bool | None, Help("On a GPU, use only deterministic algorithms.", MACHINE, "", "yes")] = (
        None
    )
    threads: Annotated[
        Annotated[Amount, Field(le=256)] | None, Help("CPU threads per process.", MACHINE, "4", "PyTorch's choice")
    ] = None
    gradient_accumulation_steps: Annotated[Amount, Help("Micro-batches per batch, in each process.", MACHINE, "4")] = 1
    shard: Annotated[bool, Help("Shard the optimizer state across processes.", MACHINE)] = False
    fully_shard: Annotated[bool, Help("Shard weights, gradients and optimizer state across processes.", MACHINE)] = (
        False
    )
    out: Annotated[Path, Help("The run folder.", FOLDER, "runs/mine")]
    checkpoint_every: Annotated[
        Amount | None, Help("Steps between checkpoints.", FOLDER, "500", "20 per run, at most 1000 steps apart")
    ] = None
    keep: Annotated[Annotated[Amount, Field(le=1_000)], Help("Number of checkpoints to keep.", FOLDER, "5")] = 2
    evaluate_every: Annotated[
        Amount | None, Help("Steps between evaluations on held-out text.", FOLDER, "500", "10 per run")
    ] = None
    log_every: Annotated[Amount, Help("Steps between log lines.", FOLDER, "10")] = 1
    tensorboard: Annotated[bool, Help("Write TensorBoard events.", FOLDER)] = False
    resume: Annotated[bool, Help("Continue the run in --out; it is an error if there is none.", FOLDER)] = False


@dataclass(frozen=True)
class RequestedRun:
    """A run, its text, where its files go, how its steps are carried out, and what the budget changed, a line each."""

    spec: PretrainSpec
    text: TextSource
    options: PretrainOptions
    compute: Compute
    gradient_accumulation_steps: int
    changes: list[str]

    def steps_in(self, distributed: Distributed) -> StepConfig:
        """How a process carries out steps."""
        from zoo.train.step import StepConfig

        seed = seed_of("steps", self.spec.seed)
        distributed = replace(distributed, shards_model=self.options.fully_sharded and distributed.size > 1)
        return StepConfig(self.compute, distributed, self.gradient_accumulation_steps, seed)


def requested(catalog: Catalog, name: str, asked: PretrainRequest, command: str | None = None) -> RequestedRun:
    """The run that is asked for.

    Raises ZooError if the budget is given twice, or text, tokenizer or weights to start from are missing.
    """
    from zoo.pretraining.preparation import identify
    from zoo.pretraining.source import text_of_files

    expression = "+".join([name, *asked.set])
    variant = catalog.variant(expression)
    start = None if asked.from_scratch else catalog.folder(name)
    own = catalog.exchanged_fields(expression)
    _refuse_two_budgets(asked, own)
    _warn_of_later(variant, own)
    meant = scaled(variant, asked.tokens, asked.steps, asked.batch_tokens, own)
    catalog.check(meant)
    n_steps, teacher = meant.pretraining.steps, _teacher(catalog, meant, asked)
    options = PretrainOptions(
        out=str(asked.out),
        cache=str(asked.cache or cache_folder("corpora")),
        tokenizer=str(asked.tokenizer) if asked.tokenizer else None,
        initial_weights=str(start) if start else None,
        teacher=teacher,
        sharded=asked.shard,
        fully_sharded=asked.fully_shard,
        checkpoint_every=asked.checkpoint_every or min(1_000, max(1, n_steps // CHECKPOINTS)),
        evaluate_every=asked.evaluate_every or max(1, n_steps // EVALUATIONS),
        log_every=asked.log_every,
        keep=asked.keep,
        tensorboard=asked.tensorboard,
        resume=asked.resume,
        command=command,
    )
    compute = chosen_compute(
        asked.device, asked.precision, asked.threads, deterministic=asked.deterministic is not False
    )
    text = text_of_files(asked.corpus)
    spec = identify(
        catalog, meant, text, options, seed=asked.seed, held_out=asked.held_out, precision=compute.precision
    )
    changes = [f"{field}: {before} -> {after}" for field, (before, after) in diff(variant, meant).items()]
    return RequestedRun(spec, text, options, compute, asked.gradient_accumulation_steps, changes)


def _teacher(catalog: Catalog, variant: Variant, asked: PretrainRequest) -> str | None:
    """The folder of the model that a variant learns from. Raises ZooError if it is none, or cannot teach it."""
    from zoo.pretraining.misfits import misfits, predicts_no_tokens

    record = variant.distillation
    if not record.in_pretraining:
        return None
    folder = catalog.folder(str(record.teacher))
    if folder is None:
        raise ZooError(
            f"distillation.teacher={record.teacher} is not a folder with a trained model; pre-train it first and name "
            "its folder, or have zoo compare do both"
        )
    if asked.fully_shard:
        raise ZooError("a model that learns from a teacher is not divided among processes; leave out --fully-shard")
    if asked.tokenizer:
        raise ZooError(f"the text is read with the tokenizer of {record.teacher}; leave out --tokenizer")
    teacher = catalog.variant(str(record.teacher))
    whys = (predicts_no_tokens(catalog, variant, None), predicts_no_tokens(catalog, teacher, folder))
    for why in filter(None, (*whys, *misfits(catalog, variant, teacher))):
        raise ZooError(f"{variant.name} cannot learn from {teacher.name}: {why}")
    return str(folder)


def _warn_of_later(variant: Variant, own: frozenset[str]) -> None:
    """Log the exchanged fields that describe what only a comparison does, after a pre-training."""
    later = {"adaptation", "pruning", "quantization"}
    if not variant.distillation.in_pretraining:
        later.add("distillation")
    if given := [field for field in sorted(own) if field.partition(".")[0] in later]:
        log.warning(f"{', '.join(given)}: no part of a pre-training; zoo compare does this, when it fine-tunes")


def _refuse_two_budgets(asked: PretrainRequest, own: frozenset[str]) -> None:
    budgets = [f"--{name}" for name in ("tokens", "steps") if name in asked.given]
    budgets += ["pretraining.tokens"] if "pretraining.tokens" in own and budgets else []
    if len(budgets) > 1:
        raise ZooError(f"{' and '.join(budgets)} both set the budget; give only one")
    if asked.batch_tokens and "pretraining.batch_tokens" in own:
        raise ZooError("--batch-tokens and pretraining.batch_tokens both set the batch; give only one")
