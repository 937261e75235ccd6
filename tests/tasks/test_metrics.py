from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from zoo.core.errors import RunFailed, UnknownName
from zoo.tasks.glue import TASKS
from zoo.tasks.metrics import built_in, metrics_of
from zoo.tasks.scoring import main_limits, main_score, score
from zoo.tasks.task import Dataset, Task

BY_NAME = {task.name: task for task in TASKS}
SCALE = BY_NAME["stsb"]


def only(name: str, labels: tuple[str, ...] = ("0", "1"), task: Task = BY_NAME["cola"]) -> Task:
    return task.model_copy(update={"metrics": (name,), "labels": labels})


def test_the_four_metrics_of_two_classes_by_hand() -> None:
    # 3 true positives, 2 true negatives, 1 false positive, 2 false negatives
    targets, predictions = [1, 1, 1, 0, 0, 0, 1, 1], [1, 1, 1, 0, 0, 1, 0, 0]
    assert score(only("accuracy"), targets, predictions) == {"accuracy": 5 / 8}
    assert score(only("f1"), targets, predictions)["f1"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 2))
    assert score(only("matthews"), targets, predictions)["matthews"] == pytest.approx(
        (3 * 2 - 1 * 2) / math.sqrt((3 + 1) * (3 + 2) * (2 + 1) * (2 + 2))
    )


def test_pearson_and_spearman_by_hand() -> None:
    scores = score(SCALE, [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0])
    assert scores["pearson"] == pytest.approx(0.8)
    assert scores["spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert score(SCALE, [0.0, 1.0, 2.0], [0.0, 1.0, 8.0])["spearman"] == pytest.approx(1.0)


def test_spearman_averages_the_ranks_of_ties() -> None:
    targets, predictions = [1.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 2.0]
    by_hand = np.corrcoef([1.5, 1.5, 3, 4], [1, 2, 3.5, 3.5])[0, 1]
    assert score(SCALE, targets, predictions)["spearman"] == pytest.approx(by_hand)


def test_r3_is_gorodkins_correlation_of_three_classes() -> None:
    task = only("r3", ("a", "b", "c"))
    targets, predictions = [0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 1, 2, 0, 2]
    confusion = np.zeros((3, 3))
    np.add.at(confusion, (targets, predictions), 1)
    right, n, true, said = confusion.trace(), confusion.sum(), confusion.sum(1), confusion.sum(0)
    by_hand = (right * n - true @ said) / math.sqrt((n**2 - said @ said) * (n**2 - true @ true))
    assert score(task, targets, predictions)["r3"] == pytest.approx(by_hand)


@pytest.mark.parametrize("seed", range(5))
def test_every_metric_is_the_librarys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets, predictions = rng.integers(0, 2, (2, 50)).tolist()
    assert score(only("accuracy"), targets, predictions)["accuracy"] == np.mean(np.equal(targets, predictions))
    assert score(only("f1"), targets, predictions)["f1"] == sklearn_metrics.f1_score(targets, predictions)
    assert score(only("matthews"), targets, predictions)["matthews"] == pytest.approx(
        np.corrcoef(targets, predictions)[0, 1]
    )
    real, said = rng.normal(size=(2, 50)).tolist()
    scores = score(SCALE, real, said)
    assert scores["pearson"] == pytest.approx(np.corrcoef(real, said)[0, 1])
    assert scores["spearman"] == pytest.approx(np.corrcoef(stats.rankdata(real), stats.rankdata(said))[0, 1])


@pytest.mark.parametrize("name", ["f1", "matthews"])
def test_a_model_that_never_says_yes_scores_zero(name: str) -> None:
    assert score(only(name), [0, 1, 1, 0], [0, 0, 0, 0]) == {name: 0.0}


def test_one_class_everywhere_scores_zero_and_full_accuracy() -> None:
    assert score(only("matthews"), [1, 1], [1, 1]) == {"matthews": 0.0}
    assert score(only("f1"), [0, 0], [0, 0]) == {"f1": 0.0}
    assert score(only("accuracy"), [0, 0], [0, 0]) == {"accuracy": 1.0}


@pytest.mark.parametrize("collapsed", [[2.7, 2.7, 2.7], [0.0, 0.0, 0.0], [2.7, 2.7 + 4e-16, 2.7], [-1e9, -1e9, -1e9]])
def test_a_constant_prediction_correlates_zero(collapsed: list[float]) -> None:
    assert score(SCALE, [1.0, 2.0, 3.0], collapsed) == {"pearson": 0.0, "spearman": 0.0}
    assert score(SCALE, collapsed, [1.0, 2.0, 3.0]) == {"pearson": 0.0, "spearman": 0.0}


def test_a_single_item_correlates_zero() -> None:
    assert score(SCALE, [1.0], [2.0]) == {"pearson": 0.0, "spearman": 0.0}


def test_nearly_constant_predictions_still_correlate() -> None:
    near = np.array([2.7, 2.7000003, 2.7000005], dtype=np.float32)
    assert score(SCALE, [1.0, 2.0, 3.0], near.tolist())["spearman"] == pytest.approx(1.0)


def test_scores_are_plain_floats_in_the_order_of_the_record() -> None:
    scores = score(BY_NAME["mrpc"], [0, 1], [0, 1])
    assert list(scores) == ["f1", "accuracy"]
    assert all(type(value) is float for value in scores.values())


@pytest.mark.parametrize(
    ("task", "targets", "predictions", "said"),
    [
        (SCALE, [1.0, 2.0], [1.0, math.nan], "stsb: 1 of 2 predictions are not a finite number; try a lower"),
        (SCALE, [1.0, 2.0], [math.inf, math.nan], "2 of 2 predictions"),
        (SCALE, [1.0, None], [1.0, 1.0], "1 of 2 gold labels are not a finite number; the split has no labels"),
        (BY_NAME["rte"], [0, None], [0, 1], "rte: 1 of 2 gold labels are not a class id below 2"),
        (BY_NAME["rte"], [0, -100], [0, 1], "rte: 1 of 2 gold labels are not a class id below 2"),
        (BY_NAME["rte"], [0, 1], [0, 2], "rte: 1 of 2 predictions are not a class id below 2"),
        (BY_NAME["rte"], [0, 1], [0.5, math.nan], "rte: 2 of 2 predictions"),
        (BY_NAME["rte"], [0, 1], [0], "cannot score 1 predictions against 2 gold labels"),
        (BY_NAME["rte"], [], [], "cannot score 0 predictions against 0 gold labels"),
    ],
)
def test_what_cannot_be_scored_is_said(task: Task, targets: Any, predictions: Any, said: str) -> None:
    with pytest.raises(RunFailed, match=said):
        score(task, targets, predictions)


def test_an_unknown_metric_is_named_with_its_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'acuracy' is not a metric of classification .*did you mean 'accuracy'"):
        score(only("acuracy"), [0], [0])


def test_a_main_score_averages_two_metrics() -> None:
    assert main_score(BY_NAME["mrpc"], {"dev": {"f1": 0.9, "accuracy": 0.8}}) == pytest.approx(0.85)


def test_a_main_score_lies_within_its_metrics_and_errors_below_zero() -> None:
    limits = {name: main_limits(BY_NAME[name]) for name in ("mrpc", "cola")}
    assert limits == {"mrpc": (0.0, 1.0), "cola": (-1.0, 1.0)}
    errors = BY_NAME["stsb"].model_copy(update={"metrics": ("mean-absolute-error",)})
    low, high = main_limits(errors)
    assert low <= main_score(errors, {"dev": {"mean-absolute-error": 0.8}}) <= high == 0.0


def test_mnlis_main_score_averages_its_two_development_sets() -> None:
    scores = {"dev": {"accuracy": 0.8}, "dev_mismatched": {"accuracy": 0.9}}
    assert main_score(BY_NAME["mnli"], scores) == pytest.approx(0.85)


def test_every_metric_of_glue_is_known() -> None:
    assert {name for task in TASKS for name in task.metrics} <= {metric.name for metric in built_in()}


def test_listing_tasks_and_metrics_imports_nothing_heavy() -> None:
    code = (
        "import sys, zoo.tasks.glue, zoo.tasks.starter;"
        "print(*[name for name in ('torch', 'numpy', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_dataset_has_no_notes_unless_given() -> None:
    assert Dataset(splits={}, content_hash="").notes == ()


@pytest.mark.parametrize("seed", range(3))
def test_means_over_classes_are_those_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    gold, made = generator.integers(0, 5, (2, 30))
    for name, average in (("macro-f1", "macro"), ("weighted-f1", "weighted")):
        expected = sklearn_metrics.f1_score(gold, made, average=average, zero_division=0.0)
        assert metrics_of("classification")[name].value(gold, made) == pytest.approx(expected)
    several = generator.integers(0, 2, (2, 30, 4))
    for name, average in (("macro-f1", "macro"), ("micro-f1", "micro")):
        expected = sklearn_metrics.f1_score(*several, average=average, zero_division=0.0)
        assert metrics_of("multi-label")[name].value(*several) == pytest.approx(expected)
    assert metrics_of("multi-label")["exact-match"].value(*several) == sklearn_metrics.accuracy_score(*several)
    assert metrics_of("multi-label")["label-accuracy"].value(*several) == pytest.approx(
        1 - sklearn_metrics.hamming_loss(*several)
    )
    tags = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    words = [[[tags[tag] for tag in row] for row in side] for side in generator.integers(0, 5, (2, 6, 7))]
    flat = [[tag for row in side for tag in row] for side in words]
    assert metrics_of("token-classification")["macro-f1"].value(*words) == pytest.approx(
        sklearn_metrics.f1_score(*flat, average="macro", zero_division=0.0)
    )
    real = generator.normal(size=(2, 20))
    assert metrics_of("regression")["mean-absolute-error"].value(*real) == pytest.approx(
        sklearn_metrics.mean_absolute_error(*real)
    )
