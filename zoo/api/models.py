"""Using a model in a folder: vectors of texts, words for masks, predictions, and conversion."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from rich.console import Console
from torch import Tensor

from zoo.api.outcomes import Conversion, Filled
from zoo.checkpoints import converting, load
from zoo.core.errors import UnknownName, ZooError
from zoo.core.specs import InferencePrecision, Precision
from zoo.inference import fill_mask, predict_text
from zoo.inference.precision import Choice, chosen_precision
from zoo.inference.predict_task import predict_task
from zoo.inference.predict_text import Predictions
from zoo.inference.text_scores import preferred
from zoo.inference.vector_file import VectorFile
from zoo.machine.compute import Compute, chosen_compute, refuse_unsupported
from zoo.machine.failures import failures_told
from zoo.machine.usage import measured
from zoo.model import Model
from zoo.pooling.config import vector_config
from zoo.progress import Pace, Shown
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import score
from zoo.tasks.task import Example, Task
from zoo.text.encoding import Text, log_cut
from zoo.text.lines import read_lines
from zoo.weights.folder_names import as_typed, told_apart
from zoo.weights.hub import folder_named

AnyModel = str | Path | Model
"""A model, its folder, or hub:OWNER/NAME@REVISION."""

_log = logging.getLogger("zoo")


def encode(
    model: AnyModel,
    texts: str | Iterable[Text],
    *,
    pool: str | Sequence[str] | None = None,
    max_length: int | None = None,
    normalize: bool | None = None,
    prompt: str | None = None,
    prompt_name: str | None = None,
    device: str | None = None,
    precision: InferencePrecision = "fp32",
) -> Tensor:
    """One vector per text or pair of texts, in order; one vector for a single text. A sentence encoder's folder
    sets the defaults; for other models, the vector is the mean over all tokens, up to the model's maximum
    length, without normalization or prompt. -> [N, H], or [H], in float32. Raises ZooError if the model has no
    tokenizer.
    """
    how = {"max_length": max_length, "normalize": normalize, "prompt": prompt, "prompt_name": prompt_name}
    with at_work(model, device, precision) as (loaded, _):
        return loaded.encode(texts, pool=pool, **how)  # type: ignore[arg-type]


def encode_file(
    model: AnyModel,
    text: str | Path,
    out: str | Path,
    *,
    pool: str | Sequence[str] | None = None,
    pairs: bool = False,
    max_length: int | None = None,
    normalize: bool | None = None,
    prompt: str | None = None,
    prompt_name: str | None = None,
    device: str | None = None,
    precision: InferencePrecision = "fp32",
    progress: bool = False,
) -> int:
    """Write one vector per line of a file to a safetensors file, and return the number of texts; as `zoo encode`.

    With `pairs`, a line is two texts separated by a tab. The file's metadata name the model, device, precision and
    kernels. Memory use does not grow with the file.
    """
    how = {"pool": pool, "max_length": max_length, "normalize": normalize, "prompt": prompt, "prompt_name": prompt_name}
    source, n_texts = Path(text), 0
    pace = Pace(source.stat().st_size if source.is_file() else 0)
    shown = Shown(Console(stderr=True, quiet=not progress))
    with at_work(model, device, precision) as (loaded, compute), measured(compute) as usage, shown:
        config = vector_config(loaded.sentence, loaded.variant.dims, **how)  # type: ignore[arg-type]
        folder = loaded.origin.folder if loaded.origin else str(model)
        made_by = {"model": folder, "pool": ",".join(config.poolings)}
        row = shown.bars.add(f"encoding {source}", pace.total, lambda: pace)
        with VectorFile(Path(out), config.width, several=config.keeps_tokens, metadata=made_by) as file:
            ends: deque[int] = deque()
            for window in loaded.embed(_lines(source, pairs, ends), config):
                file.add(window)
                n_texts += len(window)
                for _ in window:
                    pace.done = ends.popleft()
                shown.bars.move(row, pace.done, f"{n_texts:,} texts")
            file.metadata.update(usage().how)
        shown.line(str(usage()))
    return n_texts


def fill(
    model: AnyModel, text: str, *, top: int = 5, device: str | None = None, precision: InferencePrecision = "fp32"
) -> Filled:
    """The most probable tokens for each mask in a text, such as "The capital of France is [MASK]."; as `zoo fill`.

    Raises ZooError if the model predicts no masked tokens, or the text holds no mask.
    """
    with at_work(model, device, precision) as (loaded, compute), measured(compute) as usage:
        found = fill_mask.fill(loaded, text, top=top)
        return Filled(text, found, usage())


def predict(
    model: AnyModel,
    texts: Iterable[str | Sequence[str]],
    *,
    labels: Sequence[str] | None = None,
    device: str | None = None,
    precision: InferencePrecision = "fp32",
) -> Predictions:
    """The predictions of the model's task head for each item: a text, a pair of texts, a question and a text, or a
    text and its choices.

    `labels` rename the head's classes, in order. Raises ZooError if the model has no task head,
    or items do not fit it.
    """
    items = [(item,) if isinstance(item, str) else tuple(item) for item in texts]
    with at_work(model, device, precision) as (loaded, _):
        return predict_text.predict_texts(loaded, items, labels=labels)


def predict_file(
    model: AnyModel,
    file: str | Path,
    *,
    task: str | None = None,
    pairs: bool = False,
    labels: Sequence[str] | None = None,
    device: str | None = None,
    precision: InferencePrecision = "fp32",
) -> Predictions:
    """The predictions of the model's task head for each line of a file, texts separated by tabs; as `zoo predict`.
    With `task`, the file has that task's format, and the predictions are scored if it has labels. A file of
    predictions in the format of the task's official evaluation can be given instead of a model. Raises ZooError
    if the head does not fit the task.
    """
    names = list(labels) if labels is not None else None
    if task is not None and not isinstance(model, Model) and Path(model).is_file():
        return _predictions_read(Path(model), Path(file), task)
    with at_work(model, device, precision) as (loaded, compute), measured(compute) as usage:
        if task is not None:
            found = _task_predictions(loaded, Path(file), task, names)
        else:
            head = predict_text.head_for_text(loaded, names)
            lines = read_lines(Path(file))
            items = [predict_text.example_of(head, line, f"{file}:{number}", pairs=pairs) for number, line in lines]
            found = predict_text.predict_examples(loaded, head, items)
        return replace(found, usage=usage())


def _task_predictions(model: Model, file: Path, name: str, labels: list[str] | None) -> Predictions:
    task = Catalog.installed().task(name)
    examples = task.read(file)
    if (kind := task_kind(task)).by_likelihood:
        predictions, n_cut = preferred(model, kind, examples)
        log_cut(n_cut, len(examples), model.variant.dims.max_length)
        return _told(task, examples, predictions)
    predictions = predict_task(model, task, examples, labels=labels)
    chosen = predict_text.head_for_text(model, labels).config.options
    return _told(task.model_copy(update={"options": {**task.options, **chosen}}), examples, predictions)


def _predictions_read(path: Path, file: Path, name: str) -> Predictions:
    task = Catalog.installed().task(name)
    examples = task.read(file)
    return _told(task, examples, task.read_official(path, examples))


def _told(task: Task, examples: Sequence[Example], predictions: Sequence[Any]) -> Predictions:
    kind = task_kind(task)
    rows: list[tuple[str, ...]] = [(str(index), kind.shown(value)) for index, value in enumerate(predictions)]
    gold = [kind.to_json(example.label) for example in examples]
    scores = score(task, gold, predictions) if None not in gold else {}
    return Predictions(("index", "prediction"), rows, scores, task.official(examples, predictions))


def convert(
    source: str | Path, target: str | Path, *, to: Literal["hf", "zoo"] = "hf", replace: bool = False
) -> Conversion:
    """Convert a model folder to the Hugging Face format, or to zoo's own; as `zoo convert`.

    Raises ZooError if the folder cannot be read, or the format cannot express what it holds.
    """
    return Conversion(Path(target), converting.convert(source, Path(target), to=to, replace=replace))


@contextmanager
def at_work(
    model: AnyModel, device: str | None = None, precision: InferencePrecision = "fp32"
) -> Iterator[tuple[Model, Compute]]:
    """The model on a device, loaded if only its folder is given, by default on a GPU if there is one; and how it
    computes: inside, its passes do so in the precision, which is logged if it is `auto` and had to be chosen.

    Raises ZooError if this machine has no such device or precision, RunFailed if memory runs out.
    """
    if precision not in get_args(InferencePrecision):
        raise UnknownName("precision", precision, get_args(InferencePrecision))
    asked: Precision = "fp32" if precision == "auto" else precision
    with failures_told("give shorter texts, or --device cpu"):
        loaded = model if isinstance(model, Model) else load(model)
        if device is None and loaded is model:
            compute = Compute(device=_name(next(loaded.parameters()).device), precision=asked)
            refuse_unsupported(compute)
        else:
            compute = chosen_compute(device, asked)
        placed, choice = loaded.to(compute.torch_device), Choice(precision=asked)
        if precision == "auto":
            choice = chosen_precision(placed, compute, Catalog.installed())
            _log.warning(f"--precision auto: {choice.told}")
        compute = compute.model_copy(update={"precision": choice.precision})
        with compute.autocast(), choice.taken(placed):
            yield placed, compute


def names_of(models: Sequence[AnyModel]) -> list[str]:
    """What models are called side by side: by as much of their folders' paths as tells them apart."""
    folders = {
        place: as_typed(folder_named(model)) for place, model in enumerate(models) if not isinstance(model, Model)
    }
    names = told_apart(folders.values())
    return [
        model.variant.name if isinstance(model, Model) else names[folders[place]] for place, model in enumerate(models)
    ]


def _name(device: torch.device) -> str:
    return str(device) if device.type == "cuda" else device.type


def _lines(path: Path, pairs: bool, ends: deque[int]) -> Iterator[Text]:
    """Each line's text or pair; the byte where it ends is added to `ends`."""
    end = 0
    for number, line in read_lines(path):
        end += len(line.encode()) + 1
        ends.append(end)
        if not pairs:
            yield line
            continue
        first, *others = line.split("\t")
        if len(others) != 1:
            raise ZooError(f"{path}:{number}: has {len(others) + 1} texts; --pairs needs two, a tab between them")
        yield first, others[0]
