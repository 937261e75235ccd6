"""A probe of every layer of an encoder, on any task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from zoo.api.models import at_work, names_of
from zoo.api.scoring import Reported
from zoo.api.signature import takes
from zoo.core.errors import ZooError
from zoo.core.lazy import imported
from zoo.core.specs import Finetuning
from zoo.experiments.plan.job_kinds import JOB_KINDS, model_folder
from zoo.experiments.plan.options import ComparisonOptions
from zoo.experiments.plan.requests import comparison_plan
from zoo.experiments.report.probe import RANDOM, ProbeReport
from zoo.experiments.runner.job import run_job
from zoo.inference.probe import ProbeTask
from zoo.inference.probe import probe as carry_out
from zoo.inference.request import ProbeRequest
from zoo.machine.usage import measured
from zoo.model import Model
from zoo.progress import Pace, Shown
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import check_task, gold_labels, main_score, refuse_unfit, score
from zoo.tasks.task import Dataset, Task
from zoo.train.loop import Progress


@dataclass(frozen=True, repr=False)
class Probed(Reported):
    """A probe: `report` holds the scores of every layer, and what follows from them."""

    report: ProbeReport


@takes(ProbeRequest)
def probe(
    model: str | Path | Model, task: str, *, progress: bool = False, catalog: Catalog | None = None, **options: Any
) -> Probed:
    """The scores of linear heads on each layer of a frozen encoder, beside baselines and (unless `control` is
    false) the same encoder with random weights; as `zoo probe`.

    `model` is a folder, a loaded model, or a variant, which is first pre-trained as in `compare`, on `corpus` for
    `pretrain_tokens`. Raises ZooError for a task without data, or a model without a tokenizer.
    """
    asked, catalog = ProbeRequest.of(options), catalog or Catalog.installed()
    chosen = catalog.task(task)
    dataset = _checked(chosen, asked.data)
    with Shown(Console(stderr=True, quiet=not progress)) as shown, TemporaryDirectory() as place:
        found, name = model, ""
        if isinstance(model, str) and catalog.folder(model) is None:
            found, name = _pretrained(catalog, model, task, asked, Path(place), shown), model
        name = name or names_of([found])[0]
        with at_work(found, asked.device, asked.precision) as (loaded, compute), measured(compute) as usage:
            recipe = _recipe(loaded.variant.finetuning, asked)
            work = ProbeTask(chosen, dataset, recipe, range(asked.seeds))
            systems = {name: loaded}
            systems |= {RANDOM: untrained(loaded, catalog)} if asked.control is not False else {}
            answers = {}
            for system, encoder in systems.items():
                with _row(shown, f"probing {system}") as moved:
                    answers[system] = carry_out(encoder, work, moved)
            computed = {"computed": str(usage())}
    gold, settings = gold_labels(chosen, dataset), recipe.model_dump(include={"learning_rate", "batch_size"})
    settings |= {"seeds": asked.seeds, "steps": recipe.steps or f"{recipe.epochs:g} epochs", **computed}
    return Probed(ProbeReport(name, chosen, gold, answers, _baselines(chosen, dataset), settings))


def untrained(model: Model, catalog: Catalog) -> Model:
    """The same model before any training, on its device: weights as its variant draws them, and its tokenizer."""
    made = catalog.build(model.variant)
    made.tokenizer = model.tokenizer
    return made.to(next(model.parameters()).device)


def _checked(task: Task, folder: Path | None) -> Dataset:
    check_task(task)
    dataset = task.load(folder)
    if not task.training_items(dataset):
        raise ZooError(f"task {task.name!r} has no labelled items in {task.train_split}, so no head can be trained")
    for split in task.dev_splits:
        if not dataset.splits.get(split):
            raise ZooError(f"task {task.name!r} has no items in {split}, so no head can be scored")
        refuse_unfit(task, split, dataset.splits[split])
    return dataset


def _recipe(own: Finetuning, asked: ProbeRequest) -> Finetuning:
    """The variant's, for heads alone; gradients are not clipped, as that would let heads influence each other."""
    changes = {"learning_rate": asked.learning_rate, "clip_norm": 0.0, "steps": asked.steps or own.steps}
    return own.model_copy(update=changes)


def _pretrained(catalog: Catalog, name: str, task: str, asked: ProbeRequest, place: Path, shown: Shown) -> Path:
    """The folder of a variant that was pre-trained just now."""
    given = {"data": asked.data, "corpus": asked.corpus, "pretrain_tokens": asked.pretrain_tokens}
    options = ComparisonOptions.of(
        {"tasks": (task,), "seeds": 1, "device": asked.device, "precision": asked.precision, **given}
    )
    plan = comparison_plan(catalog, [name], options)
    (job,) = JOB_KINDS["pretrain"].jobs(plan)
    with _row(shown, f"pre-training {name}") as moved:
        run_job(catalog, plan, job, place, moved)
    return place / str(model_folder(plan, job))


@contextmanager
def _row(shown: Shown, what: str) -> Iterator[Progress]:
    pace = Pace(1)
    row = shown.bars.add(what, None, lambda: pace)

    def moved(done: int, of: int) -> None:
        pace.done, pace.total = done, of
        shown.bars.move(row, done, f"{done:,}/{of:,} steps", of)

    yield moved


def _baselines(task: Task, dataset: Dataset) -> dict[str, float]:
    gold, found = gold_labels(task, dataset), {}
    for name, predict in task_kind(task).baselines.items():
        answers = imported(predict)(dataset, task, 0)
        found[name] = main_score(task, {split: score(task, gold[split], answers[split]) for split in gold})
    return found
