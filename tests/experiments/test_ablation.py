"""What the edges of a made-up run do, beside what papers print."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest

import zoo_albert
import zoo_bert
import zoo_electra
import zoo_roberta
from tests.experiments.synthetic_runs import TARGETS, of_forty, pretrained, rendered, saved
from zoo import Catalog, Variant, ZooError, builtin_plugin
from zoo.commands.report import report
from zoo.core.held_out import HeldOutScore
from zoo.experiments.plan.ablation import Ablation, of_table, path
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import make_plan
from zoo.experiments.plan.options import AblationOptions
from zoo.experiments.plan.requests import as_the_paper
from zoo.experiments.results.records import Cost, Measured, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.ablation import effects
from zoo.experiments.statistics.tests import SAME
from zoo.machine.environment import environment

CATALOG = Catalog.of(zoo_bert, zoo_roberta, zoo_albert, zoo_electra, builtin_plugin)
TASKS = ("micro-acceptability", "micro-sentiment")


def made_up(variants: list[Variant], wrong: dict[str, list[int]], speed: dict[str, float]) -> ComparisonRun:
    """A run on two tasks of 40 items, where systems are wrong on so many by seed on the first, on 20 on the second."""
    plan = of_forty(make_plan(CATALOG, variants, TASKS, n_seeds=len(next(iter(wrong.values())))))

    def result(job: Job) -> TaskResult:
        n_wrong = wrong[job.system][job.seed] if job.system in wrong and job.task == TASKS[0] else 20
        missed = {(7 * job.seed + 3 * item) % 40 for item in range(n_wrong)}
        accuracy = 1 - n_wrong / 40
        return TaskResult(
            job=job,
            task_version=plan.task(str(job.task)).version,
            data_hash=plan.task(str(job.task)).content_hash,
            synthetic=True,
            steps=1,
            scores={"dev": {"accuracy": accuracy}},
            main_score=accuracy,
            predictions={"dev": [1 - t if i in missed else t for i, t in enumerate(TARGETS)]},
            environment=environment(CATALOG),
            cost=Cost(
                seconds=1.0,
                peak_bytes=1000,
                training_examples_per_s=speed.get(job.system),
                inference_items_per_s=Measured(median=speed.get(job.system, 1.0) ** 2, low=1.0, high=1.0, repeats=3),
            ),
        )

    results = tuple(result(job) for job in plan.jobs if job.kind != "pretrain")
    return ComparisonRun(plan=plan, results=results, gold={task: {"dev": TARGETS} for task in TASKS})


def of_ablation(run: ComparisonRun, ablation: Ablation) -> ComparisonRun:
    """The run of a plan with these edges."""
    return replace(run, plan=run.plan.model_copy(update={"ablation": ablation}))


def test_the_effect_of_an_edge_is_the_paired_difference_with_its_interval() -> None:
    way, ablation = path(CATALOG, ("bert-tiny", "bert-tiny+objectives=bert.mlm"))
    run = made_up(way, {way[0].name: [10, 10, 10], way[1].name: [6, 4, 8]}, {way[0].name: 100.0, way[1].name: 200.0})
    (effect,) = effects(run, ablation).effects
    on_first, on_second = effect.tasks
    # 4, 6 and 2 of 40 fewer are wrong: 0.1, 0.15 and 0.05 more, mean 0.1. Its error is that of the mean squares of the
    # table of gains; corrected over two tasks, t at 98.75% is 6.2053 of 2 degrees of freedom and 2.3313 of 39.
    before, after = (
        np.array([r.predictions["dev"] for r in run.finetuned(v.name, on_first.task)]) == run.gold[on_first.task]["dev"]
        for v in way
    )
    gains = after.astype(float) - before
    of_seeds, of_items = 40 * gains.mean(1).var(ddof=1), 3 * gains.mean(0).var(ddof=1)
    left = (40 * 3 * gains.var() - 2 * of_seeds - 39 * of_items) / 78
    a, b = max(of_seeds, left) / 120, max((of_items - left) / 120, 1 / 40**2)  # one item, if it is less
    assert on_first.difference == pytest.approx(0.1)
    known = left / 360
    reach = sqrt(6.2053**2 * (a - known) + 2.3313**2 * (b + known))
    assert on_first.low is not None and on_first.level == pytest.approx(0.025)
    assert on_first.low == pytest.approx(0.1 - reach, abs=0.002)
    assert on_second.difference == 0.0 and on_second.verdict == "not significant"
    assert effect.overall is not None and effect.overall.task == "mean"
    assert effect.overall.difference == pytest.approx(0.05)
    assert effect.overall.high is not None and effect.overall.high > 0.05
    assert effect.finetuning_speed is not None and effect.finetuning_speed.ratio == pytest.approx(2.0)
    assert effect.finetuning_speed.low == pytest.approx(2.0)
    assert effect.inference_speed is not None and effect.inference_speed.ratio == pytest.approx(4.0)
    assert effect.peak_memory is not None and effect.peak_memory.ratio == pytest.approx(1.0)
    assert effect.parameters_stored is None and effect.pretraining_speed is None


def test_an_edge_that_changes_nothing_is_told_to_be_the_same_model_and_makes_no_other_harder_to_show() -> None:
    names = ("bert-tiny", "bert-tiny+finetuning.epochs=2.0", "bert-tiny+finetuning.epochs=2.0+masking.rate=0.2")
    way, ablation = path(CATALOG, names)
    run = made_up(way, {names[0]: [10, 10, 12], names[1]: [10, 10, 12], names[2]: [6, 4, 9]}, {})
    found = effects(run, ablation)
    idle, real = found.effects
    assert idle.overall and idle.overall.verdict == SAME and {d.verdict for d in idle.tasks} == {SAME}
    assert real.overall and real.overall.verdict != SAME and real.overall.adjusted_p == real.overall.p
    page = rendered(of_ablation(run, ablation))
    assert "| 1. fine-tuning recipe | finetuning.epochs: 3.0 → 2.0 | +0.0 | - | same model |" in page
    assert f"| 1. fine-tuning recipe: {TASKS[0]} | +0.0 | - | {SAME} | - | - |" in page
    assert SAME in found.model_dump_json()


def test_what_should_be_the_same_model_and_scored_otherwise_is_tested_as_any_other() -> None:
    names = ("bert-tiny", "bert-tiny+finetuning.epochs=2.0")
    way, ablation = path(CATALOG, names)
    (effect,) = effects(made_up(way, {names[0]: [10, 10, 12], names[1]: [6, 4, 9]}, {}), ablation).effects
    assert effect.overall and effect.overall.verdict != SAME


def test_heads_may_be_an_edge_which_asks_for_no_second_pretraining() -> None:
    way, ablation = path(CATALOG, ("bert-tiny", "bert-tiny+head.pooling=first"))
    assert [edge.choice for edge in ablation.edges] == ["head"]
    with pytest.raises(ZooError, match=r"differ in head\.pooling"):
        make_plan(CATALOG, way, TASKS)
    plan = make_plan(CATALOG, way, TASKS, one_head=False)
    assert [job.system for job in plan.jobs if job.kind == "pretrain"] == ["bert-tiny"]


def of_paper(name: str, wrong: list[list[int]]) -> tuple[ComparisonRun, Ablation]:
    variants, ablation = of_table(CATALOG, CATALOG.paper_table(name), None)
    return made_up(variants, {v.name: w for v, w in zip(variants, wrong, strict=True)}, {}), ablation


def test_a_direction_agrees_disagrees_or_is_not_shown() -> None:
    # The paper: None 79.0, NSP 79.2, SOP 80.1. Here NSP is far worse than None, and SOP far better than both.
    wrong = [[10, 11, 10, 9, 10], [18, 19, 18, 17, 18], [1, 0, 1, 2, 1]]
    found = effects(*of_paper("albert-table-5", wrong))
    assert [(c.first, c.second, c.paper, c.direction) for c in found.contrasts] == [
        ("None", "NSP", pytest.approx(0.2), "disagree"),
        ("None", "SOP", pytest.approx(1.1), "agree"),
        ("NSP", "SOP", pytest.approx(0.9), "agree"),
    ]
    found = effects(*of_paper("albert-table-5", [[10, 11, 10, 9, 10]] * 3))
    assert {c.direction for c in found.contrasts} == {"not significant"}


def test_a_paper_that_changes_two_choices_at_once_is_followed_over_both_and_both_are_named() -> None:
    run, ablation = of_paper("roberta-table-2", [[10, 11, 10]] * 5)
    found = effects(run, ablation)
    assert [(c.first, c.second, c.choices) for c in found.contrasts] == [
        ("SEGMENT-PAIR + NSP", "SENTENCE-PAIR + NSP", ("packing",)),
        ("SEGMENT-PAIR + NSP", "FULL-SENTENCES", ("objective", "packing")),
        ("FULL-SENTENCES", "DOC-SENTENCES", ("packing",)),
    ]
    page = rendered(of_ablation(run, ablation))
    assert "| SEGMENT-PAIR + NSP → FULL-SENTENCES | objective, packing |" in page
    assert "| SEGMENT-PAIR | - | - | - | - | - |" in page
    assert "Liu et al. 2019" in page


def test_a_row_that_cannot_be_built_keeps_the_papers_numbers() -> None:
    run, ablation = of_paper("bert-table-7", [[10, 11, 10]] * 7)
    page = rendered(of_ablation(run, ablation))
    assert "| BERT large, fine-tuned | 96.6 | - | not built here |" in page
    assert {row.label for row in ablation.paper.rows if not row.variants} == {"BERT large, fine-tuned"}  # type: ignore[union-attr]


def test_a_task_that_stands_in_for_a_papers_column_is_compared_with_it_and_told() -> None:
    table = CATALOG.paper_table("bert-table-8").model_copy(update={"stand_ins": {"NER fine-tuned": TASKS[0]}})
    variants, ablation = of_table(CATALOG, table, None)
    run = made_up(variants, {v.name: [20, 21, 20] if n else [1, 0, 1] for n, v in enumerate(variants)}, {})
    found = effects(run, ablation)
    by_column = [(c.second, c.column, c.ours.task, c.direction) for c in found.contrasts if c.column]
    # 100/0/0 has 0.5 less of NER than 80/10/10 in the paper.
    assert by_column[0] == ("100/0/0", "NER fine-tuned", TASKS[0], "agree")
    assert len(by_column) == len(found.contrasts) / 2 == 5
    page = rendered(of_ablation(run, ablation))
    assert f"{TASKS[0]} (stand-in) |" in page
    assert f"{TASKS[0]} stands in for NER fine-tuned, whose data are yours: give --tasks conll2003" in page


def test_a_single_column_is_not_compared_twice() -> None:
    table = CATALOG.paper_table("bert-table-7").model_copy(update={"tasks": {"CoNLL-2003 NER": TASKS[0]}})
    variants, ablation = of_table(CATALOG, table, None)
    run = made_up(variants, {v.name: [10, 11, 10] for v in variants}, {})
    both = effects(run, ablation).contrasts
    alone = replace(run, results=tuple(r for r in run.results if r.job.task == TASKS[0]))
    assert len(both) == 2 * len(effects(alone, ablation).contrasts) == 2 * len(ablation.edges)


def test_a_preset_brings_the_tasks_that_stand_in_and_the_text_that_it_measures_perplexity_on() -> None:
    def asked(preset: str, **options: object) -> AblationOptions:
        return as_the_paper(CATALOG.paper_table(preset), AblationOptions.of(options))

    assert asked("bert-table-8").tasks == ("micro-entailment", "micro-roles")
    assert asked("bert-table-8", tasks=TASKS[0]).tasks == (TASKS[0],)
    assert asked("bert-table-8").held_out == 0
    assert asked("bert-table-6").held_out == 0.05 and asked("bert-table-6").tasks is None
    assert asked("bert-table-6", held_out=0.0).held_out == 0


def test_perplexity_on_held_out_text_stands_beside_the_papers() -> None:
    run, ablation = of_paper("bert-table-6", [[10, 11, 10]] * 6)
    job = next(job for job in run.plan.jobs if job.kind == "pretrain" and job.system == "bert-tiny")
    score = HeldOutScore(loss=log(123.0), accuracy=0.1, predictions=7)
    trained = pretrained(run.plan, job).model_copy(update={"held_out": {"bert.mlm": score}})
    page = rendered(of_ablation(replace(run, results=(*run.results, trained)), ablation))
    assert "| masked LM perplexity | MNLI-m | MRPC | SST-2 | our masked LM perplexity | our mean |" in page
    assert "| L=6 H=768 A=12 | 4.68 | 81.9 | 84.8 | 91.3 | 123.00 |" in page
    assert "| L=6 H=768 A=3 | 5.24 | 80.6 | 82.2 | 90.7 | - |" in page


def test_baselines_are_no_part_of_an_ablation() -> None:
    run, ablation = of_paper("bert-table-5", [[10, 11, 10]] * 4)
    names = {name for effect in effects(run, ablation).effects for d in effect.tasks for name in (d.first, d.second)}
    assert not names & {*run.plan.baselines}


def test_a_task_that_one_side_did_not_finish_is_left_out_and_said() -> None:
    way, ablation = path(CATALOG, ("bert-tiny", "bert-tiny+objectives=bert.mlm"))
    run = made_up(way, {way[0].name: [10, 10, 10], way[1].name: [6, 4, 8]}, {})
    lost = {(way[1].name, TASKS[1])}
    run = replace(run, results=tuple(r for r in run.results if (r.job.system, r.job.task) not in lost))
    found = effects(run, ablation)
    (effect,) = found.effects
    assert [d.task for d in effect.tasks] == [TASKS[0]] and effect.overall and effect.overall.task == TASKS[0]
    assert "1. objective: only 1 of 2 tasks are finished" in rendered(of_ablation(run, ablation))


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "latex", "csv", "json"])
def test_the_report_of_a_run_folder_begins_with_the_ablation_that_it_is_of(form: str, tmp_path: Path) -> None:
    run, ablation = of_paper("bert-table-5", [[10, 11, 10]] * 4)
    saved(of_ablation(run, ablation), tmp_path)
    out = tmp_path / "report"
    report(tmp_path, form, out)
    text = out.read_text().replace("\\", "").replace("&#x27;", "'")
    text = text[text.find('"sections"') :] if form == "json" else text  # behind the data
    assert "+ BiLSTM" in text and 0 < text.find("No NSP") < text.find("bag-of-words")
    assert form == "csv" or "The paper's effects and ours" in text
