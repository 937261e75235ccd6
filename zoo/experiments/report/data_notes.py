"""Data that no model read (items without a label, the ends of long texts), and devices that not all were read on."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.experiments.results.records import FailedResult, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.tasks.kinds import task_kind


def left_out_notes(run: ComparisonRun) -> list[str]:
    """A line for each task on which something was left out."""
    return [*_unlabelled(run), *_cut(run)]


def device_notes(run: ComparisonRun) -> list[str]:
    """A line if the variants' results come from more than one kind of device or precision."""
    variants = {variant.name for variant in run.plan.variants}
    by_device: dict[str, dict[str, None]] = {}
    for result in run.results:
        if not isinstance(result, FailedResult) and result.job.system in variants:
            by_device.setdefault(result.environment.arithmetic, {})[result.job.system] = None
    if len(by_device) < 2:
        return []
    listed = "; ".join(f"{device}: {', '.join(systems)}" for device, systems in by_device.items())
    return [f"Not all results come from one kind of device ({listed}), so a difference may be the device's."]


def training_split(result: TaskResult) -> str | None:
    """The training split, among those that a system read as tokens."""
    return next(
        (split for split in result.truncated if split not in {**result.predictions, **result.test_predictions}), None
    )


def _unlabelled(run: ComparisonRun) -> Iterator[str]:
    for task in run.plan.tasks:
        if task.n_unlabelled:
            everything = task.n_training + task.n_unlabelled
            yield (
                f"{task.n_unlabelled:,} of {everything:,} training items of {task.name} have no label; "
                "they are left out for every system."
            )


def _cut(run: ComparisonRun) -> Iterator[str]:
    """By task and length, as each variant has its own tokenizer and longest sequence."""
    for task in run.plan.tasks:
        by_length: dict[int, list[str]] = {}
        for variant in run.plan.variants:
            for result in run.finetuned(variant.name, task.name)[:1]:  # the seeds of a task read the same
                counts = [f"{t.cut:,} of {t.items:,} in {split}" for split, t in result.truncated.items() if t.cut]
                if counts:
                    length = next(iter(result.truncated.values())).length
                    by_length.setdefault(length, []).append(f"{variant.name} {', '.join(counts)}")
        for length, counts in by_length.items():
            yield f"{task_kind(task).cuts.capitalize()} of {task.name} cut to {length} tokens: {'; '.join(counts)}."
