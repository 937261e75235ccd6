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
    bool,
    Help(
        "Correct for multiple tests over all pairs and tasks together, instead of over the tasks of each pair.",
        VERDICTS,
    ),
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
        HeldOut, Help("Share of the documents held out from pre-training, to evaluate models on.", DATA, "0.02")
    ] = 0.0
    pretrain_tokens: Annotated[
        Annotated[Amount, Field(ge=64)] | None,
        Help("Pre-training tokens per variant.", TRAINING, "1M", "as each variant's record says"),
    ] = None
    evaluate_at: Annotated[
        Names,
        Help(
            "Also fine-tune and score models from earlier points of their pre-training, for curves of "
            "score against cost: shares or numbers of tokens, such as 10%,30% or 100k,300k or 'every "
            "100k'.",
            TRAINING,
            "10%,30%",
        ),
    ] = ()
    finetune_steps: Annotated[
        ByName | None,
        Help(
            "Fine-tuning steps per variant and task; TASK=N sets those of one task.",
            TRAINING,
            "500 or 300,squad=1500",
            "as each variant's record says",
        ),
    ] = None
    seeds: Annotated[Seeds, Help("Fine-tuning seeds per variant and task.", TRAINING, "10")] = 3
    until_decided: Annotated[
        bool,
        Help(
            "Start with --seeds seeds, and add more where a difference between two variants on a task "
            "is undecided, until one is better, they are equivalent (--margin), or --max-seeds would "
            "hardly decide it.",
            TRAINING,
        ),
    ] = False
    max_seeds: Annotated[
        Seeds | None,
        Help("With --until-decided: the largest number of seeds per variant and task.", TRAINING, "30", "20"),
    ] = None
    pretrain_each_seed: Annotated[bool, Help("Pre-train once per seed, instead of once for all seeds.", TRAINING)] = (
        False
    )
    tune: Annotated[
        Texts,
        Help(
            "Fine-tuning settings to try, of which the best is reported: the name of a search grid, "
            "or FIELD=VALUE,VALUE for any field of a fine-tuning recipe; may be repeated.",
            TRAINING,
            "learning_rate=1e-3,3e-4",
            "each variant's own settings",
            completes="grids",
        ),
    ] = ()
    tune_on: Annotated[
        Literal["train", "dev"],
        Help(
            "What --tune selects on: train, a tenth of the training items, held out from every trial; "
            "or dev, the items that are scored, which is optimistic.",
            TRAINING,
            "dev",
        ),
    ] = "train"
    device: DeviceName = None
    precision: Annotated[TrainingPrecision, Help("Number format of training and scoring.", TRAINING, "bf16")] = "fp32"
    deterministic: Annotated[bool | None, Help("On a GPU, use only deterministic algorithms.", MACHINE, "", "yes")] = (
        None
    )
    threads: Annotated[Threads, Help("CPU threads per process.", MACHINE, "4")] = 1
    margin: Margin = None
    family_wise: FamilyWise = False
    against: Annotated[
        str | None,
        Help(
            "Compare every variant with this one only, and correct over all these tests together.",
            VERDICTS,
            "bert-tiny",
        ),
    ] = None
    keep_finetuned: Annotated[
        bool, Help("Keep every fine-tuned model; `zoo verify --depth models` needs them.", FOLDER)
    ] = False
    keep_probabilities: Annotated[
        bool, Help("Store predicted probabilities, and report how well they are calibrated.", FOLDER)
    ] = False


class ExperimentOptions(PlanOptions):
    """The options of `zoo compare` and `zoo ablate`: what to do, where, and what to start from."""

    workers: Annotated[
        Workers | None,
        Help(
            "Parallel processes; 0 runs all jobs in the current process.",
            MACHINE,
            "4",
            "2, or 1 on a single processor; on GPUs, as many as their memory holds",
        ),
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
        Help("With --until-decided: start no job for additional seeds after this time.", MACHINE, "30m", "no limit"),
    ] = None
    address: Annotated[str | None, Help("Address of the Ray cluster.", MACHINE, "HEAD:6379", "a local cluster")] = None
    plan: Annotated[Plan | Path | None, Help("Run this saved plan.", FOLDER, "plan.json")] = None
    resume: Annotated[bool, Help("Continue the run in --out, or the newest run.", FOLDER)] = False
    reuse: Annotated[
        Paths,
        Help("Reuse finished jobs of this run folder, or of all run folders in it; may be repeated.", FOLDER, "runs"),
    ] = ()
    out: Annotated[
        Path | None,
        Help(
            "The run folder; a run that it holds is continued, or extended by seeds, variants and tasks.",
            FOLDER,
            "runs/mine",
            "runs/COMMAND-DATE-TIME",
        ),
    ] = None

    @property
    def beside_a_plan(self) -> list[str]:
        """The options given that a plan has already decided."""
        free = {*ExperimentOptions.__annotations__, *MOVES}
        return [f"--{name.replace('_', '-')}" for name in self.given if name not in free]


MOVES = ("data", "corpus", "keep_finetuned")
"""Options allowed with a plan: where its data are now, and whether to keep models."""


class ComparisonOptions(ExperimentOptions):
    """The further options of `zoo compare`: which variants, and what they have alike."""

    evaluate_only: Annotated[
        Texts,
        Help(
            "A folder with a model that has a task head, to score it without training; may be repeated.",
            DATA,
            "runs/mine/finetuned/finetune-bert-tiny-rte-s0",
        ),
    ] = ()
    suite: Annotated[
        Literal["families"] | None,
        Help("Compare a suite of variants: families, one tiny variant per plugin.", TRAINING, "families"),
    ] = None
    equal: Annotated[
        Equal | None,
        Help(
            "What to hold equal, measured by the first variant: tokens, parameters (by changing "
            "widths) or operations (by changing numbers of tokens).",
            TRAINING,
            "parameters",
            "tokens",
        ),
    ] = None


class AblationOptions(ExperimentOptions):
    """The further options of `zoo ablate`: a path, or a paper's table."""

    seeds: Annotated[Seeds, Help("Fine-tuning seeds per variant and task.", TRAINING, "10")] = 5
    via: Annotated[
        Names,
        Help("Variants that the path passes through, separated by commas.", PATH, "roberta-tiny", completes="variants"),
    ] = ()
    preset: Annotated[
        str | None,
        Help(
            "An ablation table of a paper, or compression, instead of a path.",
            PATH,
            "bert-table-5",
            completes="presets",
        ),
    ] = None
    size: Annotated[str | None, Help("The size of the preset's variants.", PATH, "mini", "the smallest")] = None
