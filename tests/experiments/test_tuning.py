"""Settings to try, the choice among them, and what it adds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from statistics import fmean

import pytest

from tests.experiments.synthetic_runs import TARGETS, of_forty, settings
from zoo import Catalog, UnknownName, ZooError
from zoo.core.specs import Finetuning
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import make_plan
from zoo.experiments.report.selection import selection_notes, selection_table
from zoo.experiments.results.merge import merge
from zoo.experiments.results.records import Cost, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.selection import expected_best, search_results
from zoo.machine.environment import environment
from zoo.registry.search_grids import Setting, Tuning, every, tuning

CATALOG = Catalog.installed()


def test_the_expected_best_of_tries_is_that_of_all_ways_to_draw_them() -> None:
    scores = [0.5, 0.9, 0.6, 0.6]
    for n in (1, 2, 3, 4):
        assert expected_best(scores, n) == pytest.approx(fmean(max(drawn) for drawn in product(scores, repeat=n)))
    assert expected_best([1.0, 2.0, 3.0], 2) == pytest.approx(22 / 9)


def test_bert_tries_eighteen_settings_and_albert_one_a_task() -> None:
    found = tuning(["bert"], ["micro-sentiment", "rte"], CATALOG.search_grids)
    assert {len(settings) for settings in found.settings.values()} == {2 * 3 * 3}
    assert found.rule("rte") == "best on held-out items"
    assert tuning(["bert"], ["rte"], CATALOG.search_grids, "dev").rule("rte") == "best on dev"
    assert {
        tuple(s.values[name] for name in ("batch_size", "learning_rate", "epochs")) for s in found.settings["rte"]
    } == set(product((16, 32), (5e-5, 3e-5, 2e-5), (2.0, 3.0, 4.0)))
    found = tuning(["albert"], ["rte", "cola"], CATALOG.search_grids)
    assert [setting.label for setting in found.settings["rte"]] == [
        "learning_rate=3e-05,batch_size=32,steps=800,warmup=0.25"
    ]
    assert found.rule("rte") == found.rule("cola") == "fixed"


def test_values_on_the_command_line_are_combined() -> None:
    found = tuning(["learning_rate=1e-3,3e-4", "batch_size=16"], ["rte"], {})
    assert [setting.label for setting in found.settings["rte"]] == [
        "learning_rate=0.001,batch_size=16",
        "learning_rate=0.0003,batch_size=16",
    ]


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (["brt"], "did you mean 'bert'"),
        (["bert", "learning_rate=1"], "'bert' is not a field to try"),
        (["lr=1e-3"], "'lr' is not a field of a fine-tuning recipe"),
        (["learning_rate=fast"], "does not fit: learning_rate: input should be a valid number"),
        (["learning_rate=-1"], "does not fit: learning_rate: input should be greater than 0"),
        (["adaptation.tokens=5,6"], "'adaptation.tokens' is not a field of fine-tuning; --tune tries these alone"),
        (["batch_size=16", "batch_size=32"], "not a field to try"),
        (["batch_size="], "does not fit: batch_size"),
        (["finetuning.layer_decay=0.9,0.9"], "tries 0.9 twice"),
        (["class_weights=equal,ballanced"], "does not fit: class_weights: input should be 'equal' or 'balanced'"),
        (["ema_decay=0.9", "early_stopping=0.1"], "each say which weights are kept"),
    ],
)
def test_what_cannot_be_tried_is_refused(asked: list[str], complaint: str) -> None:
    with pytest.raises(ZooError, match=complaint):
        tuning(asked, ["rte"], CATALOG.search_grids)


def test_a_grid_that_has_nothing_for_a_task_says_so() -> None:
    with pytest.raises(UnknownName, match=r"'micro-sentiment' is not a task \(in the settings of albert\)"):
        tuning(["albert"], ["micro-sentiment"], CATALOG.search_grids)


def test_a_setting_takes_the_place_of_what_it_names_and_epochs_that_of_steps() -> None:
    recipe = Finetuning(learning_rate=1e-3, steps=150, batch_size=32)
    assert Setting(learning_rate=1e-4).applied(recipe) == Finetuning(learning_rate=1e-4, steps=150, batch_size=32)
    assert Setting(epochs=2.0).applied(recipe) == Finetuning(learning_rate=1e-3, epochs=2.0, batch_size=32)
    assert Setting(steps=7).applied(recipe).steps == 7


def test_any_field_of_a_recipe_can_be_tried_also_switched_off() -> None:
    found = tuning(["finetuning.layer_decay=0.8,1", "ema_decay=none,0.9", "class_weights=balanced"], ["rte"], {})
    assert [setting.label for setting in found.settings["rte"]][:2] == [
        "layer_decay=0.8,ema_decay=none,class_weights=balanced",
        "layer_decay=0.8,ema_decay=0.9,class_weights=balanced",
    ]
    recipe = Finetuning(learning_rate=1e-3, ema_decay=0.5)
    assert found.settings["rte"][0].applied(recipe) == Finetuning(
        learning_rate=1e-3, layer_decay=0.8, class_weights="balanced"
    )
    again = Tuning.model_validate_json(found.model_dump_json())
    assert again == found
    with pytest.raises(ZooError, match=r"early_stopping=0.1 does not go with the recipe: ema_decay and early_stopping"):
        Setting.model_validate({"early_stopping": 0.1}).applied(recipe)


def test_a_setting_that_a_variant_cannot_take_is_refused_before_anything_is_trained() -> None:
    for asked, problem in (
        ("frozen_layers=0,99", "frozen_layers=99 is more than"),
        ("max_length=64,4096", "max_length"),
    ):
        chosen = tuning([asked], TASKS, {})
        with pytest.raises(ZooError, match=problem):
            make_plan(CATALOG, [CATALOG.variant("bert-tiny")], TASKS, settings=settings(tuning=chosen))


def test_every_combination_is_made_in_order() -> None:
    assert [s.label for s in every(epochs=(2.0, 3.0), warmup=(0.1,))] == ["epochs=2,warmup=0.1", "epochs=3,warmup=0.1"]


TASKS = ("micro-acceptability", "micro-sentiment")


def made_up(
    asked: list[str] | None,
    wrong: dict[tuple[str, str], list[int]],
    tasks: tuple[str, ...] = TASKS,
    held_out: dict[str, float] | None = None,
) -> ComparisonRun:
    """A run of one variant, wrong on so many of 40 items of a task with a setting, by seed; others on 20.

    Settings are chosen on dev, or on held-out items by the scores given.
    """
    chosen = tuning(asked, tasks, CATALOG.search_grids, "train" if held_out else "dev") if asked else None
    variants = [CATALOG.variant("bert-tiny")]
    plan = of_forty(make_plan(CATALOG, variants, tasks, n_seeds=2, settings=settings(tuning=chosen)))

    def result(job: Job) -> TaskResult:
        label = job.setting.label if job.setting else ""
        n_wrong = wrong.get((str(job.task), label), [20, 20])[job.seed]
        accuracy = 1 - n_wrong / 40
        return TaskResult(
            job=job,
            task_version=plan.task(str(job.task)).version,
            data_hash=plan.task(str(job.task)).content_hash,
            synthetic=True,
            steps=1,
            scores={"dev": {"accuracy": accuracy}},
            main_score=accuracy,
            selection_score=held_out.get(label) if held_out else None,
            predictions={"dev": [1 - t if i < n_wrong else t for i, t in enumerate(TARGETS)]},
            environment=environment(CATALOG),
            cost=Cost(seconds=1.0, peak_bytes=1),
        )

    results = tuple(result(job) for job in plan.jobs if job.kind != "pretrain")
    return ComparisonRun(plan=plan, results=results, gold={task: {"dev": TARGETS} for task in tasks})


RATES = ["learning_rate=0.001", "learning_rate=0.0003", "learning_rate=0.0001"]
ASKED = ["learning_rate=1e-3,3e-4,1e-4"]


def test_the_best_setting_in_the_mean_over_seeds_is_shown_and_what_that_adds_is_told() -> None:
    wrong = {
        (TASKS[0], RATES[0]): [20, 20],
        (TASKS[0], RATES[1]): [2, 6],
        (TASKS[0], RATES[2]): [0, 32],  # the best single run is not the best setting
        (TASKS[1], RATES[0]): [0, 0],
    }
    run = made_up(ASKED, wrong)
    assert [result.main_score for result in run.finetuned("bert-tiny", TASKS[0])] == [0.95, 0.85]
    assert {result.job.selection for result in run.finetuned("bert-tiny")} == {"best on dev"}
    first, second = search_results(run)
    assert first.chosen == RATES[1] and first.scores == pytest.approx(dict(zip(RATES, (0.5, 0.9, 0.6), strict=True)))
    assert first.shown == pytest.approx(0.9) and first.mean == pytest.approx(2 / 3)
    # Of 27 ways to draw three of them, 1 has nothing above 0.5, 8 nothing above 0.6.
    assert first.expected_best == pytest.approx((0.5 * 1 + 0.6 * 7 + 0.9 * 19) / 27)
    # Over both tasks the first rate has 0.5 and 1.0, the second 0.9 and 0.5, the third 0.6 and 0.5.
    assert (first.fixed, second.fixed) == (pytest.approx(0.5), pytest.approx(1.0))
    assert selection_table(run).rows[0][1:5] == (RATES[1], "3", "-", "90.0")
    assert any("optimistic" in note for note in selection_notes(run))


def test_a_setting_that_is_best_on_held_out_items_is_shown_with_its_score_on_dev() -> None:
    run = made_up(ASKED, {(TASKS[0], RATES[1]): [0, 0]}, TASKS[:1], dict(zip(RATES, (0.6, 0.5, 0.8), strict=True)))
    (found,) = search_results(run)
    assert (found.chosen, found.on_held_out, found.shown) == (RATES[2], 0.8, 0.5) and found.expected_best is None
    assert {result.job.selection for result in run.finetuned("bert-tiny")} == {"best on held-out items"}
    assert selection_table(run).rows[0][1:6] == (RATES[2], "3", "80.0", "50.0", "-")
    (note,) = [note for note in selection_notes(run) if "held-out" in note]
    assert "10% of the training items" in note and not any("optimistic" in note for note in selection_notes(run))


def test_a_setting_that_fewer_seeds_finished_is_not_chosen() -> None:
    run = made_up(ASKED, {(TASKS[0], RATES[2]): [0, 0]})
    lost = [r for r in run.results if r.job.name == f"finetune-bert-tiny-{TASKS[0]}-s1-{RATES[2]}"]
    assert len(lost) == 1
    run = replace(run, results=tuple(r for r in run.results if r not in lost))
    assert {r.job.setting.label for r in run.finetuned("bert-tiny", TASKS[0]) if r.job.setting} == {RATES[0]}


def test_a_single_setting_is_fixed_and_a_table_of_two_rules_says_so() -> None:
    run = made_up(["learning_rate=1e-3"], {})
    assert {result.job.selection for result in run.finetuned("bert-tiny")} == {"fixed"}
    assert not search_results(run) and not any("mixes" in note for note in selection_notes(run))
    settings = {TASKS[0]: every(learning_rate=(1e-3,)), TASKS[1]: every(learning_rate=(1e-3, 3e-4))}
    mixed = run.plan.model_copy(update={"tuning": Tuning(name="mixed", source="none", settings=settings)})
    results = [r.model_copy(update={"job": c}) for r, c in zip(run.results, mixed.jobs[1:], strict=False)]
    notes = selection_notes(ComparisonRun(plan=mixed, results=tuple(results)))
    assert any(f"best on dev on {TASKS[1]}; fixed on {TASKS[0]}" in note or "mixes rules" in note for note in notes)


@pytest.mark.slow
def test_runs_are_put_together_only_if_they_tried_the_same() -> None:
    parts = {task: made_up(ASKED, {(task, RATES[1]): [1, 1]}, tasks=(task,)) for task in TASKS}
    merged = merge(parts)
    assert merged.plan.tuning and sorted(merged.plan.tuning.settings) == sorted(TASKS)
    assert [choice.chosen for choice in search_results(merged)] == [RATES[1]] * 2
    for asked in (["learning_rate=1e-3"], None):
        with pytest.raises(ZooError, match="a and b are not of one comparison: the settings of fine-tuning are given"):
            merge({"a": parts[TASKS[0]], "b": made_up(asked, {}, tasks=TASKS[:1])})


def test_a_plan_without_settings_is_as_it_was() -> None:
    plan = make_plan(CATALOG, [CATALOG.variant("bert-tiny")], TASKS, n_seeds=1)
    assert [job.name for job in plan.jobs if job.kind == "finetune"] == [f"finetune-bert-tiny-{t}-s0" for t in TASKS]
    assert selection_notes(ComparisonRun(plan=plan, results=())) == []
