"""`zoo score`, in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import zoo
from tests.inference.conftest import Make, Run, make, zoo_command
from zoo.core.errors import ZooError
from zoo.tasks.minimal_pairs import MinimalPair

__all__ = ["make", "zoo_command"]

PAIRS = [
    MinimalPair("the capital of france is paris .", "the capital of paris is france .", "order", "t"),
    MinimalPair("a b .", "a ac .", "word", "t"),
    MinimalPair("paris a unheard", "paris a unknown", "word", "u"),
]


def test_pairs_are_reported_by_group_with_ties_and_differences(make: Make) -> None:
    models = [zoo.load(make("BertForMaskedLM")), make("BertForPreTraining")]
    report = zoo.score(*models, pairs=PAIRS).report
    (good, bad), *_, last = next(iter(report.scores.values()))
    assert list(report.groups) == ["all", "term", "phenomenon"]
    assert report.right[next(iter(report.scores))][0] == (good.log_probability > bad.log_probability)
    assert last[0].log_probability == last[1].log_probability and not report.right["BertForPreTraining"][2]
    shown = zoo.score(*models, pairs=PAIRS).render()
    assert "gives equal probability to both sentences of 1 of 3 pairs; these count as wrong" in shown
    assert "all: " in shown and "not significant" in shown
    assert "one token hidden at a time; cpu (" in shown and "peak memory" in shown


def test_the_same_scores_come_in_every_format(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    folder, file = make("BertForMaskedLM"), tmp_path / "pairs.jsonl"
    lines = [{"sentence_good": pair.good, "sentence_bad": pair.bad, "UID": pair.phenomenon} for pair in PAIRS]
    file.write_text("\n".join(map(json.dumps, lines)))
    status, out, _ = zoo_command("score", folder, "--pairs", file, "--json", "--out", tmp_path / "report.html")
    data = json.loads(out)
    expected = zoo.score(folder, pairs=PAIRS).report
    ours = [[score.log_probability for score in pair] for pair in expected.scores["BertForMaskedLM"]]
    assert status == 0 and [pair["log_probabilities"]["BertForMaskedLM"] for pair in data["pairs"]] == ours
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_the_commands_print_texts_and_gaps(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    folder, file = make("BertForMaskedLM"), tmp_path / "text"
    file.write_text("a b\nthe capital\n")
    status, out, _ = zoo_command("score", folder, "--texts", file)
    assert status == 0 and "perplexity per token" in out and "the capital" in out
    file.write_text("the capital of <mask> is paris .\tfrance\tac\n")
    status, out, _ = zoo_command("score", folder, "--cloze", file, "--json")
    assert status == 0 and len(json.loads(out)["log_probabilities"]["BertForMaskedLM"][0]) == 2
    assert sum(zoo.score(folder, cloze=file).report.probabilities("BertForMaskedLM")[0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "content", "said"),
    [
        ((), "", "say what to score: one of pairs, texts and cloze"),
        (("--pairs", "micro-pair"), "", "did you mean 'micro-pairs'?"),
        (("--texts", "file"), "a\n\nb", "file:2: is empty; each line should be a text"),
        (("--texts", "file"), "", "file: holds no text to score"),
        (("--cloze", "file"), "", "file: is empty; each line"),
        (("--cloze", "file"), "a [MASK]\tb\tc\na\tb\tc", "file:2: has 0 gaps"),
        (("--cloze", "file"), "[MASK] [MASK]\tb\tc", "file:1: has 2 gaps"),
        (("--cloze", "file"), "a [MASK]\tb", "file:1: has 1 candidates; give two or more"),
        (("--pairs", "file"), '{"sentence_good": "a"}', "file:1: has no sentence_bad"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zoo_command: Run,
    given: tuple[str, ...], content: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("file").write_text(content)
    status, out, err = zoo_command("score", make("BertForMaskedLM"), *given)
    assert (status, out) == (2, "") and said in err and err.count("\n") == 1


def test_models_that_cannot_score_or_come_twice_are_refused(make: Make) -> None:
    with pytest.raises(ZooError, match="no output layer for tokens"):
        zoo.score(make("BertModel"), pairs=PAIRS)
    folder = make("BertForMaskedLM")
    with pytest.raises(ZooError, match="is given twice"):
        zoo.score(folder, folder, pairs=PAIRS)
    with pytest.raises(ZooError, match="name a model to score with"):
        zoo.score(pairs=PAIRS)
