"""Predictions of other tools: scores against scikit-learn, scipy and seqeval, verdicts against a comparison's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy import stats
from seqeval.metrics import f1_score as entity_f1
from sklearn import metrics

import zoo
from tests.experiments.judging.conftest import GENERATOR, GOLD, WORDS, jsonl, noisy, words, written
from tests.experiments.synthetic_runs import TARGETS, made_up, saved
from tests.typed import typed
from zoo.document.formats import FORMATS
from zoo.experiments.report.judged import judged_schema
from zoo.experiments.statistics.verdicts import compare_systems

FORMS: dict[str, Callable[[str, list[int]], object]] = {
    "a.jsonl": lambda path, made: jsonl(path, [{"id": n, "prediction": WORDS[v]} for n, v in enumerate(made)]),
    "bare.jsonl": lambda path, made: jsonl(path, words(made)),
    "ids.jsonl": lambda path, made: jsonl(path, [{"prediction": value} for value in made]),
    "list.json": lambda path, made: written(path, [json.dumps(words(made))]),
    "by-id.json": lambda path, made: written(path, [json.dumps({str(n): WORDS[v] for n, v in enumerate(made)})]),
    "a.csv": lambda path, made: written(
        path, ["idx,text,prediction", *(f'{n},"a, b",{WORDS[v]}' for n, v in enumerate(made))]
    ),
    "floats.csv": lambda path, made: written(path, ["prediction", *map(float, made)]),
    "glue.tsv": lambda path, made: written(
        path, ["index\tprediction", *(f"{n}\t{WORDS[v]}" for n, v in enumerate(made))]
    ),
    "predict_results_rte.txt": lambda path, made: written(
        path, ["index\tprediction", *(f"{n}\t{WORDS[v]}" for n, v in reversed(list(enumerate(made))))]
    ),
    "two.tsv": lambda path, made: written(path, [f"{n}\t{WORDS[v]}" for n, v in enumerate(made)]),
    "plain.txt": lambda path, made: written(path, words(made)),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_same_predictions_score_the_same_in_every_form(here: Path, name: str) -> None:
    made = noisy(GOLD, 0.4)
    FORMS[name](name, made)
    written("gold.tsv", ["index\tlabel", *(f"{n}\t{WORDS[v]}" for n, v in enumerate(GOLD))])
    judged = zoo.judge(f"bert={name}", gold="gold.tsv", metric="accuracy,f1,matthews")
    expected = metrics.accuracy_score(GOLD, made), metrics.f1_score(GOLD, made), metrics.matthews_corrcoef(GOLD, made)
    scores = judged.run.results[0].scores["dev"]
    assert tuple(scores.values()) == pytest.approx(expected)
    assert judged.run.results[0].main_score == pytest.approx(np.mean(expected))


def test_verdicts_are_those_of_the_comparison_whose_predictions_are_judged(here: Path) -> None:
    run = made_up(4, {"bert-tiny": [5, 2, 2, 9], "albert-tiny": [22, 20, 17, 25]})
    folder = saved(run, here / "run")
    sources = [f"{name}={folder}/jobs/finetune-{name}-lamps-s*.json" for name in ("bert-tiny", "albert-tiny")]
    judged = zoo.judge(*sources, gold=f"{folder}/gold/lamps.json", labels="off,on", kind="classification", margin=2.0)
    expected = compare_systems(run)
    ours, theirs = judged.statistics.between_variants()[0], expected.between_variants()[0]
    assert (theirs.verdict, theirs.n_seeds) == ("better", 4)
    assert ours.model_copy(update={"equivalence_p": None}) == theirs
    assert judged.statistics.tiers == expected.tiers
    assert judged.statistics.spreads["lamps"]["bert-tiny"] == expected.spreads["lamps"]["bert-tiny"]


def test_predictions_of_the_transformers_library_score_as_scikit_learn_has_it() -> None:
    example = Path(__file__).resolve().parents[3] / "docs" / "examples" / "judging"
    read = [line.split("\t")[1] for line in (example / "micro-acceptability.tsv").read_text().splitlines()[1:]]
    judged = zoo.judge(
        *(f"{name}={example}/{name}*/predict_results_micro-acceptability.txt" for name in ("bert", "albert", "bag")),
        gold=f"{example}/micro-acceptability.tsv",
    )
    for file, result in zip(judged.run.plan.files, judged.run.results, strict=True):
        made = [line.split("\t")[1] for line in Path(file.path).read_text().splitlines()[1:]]
        assert result.main_score == pytest.approx(metrics.accuracy_score(read, made))
    verdicts = {(d.first, d.second): d.winner_first[0] for d in judged.statistics.differences if d.verdict == "better"}
    assert verdicts == {("bert", "bag"): "bert", ("albert", "bag"): "albert"}


def test_only_scores_are_tested_over_seeds_as_scipy_does() -> None:
    one, two = [0.81, 0.84, 0.80, 0.83], [0.86, 0.85, 0.84, 0.88]
    judged = zoo.judge({"bert": one, "roberta": two}, metric="accuracy")
    (found,) = judged.statistics.between_variants()
    assert found.p == pytest.approx(stats.ttest_rel(one, two).pvalue, rel=1e-6)
    interval = stats.ttest_rel(one, two).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert "nothing can be said about other items" in judged.render(sections=["scores"]).replace("\n", " ")


@pytest.mark.parametrize("roberta", ["0.95", "0.95,0.95,0.95"])
def test_scores_without_a_spread_show_nothing(roberta: str) -> None:
    judged = zoo.judge("bert=0.70" + ",0.70" * roberta.count(","), f"roberta={roberta}")
    (found,) = judged.statistics.between_variants()
    assert (found.verdict, found.p, found.low) == ("too few seeds", 1.0, None)
    assert judged.statistics.main_standings["roberta"].low is None


def test_no_number_among_scores_is_no_file() -> None:
    with pytest.raises(zoo.ZooError, match="bert on task, seed 1: nan should be a score"):
        zoo.judge("bert=0.7,nan,0.8", "roberta=0.9,0.9,0.8")


def test_two_single_models_are_tested_over_items_as_scipy_does() -> None:
    one, two = noisy(GOLD, 0.2), noisy(GOLD, 0.6)
    judged = zoo.judge({"bert": [one], "roberta": [two]}, gold=GOLD)
    (found,) = judged.statistics.between_variants()
    right = [np.array(made) == np.array(GOLD) for made in (one, two)]
    assert found.fixed
    expected = stats.ttest_rel(*(side.astype(float) for side in right))
    assert found.p == pytest.approx(expected.pvalue, rel=0.5)  # the error of the items is that of 2,000 draws
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.01)
    assert "One seed only: bert, roberta" in judged.render(sections=["scores"])


def test_tags_in_conll_files_and_in_lines_score_as_seqeval_has_it(here: Path) -> None:
    tags = ["O", "B-PER", "I-PER", "B-LOC", "O", "O"]
    gold = [[str(GENERATOR.choice(tags)) for _ in range(n % 7 + 1)] for n in range(40)]
    made = [[str(GENERATOR.choice(tags)) if GENERATOR.random() < 0.2 else tag for tag in text] for text in gold]
    made[0][0] = "B-ORG"  # a type that no gold label has
    for name, texts in (("gold.conll", gold), ("bert.conll", made)):
        written(name, [line for text in texts for line in (*(f"w{n} {tag}" for n, tag in enumerate(text)), "")])
    written("predictions.txt", [" ".join(text) for text in made])
    for name in ("bert.conll", "predictions.txt"):
        judged = zoo.judge(f"bert={name}", gold="gold.conll", metric="entity-f1")
        assert judged.run.results[0].main_score == pytest.approx(entity_f1(gold, made)), name
    Path("bert.conll").write_text(Path("bert.conll").read_text().replace("w0 B-ORG\n", "w0 B-ORG\nw9 O\n", 1))
    with pytest.raises(zoo.ZooError, match=r"^bert.conll:1: has 2 tags for 1 words$"):
        zoo.judge("bert=bert.conll", gold="gold.conll")


def test_numbers_are_correlated_as_scipy_does(here: Path) -> None:
    gold = GENERATOR.normal(size=50).round(3).tolist()
    made = (np.array(gold) + GENERATOR.normal(size=50)).tolist()
    written("stsb.csv", ["id,score", *(f"x{n},{v}" for n, v in enumerate(gold))])
    written("bert.tsv", ["id\tprediction", *(f"x{n}\t{v}" for n, v in reversed(list(enumerate(made))))])
    judged = zoo.judge("bert=bert.tsv", gold="stsb.csv", metric="spearman,pearson")
    scores = judged.run.results[0].scores["dev"]
    assert scores["spearman"] == pytest.approx(stats.spearmanr(gold, made).statistic)
    assert scores["pearson"] == pytest.approx(stats.pearsonr(gold, made).statistic)
    assert judged.run.plan.files[0].how == "by id"


def test_answers_to_squads_questions_score_as_its_script_has_it(here: Path) -> None:
    context = "The cook from Paris sang."
    asked = [("a", ["The cook", "cook from Paris"]), ("b", ["Paris"]), ("c", ["sang"])]
    qas = [
        {
            "id": name,
            "question": "?",
            "answers": [{"text": text, "answer_start": context.index(text)} for text in texts],
        }
        for name, texts in asked
    ]
    Path("dev.json").write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}))
    Path("bert.json").write_text(json.dumps({"c": "sang loudly", "a": "the cook!", "b": "London"}))
    judged = zoo.judge("bert=bert.json", gold="dev.json", metric="exact-match,f1")
    scores = judged.run.results[0].scores["dev"]
    assert scores["exact-match"] == pytest.approx(1 / 3)
    assert scores["f1"] == pytest.approx((1 + 0 + 2 / 3) / 3)


def harness(path: str, rows: Sequence[dict[str, Any]]) -> str:
    """Samples with the fields of lm-evaluation-harness 0.4.13, in its order: metrics come last."""
    hashes = dict.fromkeys(("doc_hash", "prompt_hash", "target_hash"), "ab" * 32)
    rest = {"arguments": {"gen_args_0": {"arg_0": "Q:"}}, "resps": [[["-1.5", "False"]]], "filtered_resps": [["-1.5"]]}
    made = []
    for n, (target, scores) in enumerate((row["target"], {**row}) for row in rows):
        del scores["target"]
        named = {"filter": "none", "metrics": [*scores], **hashes, **scores}
        made.append({"doc_id": n, "doc": {"question": "Q"}, "target": str(target), **rest, **named})
    return jsonl(path, made)


def test_samples_of_the_evaluation_harness_are_judged_by_their_own_scores(here: Path) -> None:
    right = [[float(v) for v in GENERATOR.random(60) < share] for share in (0.5, 0.8)]
    for name, its in zip(("small", "large"), right, strict=True):
        harness(
            f"{name}/samples_arc_easy_2025-01-01T00.jsonl", [{"target": "1", "acc": v, "acc_norm": 1.0} for v in its]
        )
    judged = zoo.judge(*(f"{name}={name}/samples_{{task}}_2025*.jsonl" for name in ("small", "large")))
    assert [task.name for task in judged.run.plan.tasks] == ["arc_easy"]
    assert [result.main_score for result in judged.run.results] == pytest.approx([np.mean(its) for its in right])
    assert judged.statistics.between_variants()[0].verdict == "better"
    assert "arc_easy (acc)" in judged.render()
    assert zoo.judge("small=small/*.jsonl", metric="acc_norm").run.results[0].main_score == 1.0


def test_what_the_harness_keeps_as_pairs_is_scored_by_the_metric_itself(here: Path) -> None:
    made = noisy(GOLD, 0.5)
    harness("samples_cola_2025-01-01T00.jsonl", [{"target": g, "mcc": [g, m]} for g, m in zip(GOLD, made, strict=True)])
    (result,) = zoo.judge("small=samples_cola_*.jsonl").run.results
    assert result.main_score == pytest.approx(metrics.matthews_corrcoef(GOLD, made))


def test_gold_labels_beside_the_predictions_and_several_tasks_in_one_pattern(here: Path) -> None:
    for seed in (3, 11):
        for task in ("one", "two"):
            rows = zip(GOLD, noisy(GOLD, 0.3), strict=True)
            written(f"bert/{task}/run_{seed}.csv", ["label,prediction", *(f"{g},{m}" for g, m in rows)])
    judged = zoo.judge("bert=bert/{task}/run_{seed}.csv", metric=("f1", "two=matthews"))
    assert [(task.name, task.metrics) for task in judged.run.plan.tasks] == [("one", ("f1",)), ("two", ("matthews",))]
    assert sorted({result.job.seed for result in judged.run.results}) == [3, 11]


def test_predictions_for_a_known_task_are_matched_with_its_data(here: Path) -> None:
    rows = [f"{n}\tThe {n} cooks sang.\tCooks sang.\t{('entailment', 'not_entailment')[v]}" for n, v in enumerate(GOLD)]
    for split in ("train", "dev"):
        written(f"glue/RTE/{split}.tsv", ["index\tsentence1\tsentence2\tlabel", *rows])
    made = noisy(GOLD, 0.3)
    names = ["entailment", "not entailment"]  # as a model may spell them
    written("RTE.tsv", ["index\tprediction", *(f"{n}\t{names[v]}" for n, v in enumerate(made))])
    judged = zoo.judge("bert={task}.tsv", tasks="rte", data="glue")
    assert judged.run.results[0].main_score == pytest.approx(metrics.accuracy_score(GOLD, made))


@pytest.fixture
def judged(here: Path) -> Path:
    """A folder of a judgement on three seeds of two systems."""
    written("gold.txt", words(GOLD))
    for seed in range(3):
        written(f"bert-{seed}.txt", words(noisy(GOLD, 0.8)))
        written(f"roberta-{seed}.txt", words(noisy(GOLD, 0.2)))
    done = typed("judge", "bert=bert-*.txt", "roberta=roberta-*.txt", "--gold", "gold.txt", "--out", "judged")
    assert done.returncode == 0
    assert "roberta is the best of 2 systems" in done.stdout
    return here / "judged"


def test_a_folder_is_reported_in_every_format_and_verified(judged: Path) -> None:
    for form in FORMATS:
        assert "roberta" in zoo.report(judged).render(form)
    assert "1. roberta; 2. bert" in zoo.report(judged).render(sections=["tiers"])
    assert zoo.report(judged, margin=90).statistics.claims.margin == 90
    verified = typed("verify", judged)
    assert verified.returncode == 0
    assert "contradicted 0, not decidable 0" in verified.stdout
    assert typed("verify", judged, "--depth", "models").returncode == 2
    again = zoo.judge("bert=bert-*.txt", "roberta=roberta-*.txt", gold="gold.txt", out="again")
    assert (judged / "results.json").read_bytes() == (again.folder / "results.json").read_bytes()  # type: ignore[operator]


def test_published_results_keep_to_the_published_schema(judged: Path) -> None:
    published = (Path(__file__).resolve().parents[3] / "docs/schema/judged.schema.json").read_text()
    assert published == judged_schema(), "write docs/schema/judged.schema.json again: report.judged.judged_schema()"
    jsonschema.validate(json.loads((judged / "results.json").read_text()), json.loads(published))


def test_what_was_changed_afterwards_is_found(judged: Path) -> None:
    Path("bert-1.txt").write_text("no\n")
    Path("bert-2.txt").unlink()
    path = judged / "jobs" / "judged-roberta-gold-s0.json"
    kept = json.loads(path.read_text())
    kept["predictions"]["dev"][0] = 1 - kept["predictions"]["dev"][0]
    path.write_text(json.dumps(kept))
    found = {(check.where, check.finding) for check in zoo.verify(judged).checks}
    assert ("bert-1.txt", "contradicted") in found
    assert ("bert-2.txt", "not decidable") in found
    assert ("jobs/judged-roberta-gold-s0.json: scores.dev.accuracy", "contradicted") in found


def test_arrays_are_taken_as_lists_are() -> None:
    gold = np.array(GOLD)
    judged = zoo.judge({"good": [gold, gold], "bad": 1 - np.stack([gold, gold])}, gold=gold)
    assert [result.main_score for result in judged.run.results] == [1.0, 1.0, 0.0, 0.0]


def test_a_table_of_scores_names_systems_tasks_and_seeds(here: Path) -> None:
    rows = [
        f"{name},{task},{seed},{score + seed * score / 1000}"
        for name, score in (("a", 50), ("b", 70))
        for task in "xy"
        for seed in (4, 7)
    ]
    written("scores.csv", ["system,task,seed,score", *rows])
    judged = zoo.judge(scores="scores.csv", scale=100)
    assert judged.run.plan.names == ("a", "b")
    assert [task.name for task in judged.run.plan.tasks] == ["x", "y"]
    assert {d.verdict for d in judged.statistics.between_variants()} == {"better"}


def test_a_majority_of_gold_labels_is_what_it_is(here: Path) -> None:
    made = zoo.judge({"constant": [[0] * 40, [0] * 40]}, gold=TARGETS)
    assert "Constant predictions" in made.render()


def test_words_fit_systems_and_commands_can_be_pasted(here: Path) -> None:
    written("gold.tsv", ["index\tlabel", *(f"{n}\t{WORDS[v]}" for n, v in enumerate(GOLD))])
    for name in ("a", "b"):
        written(f"{name}.tsv", ["index\tprediction", *(f"{n}\t{WORDS[v]}" for n, v in enumerate(noisy(GOLD, 0.3)))])
    done = typed("judge", "a=a.tsv", "b=b.tsv", "--gold", "gold.tsv", "--out", "my läuf")
    assert done.returncode == 0 and "zoo verify 'my läuf'" in done.stdout
    report = Path("my läuf/report.md").read_text()
    assert "variant" not in report and "95% over items." in report and "over seeds" not in report
