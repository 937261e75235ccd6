"""From options to a plan, for `zoo compare`, `zoo ablate` and their Python functions."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.core.errors import UnknownName, ZooError
from zoo.core.options import ANY
from zoo.core.specs import Variant
from zoo.experiments.plan.ablation import Ablation, of_table, path
from zoo.experiments.plan.claims import PLAIN, looks_at
from zoo.experiments.plan.corpus import CorpusSource, FilesCorpus
from zoo.experiments.plan.equal import Equal, families, made_equal
from zoo.experiments.plan.make import check_plan, make_plan, with_budget
from zoo.experiments.plan.options import AblationOptions, ComparisonOptions, ExperimentOptions, PlanOptions
from zoo.experiments.plan.plan import Plan, read_plan
from zoo.experiments.plan.points import points
from zoo.experiments.plan.spec import PlanSettings
from zoo.experiments.plan.suites import without_suites
from zoo.experiments.plan.teachers import with_teachers
from zoo.machine.compute import chosen_compute
from zoo.registry.catalog import Catalog
from zoo.registry.paper_tables import PaperTable
from zoo.registry.search_grids import Tuning, tuning
from zoo.tasks.kinds import is_learnt
from zoo.tasks.record import RecordTask
from zoo.tasks.task import Task

DEFAULT_VARIANTS = ("bert-tiny", "roberta-tiny", "albert-tiny")
STARTER = "microworld"
"""The default suite."""

DEFAULT_MAX_SEEDS = 20
"""With `--until-decided`."""

HELD_OUT = 0.05
"""The share of the documents that a paper's perplexity is measured on."""

BUDGETS = {"pretraining.tokens": "pretrain_tokens", "finetuning.steps": "finetune_steps"}
"""Fields of a variant that an expression and an option can both set."""

_log = logging.getLogger("zoo")


def comparison_plan(catalog: Catalog, variants: Sequence[str | Variant], options: ComparisonOptions) -> Plan:
    """The plan of a comparison; without variants, of the tiny three. Raises ZooError as `make_plan` does."""
    if options.suite is not None:
        if variants:
            raise ZooError(f"--suite {options.suite} has variants of its own; give either --suite or variants")
        variants = families(catalog, DEFAULT_VARIANTS[0])
        options = options.model_copy(update={"equal": options.equal or "tokens"})
    for name in options.evaluate_only:
        if catalog.folder(name) is None:
            raise ZooError(f"--evaluate-only takes a folder with a trained model, and {name!r} is not one")
    for item in variants:
        if not isinstance(item, str | Variant):
            raise ZooError(f"a variant is a name or a Variant, each an argument of its own; got {item!r:.80}")
    given = (*(variants or (() if options.evaluate_only else DEFAULT_VARIANTS)), *options.evaluate_only)
    names = [name for name in given if isinstance(name, str)]
    named = {name: catalog.variant(name, beside=names) for name in names}
    folders = {variant.name: folder for name, variant in named.items() if (folder := catalog.folder(name))}
    chosen = [named[name] if isinstance(name, str) else name for name in given]
    own = {variant.name: catalog.exchanged_fields(name) for name, variant in named.items()}
    evaluated = {named[name].name for name in options.evaluate_only}
    if folders and options.equal not in (None, "tokens"):
        raise ZooError(f"--equal {options.equal} changes what is trained; {next(iter(folders))} holds trained weights")
    return _plan(catalog, chosen, own, options, folders=folders, evaluated=evaluated, equal=options.equal)


def ablation_plan(catalog: Catalog, names: Sequence[str], options: AblationOptions) -> Plan:
    """The plan of an ablation along a path of variants, or of a paper's table. Raises ZooError as `path` does."""
    way, ablation = asked_path(catalog, names, options)
    own = {variant.name: catalog.exchanged_fields(variant.name) for variant in way}
    if ablation.paper is None:  # steps of the path are named by generated expressions
        typed = frozenset().union(*(catalog.exchanged_fields(name) for name in (*names, *options.via)))
        own = {name: fields & typed for name, fields in own.items()}
    if ablation.paper is not None:
        options = as_the_paper(ablation.paper, options)
    return _plan(catalog, way, own, options, ablation=ablation)


def as_the_paper(table: PaperTable, options: AblationOptions) -> AblationOptions:
    """The options, with the tasks that stand in for the paper's and text held out for its perplexities by default."""
    defaults: dict[str, Any] = {}
    if table.stand_ins and options.tasks is None:
        defaults["tasks"] = tuple(dict.fromkeys(table.stand_ins.values()))
    if table.perplexities and "held_out" not in options.given:
        defaults["held_out"] = HELD_OUT
    return options.model_copy(update=defaults)


def asked_path(catalog: Catalog, names: Sequence[str], options: AblationOptions) -> tuple[list[Variant], Ablation]:
    """The variants and edges of a path or a paper's table. Raises ZooError if neither is given."""
    if options.preset is not None:
        if names or options.via:
            raise ZooError("a preset has variants of its own; give either --preset or variants")
        return of_table(catalog, catalog.paper_table(options.preset), options.size)
    if options.size is not None:
        raise ZooError("--size is a preset's; give --preset NAME with it")
    if len(names) < 2:
        raise ZooError("an ablation goes from one variant to another; give both, or --preset NAME (--list shows them)")
    if options.via and len(names) > 2:
        raise ZooError(f"{len(names)} variants are a path already; use --via with two")
    return path(catalog, names, options.via)


def kept_plan(catalog: Catalog, plan: Plan | Path, options: ExperimentOptions) -> Plan:
    """A plan, or one from a file, whose data may have moved. Raises ZooError if the data have changed."""
    if extra := options.beside_a_plan:
        raise ZooError(
            f"the plan decides {', '.join(extra)}; leave that out, or give the whole command in place of --plan or "
            "--resume"
        )
    plan = plan if isinstance(plan, Plan) else read_plan(plan)
    moved: dict[str, Any] = {"keep_finetuned": plan.keep_finetuned or options.keep_finetuned}
    if options.data:
        moved["data_folder"] = str(options.data.resolve())
        if plan.corpus.kind == "tasks":
            moved["corpus"] = plan.corpus.model_copy(update={"folder": str(options.data.resolve())})
    moved |= {"corpus": files} if (files := _files(options.corpus)) else {}
    plan = plan.model_copy(update=moved)
    check_plan(catalog, plan)
    return plan


def _plan(
    catalog: Catalog,
    variants: Sequence[Variant],
    own: Mapping[str, Collection[str]],
    options: PlanOptions,
    folders: Mapping[str, Path] | None = None,
    evaluated: Collection[str] = (),
    equal: Equal | None = None,
    ablation: Ablation | None = None,
) -> Plan:
    taught = with_teachers(catalog, variants, folders or {})
    folder = options.data.resolve() if options.data else None
    asked = asked_tasks(catalog, (STARTER,) if options.tasks is None else options.tasks, folder)
    installed = catalog.offered["task"]
    catalog = catalog.with_tasks(t for t in asked if isinstance(t, RecordTask) and installed.get(t.name) != t)
    tasks, looks = [task.name for task in asked], _looks(options, [variant.name for variant in variants])
    task_steps = _task_steps(asked, own, options)
    budgeted = [_budgeted(variant, own.get(variant.name, ()), options) for variant in taught.variants]
    budgeted = made_equal(catalog, budgeted, equal)
    return make_plan(
        catalog,
        budgeted,
        tasks,
        teachers=[_budgeted(v, catalog.exchanged_fields(name), options) for name, v in taught.teachers.items()],
        folders=taught.folders,
        evaluated={*evaluated, *taught.with_head},
        n_seeds=looks[-1] if looks else options.seeds,
        corpus=_files(options.corpus),
        data_folder=folder,
        budget_given=options.pretrain_tokens is not None
        or all("pretraining.tokens" in own.get(variant.name, ()) for variant in variants),
        one_head=ablation is None,  # in an ablation, a head is a choice like any other
        settings=PlanSettings(
            compute=chosen_compute(
                options.device, options.precision, options.threads, deterministic=options.deterministic is not False
            ),
            pretrain_each_seed=options.pretrain_each_seed,
            held_out=options.held_out,
            keep_finetuned=options.keep_finetuned,
            keep_probabilities=options.keep_probabilities,
            evaluate_at=_points(options, budgeted, taught.trained) if options.evaluate_at else (),
            task_steps=task_steps,
            tuning=_tuning(catalog, options, tasks),
            claims=PLAIN.changed(
                margin=options.margin, family_wise=options.family_wise, against=options.against, looks=looks
            ),
            equal=equal,
            ablation=ablation,
        ),
    )


def _looks(options: PlanOptions, variants: Sequence[str]) -> tuple[int, ...]:
    """At how many seeds differences are looked at; empty for a fixed number."""
    if not options.until_decided:
        if options.max_seeds is not None:
            raise ZooError("--max-seeds goes with --until-decided; for a fixed number give --seeds N")
        return ()
    if len(variants) < 2:
        raise ZooError(f"--until-decided needs two variants to tell apart, and there is only {variants[0]}")
    if options.tune:
        raise ZooError(
            "--until-decided takes one setting per variant: choose one with --tune first, then set its fields"
        )
    return looks_at(options.seeds, DEFAULT_MAX_SEEDS if options.max_seeds is None else options.max_seeds)


def _points(options: PlanOptions, variants: Sequence[Variant], folders: Collection[str]) -> tuple[int, ...]:
    """The tokens of pre-training after which models are evaluated too."""
    if folders:
        raise ZooError(f"--evaluate-at needs a pre-training, and {min(folders)} starts from trained weights")
    if options.tune:
        raise ZooError("--evaluate-at takes one setting per variant: choose one with --tune first, then set its fields")
    if len({variant.pretraining.tokens for variant in variants}) > 1:
        raise ZooError("--evaluate-at needs as many tokens for every variant; leave it or --equal operations out")
    return points(options.evaluate_at, variants[0].pretraining.tokens)


def asked_tasks(catalog: Catalog, names: Sequence[str | RecordTask], folder: Path | None) -> list[Task]:
    """Tasks by name or record, those of a suite whose files are in the folder. Raises UnknownName."""
    named = without_suites(catalog.tasks, names, folder)
    return [catalog.task(task) if isinstance(task, str) else task for task in named]


def _budgeted(variant: Variant, own: Collection[str], options: PlanOptions) -> Variant:
    """A variant with the budgets of the options, except for fields that its expression sets."""
    for field, option in BUDGETS.items():
        if field in own and option in options.given:
            _log.warning(f"{variant.name} sets {field} itself; --{option.replace('_', '-')} does not change it")
    return with_budget(variant, options.pretrain_tokens, (options.finetune_steps or {}).get(ANY), own)


def _task_steps(tasks: Sequence[Task], own: Mapping[str, Collection[str]], options: PlanOptions) -> dict[str, int]:
    """The steps of tasks that have a number of their own. Raises ZooError if nothing is trained on one, or a variant
    sets its own.
    """
    steps = {task: number for task, number in (options.finetune_steps or {}).items() if task != ANY}
    learned = [task.name for task in tasks if is_learnt(task)]
    for task in steps:
        if task not in learned:
            raise UnknownName("task", task, learned, "--finetune-steps, for tasks trained on in this run")
        for variant, fields in own.items():
            if "finetuning.steps" in fields:
                raise ZooError(
                    f"{variant} sets its steps for every task, and --finetune-steps those on {task}; remove one"
                )
    return steps


def _tuning(catalog: Catalog, options: PlanOptions, tasks: Sequence[str]) -> Tuning | None:
    if not options.tune:
        if "tune_on" in options.given:
            raise ZooError(
                "--tune-on says on what --tune chooses; give settings to try, such as --tune learning_rate=1e-3,3e-4"
            )
        return None
    trained = [name for name in tasks if is_learnt(catalog.task(name))]
    tried = tuning(options.tune, trained, catalog.search_grids, options.tune_on)
    lengths = [its for settings in tried.settings.values() for its in settings if {"epochs", "steps"} & {*its.values}]
    if options.finetune_steps is not None and lengths:
        raise ZooError(
            f"--finetune-steps and the settings of {tried.name} ({lengths[0].label}) both set the length; remove one"
        )
    return tried


def _files(paths: Sequence[Path]) -> CorpusSource | None:
    return FilesCorpus(paths=tuple(str(path.resolve()) for path in paths)) if paths else None
