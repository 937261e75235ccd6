"""A plan and all its results, looked up by job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean

from zoo.experiments.plan.cache_key import model_keys
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.gold_labels import Answers, Groups
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult


@dataclass(frozen=True)
class ComparisonRun:
    """A run folder's plan and results, and gold labels and sets of items by task if they are stored.

    `across_hardware` says whether to compare costs measured on different machines.
    """

    plan: Plan
    results: tuple[ModelResult | TaskResult | FailedResult, ...]
    gold: Mapping[str, Answers] = field(default_factory=dict)
    groups: Mapping[str, Groups] = field(default_factory=dict)
    across_hardware: bool = False

    @property
    def systems(self) -> tuple[str, ...]:
        """The variants, then the baselines."""
        return (*self.plan.names, *self.plan.baselines)

    def at(self, tokens: int) -> ComparisonRun:
        """The run as if each pre-training had ended after so many tokens, one of the plan's points."""
        there = (
            result.model_copy(update={"job": result.job.model_copy(update={"at": None})})
            for result in self.results
            if result.job.at == tokens
        )
        return replace(self, plan=self.plan.model_copy(update={"evaluate_at": ()}), results=tuple(there))

    @cached_property
    def _of_the_end(self) -> tuple[ModelResult | TaskResult | FailedResult, ...]:
        """The results without those of models in training."""
        return tuple(result for result in self.results if result.job.at is None)

    @cached_property
    def pretrained_results(self) -> tuple[ModelResult, ...]:
        """The finished pre-trainings, in the plan's order."""
        return tuple(its for its in self._of_the_end if isinstance(its, ModelResult) and its.job.task is None)

    @cached_property
    def adapted_results(self) -> tuple[ModelResult, ...]:
        """The finished pre-trainings that went on with a task's text."""
        return tuple(its for its in self._of_the_end if isinstance(its, ModelResult) and its.job.task is not None)

    @cached_property
    def failures(self) -> tuple[FailedResult, ...]:
        """The failed jobs."""
        return tuple(result for result in self.results if isinstance(result, FailedResult))

    def pretrainings(self, system: str) -> list[ModelResult]:
        """The finished pre-trainings that a variant starts from: one for all seeds, or one per seed."""
        return self._by_origin.get(self._origins.get(system, ""), [])

    def pretrained(self, system: str) -> ModelResult | None:
        """Any one pre-training of a variant; None if none was finished."""
        return next(iter(self.pretrainings(system)), None)

    def finetuned(self, system: str, task: str | None = None) -> list[TaskResult]:
        """A system's finished results, on one task or all; of several settings tried on a task, the best."""
        if task is not None:
            return self._best.get((system, task), [])
        return [result for planned in self.plan.tasks for result in self._best.get((system, planned.name), [])]

    def failed(self, system: str, task: str) -> bool:
        """Whether a job of a system on a task failed."""
        return any(
            (failure.job.system, failure.job.task, failure.job.at) == (system, task, None) for failure in self.failures
        )

    def model_keys(self, task: str) -> dict[str, str]:
        """By variant, a hash of what its scores on a task depend on."""
        return model_keys(self.plan, task)

    def tried(self, system: str, task: str) -> Mapping[str, list[TaskResult]]:
        """A system's finished results on a task by the name of their setting, empty if none was tried."""
        return self._by_setting.get((system, task), {})

    @cached_property
    def _origins(self) -> Mapping[str, str]:
        return self.plan.origins

    @cached_property
    def _by_origin(self) -> Mapping[str, list[ModelResult]]:
        found: dict[str, list[ModelResult]] = {}
        for result in self.pretrained_results:
            found.setdefault(result.job.system, []).append(result)
        return found

    @cached_property
    def _by_setting(self) -> Mapping[tuple[str, str], Mapping[str, list[TaskResult]]]:
        """By system and task, then by setting."""
        found: dict[tuple[str, str], dict[str, list[TaskResult]]] = {}
        for result in self._of_the_end:
            if isinstance(result, TaskResult) and kind_of(result.job).answers(self.plan, result.job):
                setting = result.job.setting.label if result.job.setting else ""
                found.setdefault((result.job.system, str(result.job.task)), {}).setdefault(setting, []).append(result)
        return found

    @cached_property
    def _best(self) -> Mapping[tuple[str, str], list[TaskResult]]:
        """By system and task; on a task that models of another answer, the setting is the best on the other."""
        source = {task.name: task.trained_on for task in self.plan.tasks if task.trained_on}
        found = {}
        for (system, task), by_setting in self._by_setting.items():
            judged = self._by_setting.get((system, source.get(task, task)), by_setting)
            found[system, task] = by_setting.get(best_setting(judged), [])
        return found


def best_setting(by_setting: Mapping[str, Sequence[TaskResult]]) -> str:
    """The setting with the most finished seeds; of those the best mean where it is chosen; of those the first."""

    def rank(label: str) -> tuple[int, float]:
        results = by_setting[label]
        return len(results), fmean(judged_by(result) for result in results)

    return max(by_setting, key=rank)


def judged_by(result: TaskResult) -> float:
    """The score by which a setting is chosen: on held-out training items, or else on what is scored."""
    return result.main_score if result.selection_score is None else result.selection_score
