"""The options of comparisons and ablations, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from zoo.core.options import (
    MACHINE,
    Amount,
    ByName,
    DeviceName,
    Duration,
    Help,
    Names,
    Options,
    Paths,
    Texts,
    Whole,
    read_names,
)
from zoo.core.specs import TrainingPrecision
from zoo.experiments.plan.equal import Equal
from zoo.experiments.plan.plan import Plan
from zoo.tasks.record import RecordTask

PATH = "Path"
DATA, TRAINING, FOLDER = "Tasks and text", "Training", "Run folder and plan"
VERDICTS = "Verdicts"


def _read_tasks(value: object) -> object:
    """Names in one text separated by commas, or several names, paths and records."""
    several = read_names(value)
    assert isinstance(several, tuple)
    return tuple(str(task) if isinstance(task, Path) else task for task in several)


TaskNames = Annotated[tuple[str | RecordTask, ...], BeforeValidator(_read_tasks)]
"""Tasks by name, by the file that describes one, or as the record."""

Margin = Annotated[
    Annotated[float, Field(gt=0.0, le=100.0)] | None,
    Help("Scores shown to differ by less than this many points are equivalent.", VERDICTS, "1", "no such verdict"),
]
FamilyWise = Annotated[
    bool, Help("One correction for multiple tests over all pairs and tasks, not one per pair.", VERDICTS)
]
Seeds = Annotated[Amount, Field(le=100)]
Workers = Annotated[Whole, Field(le=256)]
HeldOut = Annotated[float, Field(ge=0.0, le=0.5)]
Threads = Annotated[Amount, Field(le=256)]


class PlanOptions(Options):
    """The options that decide a plan: everything that scores depend on."""

    tasks: Annotated[
        TaskNames | None,
        Help(
            "Tasks, suites of tasks, or files that describe a task of your own, separated by commas.",
            DATA,
            "rte,mrpc,my/task.toml",
            "the starter suite",
            completes="tasks",
        ),
    ] = None
    data: Annotated[
        Path | None, Help("The folder that holds the tasks' files, such as GLUE's folders.", DATA, "data/glue")
    ] = None
    corpus: Annotated[
        Paths,
        Help("Text files or folders to pre-train on; may be repeated.", DATA, "wiki.txt", "text of the tasks"),
    ] = ()
    held_out: Annotated[
        HeldOut, Help("Share of the documents to evaluate models on, instead of pre-training on them.", DATA, "0.02")
    ] = 0.0
    evaluate_only: Annotated[
        Texts,
        Help(
            "A folder with a model that has a task head: it is scored without training; may be repeated.",
            DATA,
            "runs/mine/finetuned/finetune-bert-tiny-rte-s0",
        ),
    ] = ()
    pretrain_tokens: Annotated[
        Annotated[Amount, Field(ge=64)] | None,
        Help("Pre-training tokens per variant.", TRAINING, "1M", "as each variant's record says"),
    ] = None
    evaluate_at: Annotated[
        Names,
        Help(
            "Evaluate models in training too, after these shares or tokens of the pre-training, for curves of score "
            "against cost: 10%,30% or 100k,300k or 'every 100k'.",
            TRAINING,
            "10%,30%",
        ),
    ] = ()
    finetune_steps: Annotated[
        ByName | None,
        Help(
            "Fine-tuning steps per variant and task, for some tasks also others.",
            TRAINING,
            "500 or 300,squad=1500",
            "as each variant's record says",
        ),
    ] = None
    seeds: Annotated[Seeds, Help("Fine-tuning seeds per variant and task.", TRAINING, "10")] = 3
    until_decided: Annotated[
        bool,
        Help(
            "Begin with --seeds, and add seeds where a difference between two variants on a task is undecided: until "
            "it is better, equivalent (--margin) or out of reach of --max-seeds.",
            TRAINING,
        ),
    ] = False
    max_seeds: Annotated[
        Seeds | None, Help("With --until-decided, the most seeds per variant and task.", TRAINING, "30", "20")
    ] = None
    pretrain_each_seed: Annotated[bool, Help("Pre-train once per seed, instead of once for all seeds.", TRAINING)] = (
        False
    )
    tune: Annotated[
        Texts,
        Help(
            "Fine-tuning settings to try: a grid's name, or FIELD=VALUE,VALUE for any field of a fine-tuning recipe "
            "(may be repeated). The best is reported.",
            TRAINING,
            "learning_rate=1e-3,3e-4",
            "each variant's own settings",
            completes="grids",
        ),
    ] = ()
    tune_on: Annotated[
        Literal["train", "dev"],
        Help(
            "On what --tune chooses: a tenth of the training items, held out from every try; or dev, the items that "
            "are scored, which flatters.",
            TRAINING,
            "dev",
        ),
    ] = "train"
    device: DeviceName = None
    precision: Annotated[
        TrainingPrecision, Help("Number format of forward and backward passes, training and scoring.", TRAINING, "bf16")
    ] = "fp32"
    deterministic: Annotated[
        bool | None, Help("On a GPU, use only algorithms that repeat bit for bit.", MACHINE, "", "yes")
    ] = None
    threads: Annotated[Threads, Help("CPU threads per process.", MACHINE, "4")] = 1
    margin: Margin = None
    family_wise: FamilyWise = False
    against: Annotated[
        str | None,
        Help("Compare every variant with this one only, with one correction over all.", VERDICTS, "bert-tiny"),
    ] = None
    keep_finetuned: Annotated[bool, Help("Keep every fine-tuned model, for `zoo verify --depth models`.", FOLDER)] = (
        False
    )
    keep_probabilities: Annotated[
        bool, Help("Store the probabilities of all predictions, and report how well they are calibrated.", FOLDER)
    ] = False


class ExperimentOptions(PlanOptions):
    """The options of `zoo compare` and `zoo ablate`: what to do, where, and what to start from."""

    workers: Annotated[
        Workers | None,
        Help("Parallel processes; 0 runs in this one.", MACHINE, "4", "2; on GPUs, as many as their memory holds"),
    ] = None
    executor: Annotated[
        str,
        Help(
            "What runs the jobs: local processes, a Ray cluster, or a plugin's executor.",
            MACHINE,
            "ray",
            completes="executors",
        ),
    ] = "local"
    max_time: Annotated[
        Duration | None,
        Help("With --until-decided, start no job for further seeds after this time.", MACHINE, "30m", "no limit"),
    ] = None
    address: Annotated[str | None, Help("Address of the Ray cluster.", MACHINE, "HEAD:6379", "a local cluster")] = None
    plan: Annotated[Plan | Path | None, Help("Run this plan file instead of making a plan.", FOLDER, "plan.json")] = (
        None
    )
    resume: Annotated[bool, Help("Continue the run in --out, or the newest run.", FOLDER)] = False
    reuse: Annotated[
        Paths,
        Help("Take finished jobs from this run folder, or folder of run folders; may be repeated.", FOLDER, "runs"),
    ] = ()
    out: Annotated[Path | None, Help("The run folder.", FOLDER, "runs/mine", "runs/COMMAND-DATE-TIME")] = None

    @property
    def beside_a_plan(self) -> list[str]:
        """The options given that a plan has already decided."""
        free = {*ExperimentOptions.__annotations__, *MOVES}
        return [f"--{name.replace('_', '-')}" for name in self.given if name not in free]


MOVES = ("data", "corpus", "keep_finetuned")
"""Options allowed with a plan: where its data are now, and whether to keep models."""


class ComparisonOptions(ExperimentOptions):
    """The further options of `zoo compare`: which variants, and what they have alike."""

    suite: Annotated[
        Literal["families"] | None,
        Help("A suite of variants in place of their names: families, a tiny one of each plugin.", TRAINING, "families"),
    ] = None
    equal: Annotated[
        Equal | None,
        Help(
            "What every variant gets as much of as the first: tokens of text, parameters (widths change), or "
            "operations (numbers of tokens change).",
            TRAINING,
            "parameters",
            "tokens",
        ),
    ] = None


class AblationOptions(ExperimentOptions):
    """The further options of `zoo ablate`: a path, or a paper's table."""

    seeds: Annotated[Seeds, Help("Fine-tuning seeds per variant and task.", TRAINING, "10")] = 5
    via: Annotated[
        Names, Help("Variants on the way, separated by commas.", PATH, "roberta-tiny", completes="variants")
    ] = ()
    preset: Annotated[
        str | None,
        Help("A paper's table, or compression, instead of a path.", PATH, "bert-table-5", completes="presets"),
    ] = None
    size: Annotated[str | None, Help("The preset's size.", PATH, "mini", "its smallest")] = None
