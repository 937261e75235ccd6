"""The section that answers: sentences and a table that follow from the verdicts, whatever the run."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from math import sqrt
from pathlib import Path

import pytest
from scipy import stats

from tests.experiments.synthetic_runs import made_up, section
from zoo.commands.console import show_answer
from zoo.document import Figure, Made
from zoo.document.formats import FORMATS, renderer
from zoo.experiments.report.build import document
from zoo.experiments.results.folder import read_made, write_made
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.verdicts import compare_systems

CLEAR = {"bert-tiny": [18, 17, 19], "albert-tiny": [1, 2, 1]}


def lead(run: ComparisonRun) -> tuple[str, ...]:
    return document(analyse(run)).answer


def test_the_best_is_named_with_its_lead_and_its_interval() -> None:
    run = made_up(3, CLEAR, pretrain=True)
    best, cost, grounds, caveat = lead(run)
    (d,) = compare_systems(run).between_variants()
    assert d.low is not None and d.high is not None
    # 38 + 2/3 and 22 of 40 items are right: 96.7 and 55.0.
    ends = f"{-100 * d.high:.1f} to {-100 * d.low:.1f}"
    assert best == f"albert-tiny is the best of 2 systems, with 96.7 on lamps: 41.7 points ({ends}) above bert-tiny."
    assert cost.startswith("It is also the smallest, with ")
    assert grounds.startswith("Grounds: 1 task, 3 seeds, 40 development items")
    assert caveat.startswith("All seeds of a variant share one pre-training")


def test_where_the_best_is_larger_the_cost_of_being_best_is_said() -> None:
    run = made_up(3, {"bert-tiny": [1, 2, 1], "albert-tiny": [18, 17, 19]}, pretrain=True)
    cost = lead(run)[1]
    sizes = {name: made.parameters_stored for name in run.plan.names if (made := run.pretrained(name))}
    share = round(100 * sizes["albert-tiny"] / sizes["bert-tiny"])
    assert cost.startswith(f"The smallest, albert-tiny, stores {share}% of its parameters (")
    assert "scores 41.7 points (" in cost and " less." in cost
    assert "bert-tiny is not significantly better" not in cost


def test_without_a_significant_difference_there_is_no_winner() -> None:
    best, *_ = lead(made_up(3, {"bert-tiny": [3, 5, 4], "albert-tiny": [4, 3, 3]}))
    assert best.startswith(
        "No winner among albert-tiny and bert-tiny on lamps: albert-tiny has the highest score, 91.7"
    )
    assert "but its lead of 1.7 points (" in best
    assert best.endswith("over bert-tiny is not significant: by seed it is -2.5, 5.0 and 2.5.")


UNSURE = {"bert-tiny": [20, 4, 8], "albert-tiny": [6, 5, 1]}


def test_where_seeds_are_too_few_it_says_why_and_what_more_would_take() -> None:
    run = made_up(3, UNSURE)
    (d,) = compare_systems(run).between_variants()
    command = "zoo compare bert-tiny albert-tiny --seeds 3 --tasks lamps --out=mine"
    said = document(analyse(run), Made("2026-11-28", command)).answer[0]
    best, more = said.split(" A lead of this size takes ")
    assert best.startswith("No winner yet between albert-tiny and bert-tiny on lamps: albert-tiny has the highest")
    assert best.endswith("is not significant: by seed it is 35.0, -2.5 and 17.5.")
    assert d.seeds_needed and d.seeds_needed > 3
    n_more = d.seeds_needed - 3
    assert more == (  # each fine-tuning takes a second here, and two variants have one task
        f"about {d.seeds_needed} seeds to show (80% power); {n_more} more take about "
        f"{2 * n_more} s of computing: zoo compare bert-tiny albert-tiny --tasks lamps --out=mine --seeds "
        f"{d.seeds_needed}."
    )


def test_where_the_folder_is_not_known_results_are_taken_from_all() -> None:
    more = document(analyse(made_up(3, UNSURE)), Made("2026-11-28", "zoo compare --seeds=3")).answer[0]
    assert re.search(r": zoo compare --seeds \d+ --reuse runs\.$", more)


@pytest.mark.parametrize("command", ["zoo.compare()", "zoo compare --plan p.json", "zoo compare --resume --out x"])
def test_no_command_is_made_up_where_it_cannot_be_said(command: str) -> None:
    more = document(analyse(made_up(3, UNSURE)), Made("2026-11-28", command)).answer[0]
    assert more.endswith(" s of computing.")


def test_a_single_seed_decides_nothing() -> None:
    best, grounds, *_ = lead(made_up(1, {"bert-tiny": [12], "albert-tiny": [1]}))
    assert best.endswith(
        "97.5, 27.5 points above bert-tiny, but another seed could differ. A verdict takes at least 3 seeds; "
        "2 more take about 4 s of computing."
    )
    assert grounds.startswith("Grounds")  # nothing is said of baselines, against which nothing was tested


def test_equal_scores_are_no_lead() -> None:
    best, *_ = lead(made_up(3, {"bert-tiny": [3, 5, 4], "albert-tiny": [4, 3, 5]}))
    assert best.endswith(" on lamps: both score 90.0.")


def test_without_a_seed_in_common_nothing_is_tested() -> None:
    failed = ("finetune-albert-tiny-lamps-s1", "finetune-albert-tiny-lamps-s2", "finetune-bert-tiny-lamps-s0")
    best, *_ = lead(made_up(3, CLEAR, fail=failed))
    assert best.endswith("97.5, but it has no seed in common with bert-tiny, so nothing is tested.")


def test_where_only_some_seeds_learn_that_is_said_first() -> None:
    run = made_up(3, {"bert-tiny": [20, 2, 21], "albert-tiny": [1, 2, 1]})
    said = next(line for line in lead(run) if line.startswith("Not every seed learns"))
    assert "At chance: 2 of 3 runs of bert-tiny on lamps (the others: 95.0). Where some seeds learn" in said
    assert section(run, "scores").tables[0].by_label["bert-tiny"][0] == "64.2 ± 26.7 †"
    assert "† At chance on lamps: bert-tiny in 2 of 3 runs (mean of the others 95.0)." in section(run, "scores").notes
    none = made_up(3, {"bert-tiny": [20, 20, 21], "albert-tiny": [1, 2, 1]})
    assert not any(line.startswith("Not every seed learns") for line in lead(none))
    assert section(none, "scores").tables[0].by_label["bert-tiny"][0].endswith(" †")


def test_runs_that_are_all_at_chance_say_nothing_of_their_designs() -> None:
    best, chance, grounds, *_ = lead(made_up(3, {"bert-tiny": [19, 21, 20], "albert-tiny": [20, 20, 19]}))
    assert best.startswith("No winner") and grounds.startswith("Grounds")
    assert chance.startswith("Every run is at chance on lamps: ") and "these scores say nothing" in chance
    for learned in (made_up(3, {"bert-tiny": [3, 5, 4], "albert-tiny": [4, 3, 3]}), made_up(1, {"bert-tiny": [3]})):
        assert not any("say nothing" in line for line in lead(learned))


def test_the_grounds_are_the_seeds_there_are_and_what_they_vary_over() -> None:
    single = lead(made_up(1, {"bert-tiny": [3], "albert-tiny": [4]}))
    assert "Grounds: 1 task, 1 seed, 40 development items; intervals and tests are at 95% over items." in single
    looked = made_up(5, {"bert-tiny": [18, 17, 19, 18, 18], "albert-tiny": [1, 2, 1, 0, 1]})
    looks = looked.plan.model_copy(update={"claims": looked.plan.claims.model_copy(update={"looks": (3, 5)})})
    assert any(line.startswith("Grounds: 1 task, 5 seeds") for line in lead(replace(looked, plan=looks)))


def test_some_may_share_the_first_place() -> None:
    best, *_ = lead(
        made_up(3, {"bert-tiny": [3, 5, 4], "bert-tiny+dims.n_layers=1": [4, 3, 3], "albert-tiny": [20] * 3})
    )
    assert best.startswith("bert-tiny+dims.n_layers=1 and bert-tiny share the first place on lamps: ")


def test_what_is_equivalent_is_said_with_the_margin() -> None:
    run = made_up(6, {"bert-tiny": [1] * 6, "albert-tiny": [1] * 5 + [2]})
    plan = run.plan.model_copy(update={"claims": run.plan.claims.changed(margin=15.0)})
    assert "is equivalent within 15 points" in lead(replace(run, plan=plan))[0]


def test_one_variant_is_scored_and_compared_with_the_baselines() -> None:
    alone, floor, *_ = lead(made_up(3, {"bert-tiny": [19, 20, 21]}))
    assert alone.startswith("bert-tiny scores 50.0 (") and alone.endswith(") on lamps.")
    assert "bert-tiny is not significantly better than majority or bag-of-words on lamps." in floor


def test_without_gold_labels_or_results_it_says_that_there_is_no_answer() -> None:
    run = made_up(3, CLEAR)
    assert lead(replace(run, gold={}))[0] == "No verdict: the gold labels of lamps were not stored."
    begun = replace(run, results=())
    assert lead(begun)[0] == "No answer yet: no system has finished every task."
    assert lead(begun)[-1] == f"{len(run.plan.jobs)} of {len(run.plan.jobs)} jobs are missing; see Missing results."


def test_the_table_ranks_the_systems_and_puts_baselines_below() -> None:
    shown = section(made_up(3, CLEAR, pretrain=True), "summary")
    figure = shown.blocks[-1]
    assert isinstance(figure, Figure) and figure.chart.labelled
    rows = shown.tables[0].by_label
    assert list(rows) == ["albert-tiny", "bert-tiny", "majority", "bag-of-words"] and shown.tables[0].rules == {2}
    assert (rows["albert-tiny"][0], rows["bert-tiny"][0], rows["majority"][0]) == ("1", "2", "-")
    assert rows["bert-tiny"][2].startswith("-41.7 (-") and rows["albert-tiny"][2] == "-"


def test_an_interval_of_a_score_is_students_over_items_and_stays_in_the_range_of_the_metric() -> None:
    found = compare_systems(made_up(3, {"bert-tiny": [0, 0, 0]})).main_standings
    half = float(stats.t.ppf(0.975, 39)) * sqrt(0.25 / 39)  # half of 40 items are right, whatever the seed
    floor = found["majority"]
    assert floor.low is not None and floor.high is not None
    assert floor.high - floor.mean == pytest.approx(half, rel=0.05)  # a bootstrap of 2,000 draws
    assert floor.mean - floor.low == pytest.approx(half, rel=0.05)
    assert found["bert-tiny"].high == 1.0


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("csv", "terminal")])
def test_every_page_says_when_and_how_it_was_made(form: str) -> None:
    made = Made("2026-11-27", "zoo compare bert-tiny --tasks lamps --out 'a run'")
    shown = renderer(form)(document(analyse(made_up(2, {"bert-tiny": [1, 2]})), made))
    assert "2026-11-27" in shown and "zoo compare bert-tiny" in shown


def test_a_run_folder_keeps_the_command_that_began_it(tmp_path: Path) -> None:
    assert read_made(tmp_path) is None
    write_made(tmp_path, "zoo compare bert-tiny")
    write_made(tmp_path, "zoo compare --resume")
    made = read_made(tmp_path)
    assert made and made.command == "zoo compare bert-tiny" and date.fromisoformat(made.date) <= date.today()
    (tmp_path / "made.json").write_text("{")
    assert read_made(tmp_path) is None


def test_a_command_ends_with_the_answer_in_lines_that_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    made = document(analyse(made_up(3, CLEAR)))
    show_answer(made)
    shown = capsys.readouterr().out
    assert " ".join(shown.split()) == made.answer[0] and max(map(len, shown.splitlines())) <= 60
