"""What a pre-training run is, and how it is to be carried out."""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from zoo.core.diff import diff
from zoo.core.errors import RunFailed, ZooError, explain
from zoo.core.files import locked, make_folder, write_text
from zoo.core.specs import Count, Precision, Record, Share, Variant

FEWEST_STEPS = 250
"""A budget that is scaled down keeps at least so many steps, by smaller batches."""

RUN = "run.json"
CHECKPOINTS = "checkpoints"


class InitialWeights(Record):
    """Trained weights that a run starts from: where they lay, and a SHA-256 of their files."""

    source: str
    content_hash: str


class PretrainSpec(Record):
    """What decides a run's outcome, but for rounding; a folder holds one run, and no other goes on there."""

    variant: Variant
    corpus_hash: str
    tokenizer: str
    """`trained` on the corpus, or the hash of a given one."""
    seed: int
    held_out: Share
    precision: Precision
    initial_weights: InitialWeights | None = None
    """Of weights that are drawn from the seed, nothing."""
    teacher: InitialWeights | None = None
    """The model that it learns from, if any."""


class PretrainOptions(Record):
    """Where a run keeps its files, and how often it writes them; none of it changes the outcome."""

    out: str
    cache: str
    """The folder of tokenized corpora."""
    model: str | None = None
    """The folder of the trained model; `model` in `out` if not given."""
    tokenizer: str | None = None
    """The folder of a tokenizer to use; one is learned from the text if not given."""
    models: dict[int, str] = Field(default={})
    """Folders of the model as it is after some of the steps."""
    stop_after: Count | None = None
    """The step after which to stop, as if it were the last; learning rates are those of the whole run."""
    initial_weights: str | None = None
    """The folder of the model to start from."""
    teacher: str | None = None
    """The folder of the model to learn from, with whose tokenizer the text is read."""
    sharded: bool = False
    """Whether processes divide the optimizer's state."""
    fully_sharded: bool = False
    """Whether they divide weights and gradients, too."""
    checkpoint_every: Count | None = None
    """Steps between checkpoints, the last step included."""
    checkpoint_seconds: float | None = None
    """Seconds between checkpoints."""
    evaluate_every: Count
    log_every: Count = 1
    keep: Annotated[int, Field(ge=1, le=1_000)] = 2
    tensorboard: bool = False
    resume: bool = False
    """Whether there must be a run to continue."""
    measures_peak: bool = True
    """Whether to measure the machine's peak of matrix products, which takes about a second."""
    made_by: str = "zoo pretrain"
    command: str | None = None
    """The command line, to repeat the run with."""


def scaled(
    variant: Variant,
    tokens: int | None,
    steps: int | None,
    batch_tokens: int | None,
    own: Collection[str] = frozenset(),
) -> Variant:
    """The variant with another budget, its recipe otherwise kept.

    A smaller number of tokens that would leave fewer than 250 steps gets smaller batches, down to one sequence, and a
    learning rate smaller by the square root of the same ratio (You et al. 2020, arXiv:1904.00962, section 4.3); but
    fields in `own`, as pretraining.learning_rate, were asked for by themselves and stay as they are.
    """
    recipe = variant.pretraining
    mean_share = recipe.tokens / recipe.steps / recipe.batch_tokens  # below 1 with two lengths
    batch, rate = batch_tokens or recipe.batch_tokens, recipe.learning_rate
    may_shrink = batch_tokens is None and "pretraining.batch_tokens" not in own
    if steps is not None:
        tokens = max(1, round(steps * batch * mean_share))
    elif tokens is not None and may_shrink and tokens < FEWEST_STEPS * batch * mean_share:
        smaller = max(recipe.sequence_length, int(tokens / FEWEST_STEPS / mean_share))
        if smaller < batch:
            if "pretraining.learning_rate" not in own:
                rate *= math.sqrt(smaller / batch)
            batch = smaller
    update = {"tokens": tokens or recipe.tokens, "batch_tokens": batch, "learning_rate": rate}
    return variant.model_copy(update={"pretraining": recipe.model_copy(update=update)})


@contextmanager
def claimed(folder: Path, spec: PretrainSpec, resume: bool) -> Iterator[None]:
    """Make a folder this run's, or see that it already is, as it must be to `resume`; no other process can meanwhile.

    What was made is taken away again where the run is refused, not failed, and left nothing to go on from. Raises
    ZooError where the folder is anything else's.
    """
    if resume and not (folder / RUN).exists():
        raise ZooError(f"there is no run in {folder} to continue; leave out --resume to start one")
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    make_folder(folder)
    with locked(folder, wait=False):
        before = _holds(folder, spec)
        try:
            if not before:
                write_text(folder / RUN, spec.model_dump_json(indent=1))
            yield
        except ZooError as error:
            if not before and not isinstance(error, RunFailed) and not (folder / CHECKPOINTS).exists():
                _empty(folder)
                for place in made:
                    place.rmdir()
            raise


def _holds(folder: Path, spec: PretrainSpec) -> bool:
    """Whether a folder holds this run already; otherwise it is empty. Raises ZooError if it is neither."""
    path = folder / RUN
    if not path.exists():
        if any(folder.iterdir()):
            raise ZooError(f"{folder} is not empty and holds no run; give another --out")
        return False
    try:
        found = PretrainSpec.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ZooError(f"{path} is not a run: {explain(error)}; give another --out") from None
    if differing := _differing(found, spec):
        raise ZooError(
            f"{folder} holds another run: it differs in {', '.join(differing)}; give the same again, or another --out"
        )
    return True


def _differing(found: PretrainSpec, spec: PretrainSpec) -> list[str]:
    """The fields in which two runs differ; of a variant's, few by name, as --set names them."""
    fields = [name for name in PretrainSpec.model_fields if getattr(found, name) != getattr(spec, name)]
    of_variant = list(diff(found.variant, spec.variant))
    return [*of_variant, *(name for name in fields if name != "variant")] if 0 < len(of_variant) <= 3 else fields


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
