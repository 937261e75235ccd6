"""The benchmarks run, here at sizes that measure nothing; benchmarks/README.md tells of all of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from scipy import stats

from benchmarks import (
    bench_feeding,
    bench_limits,
    bench_precision,
    bench_starts,
    bench_tokenizing,
    bench_versions,
    encoding,
    finetuning,
    gpu_check,
    gpu_correctness,
    multiple_tests,
    squad_features,
    squad_finetune,
    squad_sentences,
    table,
    until_decided,
    verdict_power,
    wnut_finetune,
)
from benchmarks.rows import GPU_ROWS, TINY, WHO, names_of_runs
from tests.source_graph import ROOT
from zoo.checkpoints import tokenizer_of
from zoo.core.specs import Finetuning
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import task_kind
from zoo.tasks.record_file import read_task_file
from zoo.weights.folder import CheckpointFolder

FOLDER = ROOT / "benchmarks"
WORDS = ["who", "built", "the", "old", "bridge", "and", "when", "did", "a", "young", "sailor", "cross", "it"]


@pytest.mark.slow
def test_every_row_runs_beside_its_peers_and_its_file_says_on_what_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # beside other processes nothing would be measured
    out = tmp_path / "rows.json"
    options = ["--tiny", "--benchmark-json", str(out), "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
    assert pytest.main([str(FOLDER / "bench_rows.py"), *options]) == 0
    found = json.loads(out.read_text())
    expected = {f"test_row[{row.name}-{who}]" for row in TINY for who in names_of_runs(row, "cpu")}
    assert {row["name"] for row in found["benchmarks"]} == expected
    assert all(row["extra_info"]["tokens_per_s"] > 0 for row in found["benchmarks"])
    facts = found["machine_info"]
    assert (facts["torch"], facts["transformers"]) == (torch.__version__, transformers.__version__)
    assert facts["device"] == "cpu" and facts["precision"] == "fp32" and "node" not in facts


def test_the_peer_encodes_the_same_tokens() -> None:
    model = encoding.model_with_tokenizer(TINY[0].variant)
    texts = encoding.texts_of(40, model.text_tokenizer)
    ours = encoding.encode_texts(model.text_tokenizer, texts, 128)[0]
    ids, mask = encoding.padded_texts(model)(texts)
    same_ids, same_mask = encoding.padded_ids(ours)
    assert torch.equal(mask, same_mask) and torch.equal(ids[mask.bool()], same_ids[mask.bool()])


def test_shares_of_the_limit_are_measured_beside_the_peer(capsys: pytest.CaptureFixture[str]) -> None:
    bench_limits.main(["--rows", "encode-tiny-fp32", "finetune-tiny-bf16", "--rounds", "1"])
    for line in capsys.readouterr().out.splitlines():
        row = json.loads(line)
        assert 0 < row["share of the limit"] < 1 < row["limit, GFLOP/s"] and row["times as fast as transformers"] > 0


def test_operations_of_an_encoding_are_those_of_its_matrices() -> None:
    row, n_texts = bench_limits.ROWS["encode-tiny"], 8
    model = encoding.model_with_tokenizer(row.variant)
    tokenizer = model.text_tokenizer
    encodings = encoding.encode_texts(tokenizer, encoding.texts_of(n_texts, tokenizer), 128)[0]
    matrices = sum(p.numel() for p in model.encoder.parameters() if p.ndim == 2)
    by_hand = 2 * matrices * sum(map(len, encodings))
    assert by_hand <= bench_limits.encoding_flops(row.variant, n_texts) < 1.2 * by_hand


def test_encoded_texts_have_28_tokens_in_the_mean() -> None:
    tokenizer = encoding.model_with_tokenizer(TINY[0].variant).text_tokenizer
    encodings = encoding.encode_texts(tokenizer, encoding.texts_of(2_000, tokenizer), 128)[0]
    lengths = [len(ids) for ids in encodings]
    assert sum(lengths) / len(lengths) == pytest.approx(28, abs=1)


def test_the_cost_of_a_run_beside_its_jobs_is_measured(little_text: None) -> None:
    assert 0 < bench_starts.milliseconds_per_job([2])[2] < 10_000


@pytest.mark.parametrize("stored", [False, True])
def test_tokenizing_is_measured_beside_the_library(
    stored: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if stored:
        encoding.model_with_tokenizer(TINY[0].variant).text_tokenizer.save(tmp_path)
    bench_tokenizing.main(["--documents", "30", "--rounds", "1", *(["--vocabulary", str(tmp_path)] if stored else [])])
    for line in capsys.readouterr().out.splitlines():
        row = json.loads(line)
        assert all(row[f"{way}, MB/s"] > 0 for way in ("library", "zoo, first pass", "zoo, again"))


def test_checks_of_repeated_batches_and_streams_run_without_a_gpu() -> None:
    made = [*gpu_correctness.repeated(torch.device("cpu"), 60), *gpu_correctness.streamed(torch.device("cpu"), 300)]
    assert len(made) == 14 and all(found["ok"] for found in made), made


def test_what_a_cpu_makes_for_a_gpu_is_measured_beside_the_peer(capsys: pytest.CaptureFixture[str]) -> None:
    bench_feeding.main(["--variant", "bert-tiny", "--texts", "200", "--rounds", "1"])
    rates = json.loads(capsys.readouterr().out)
    assert len(rates) == 4 and all(rate > 0 for rate in rates.values())


def test_rates_of_wrong_and_found_differences_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["verdict_power", "--repetitions", "4", "--seeds", "3", "--items", "20"])
    verdict_power.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(verdict_power.LUCK)
    assert all(re.search(r"zoo[^|]* \d+\.\d%", line) for line in lines)


def test_the_docs_hold_the_stored_rates_as_a_table_and_as_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored, chart = FOLDER / "results" / "verdict-power-2026-11-28.txt", tmp_path / "power.svg"
    monkeypatch.setattr(sys, "argv", ["verdict_power", "--show", str(stored), "--chart", str(chart)])
    verdict_power.main()
    assert capsys.readouterr().out in (ROOT / "docs" / "comparison.md").read_text()
    assert chart.read_text() == (ROOT / "docs" / "verdict-power.svg").read_text()
    wrong = [by_test["zoo"]["wrong"] for by_test in verdict_power.read(stored).values()]
    assert len(wrong) == 4 * 4 * len(verdict_power.LUCK) and max(wrong) <= 5.2


def test_rates_of_wrong_differences_are_printed_for_every_metric(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--metrics", "--repetitions", "1", "--seeds", "3", "--items", "20"]
    monkeypatch.setattr(sys, "argv", ["verdict_power", *asked])
    verdict_power.main()
    for line in capsys.readouterr().out.splitlines():
        assert re.findall(r"([a-z0-9-]+) \d+\.\d%", line) == [metric for _, metric in verdict_power.METRICS]


@pytest.mark.parametrize("shared", [[], ["--shared"]])
def test_rates_of_families_with_a_wrong_difference_are_printed(
    shared: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--repetitions", "2", "--tasks", "2", "--items", "20", "--seeds", "3", "5", *shared]
    monkeypatch.setattr(sys, "argv", ["multiple_tests", *asked])
    multiple_tests.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(verdict_power.LUCK)
    assert all(re.search(r"3 seeds \d+\.\d% \| looks \d+\.\d%", line) for line in lines)


def test_rates_and_seeds_of_designs_with_looks_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--repetitions", "20", "--seeds", "3", "5", "--items", "20", "--shifts", "3"]
    monkeypatch.setattr(sys, "argv", ["until_decided", *asked])
    until_decided.main()
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("looks at 3, 5 seeds")
    assert len(lines) == len(until_decided.LUCK)
    assert all(re.search(r"t\^2 \d+\.\d% / [345]\.\d", line) for line in lines)


@pytest.fixture(scope="module")
def squad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file of 48 articles, and the folder of a small checkpoint."""
    folder = tmp_path_factory.mktemp("squad")
    text = "the old sailor built a bridge and crossed it"

    def article(number: int) -> dict[str, Any]:
        answer = {"answer_start": 4, "text": "old sailor"}
        asked = {"id": str(number), "question": "who built it", "answers": [answer]}
        return {"title": str(number), "paragraphs": [{"context": text, "qas": [asked]}]}

    file = folder / "dev-v1.1.json"
    file.write_text(json.dumps({"version": "1.1", "data": [article(number) for number in range(48)]}))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({*WORDS, *text.split()})]
    (folder / "model").mkdir()
    (folder / "model" / "vocab.txt").write_text("\n".join(words))
    dims: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    config = transformers.BertConfig(vocab_size=len(words), **dims)
    transformers.BertForQuestionAnswering(config).save_pretrained(folder / "model")
    transformers.BertTokenizerFast(str(folder / "model" / "vocab.txt")).save_pretrained(folder / "model")
    return file, folder / "model"


def test_features_of_squad_are_those_of_the_peer(
    squad: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(squad_features, "REPEATS", 1)
    squad_features.main(*squad)
    assert "48 of 48 questions of one window are equal" in capsys.readouterr().out


@pytest.mark.parametrize("stride", [2, 3, 40])
def test_windows_and_targets_of_fine_tuning_on_squad_are_those_of_the_peer(
    squad: tuple[Path, Path], stride: int
) -> None:
    recipe = Finetuning(learning_rate=1.0, max_length=11, stride=stride)
    task = Catalog.installed().task("squad-by-article")
    items = finetuning.drawn(task.load(squad[0].parent).splits["train"], 3)
    kind, tokenizer = task_kind(task, recipe), tokenizer_of(CheckpointFolder(squad[1]), Catalog.installed())
    encoded, _ = kind.encode(items, tokenizer, recipe.max_length)
    pairs = [(part, item.label) for whole, item in zip(encoded, items, strict=True) for part in whole.parts]
    peer = squad_finetune.Answers()
    made = peer.features(transformers.AutoTokenizer.from_pretrained(squad[1]), items, recipe)
    assert made["input_ids"] == [part.encodings[0].ids.tolist() for part, _ in pairs]
    assert peer.learned(made, items) == [tuple(kind.target(part, label)) for part, label in pairs]
    assert len(pairs) == len(items) * {2: 3, 3: 3, 40: 2}[stride]


def test_fine_tuning_on_squad_is_scored_here_and_there(
    squad: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--train", "4", "--dev", "2", "--steps", "1", "--batch", "2", "--length", "32", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", ["squad_finetune", str(squad[0].parent), str(squad[1]), *given])
    squad_finetune.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines[:2]] == ["zoo", "transformers"]


def test_fine_tuning_on_entities_is_scored_here_and_there(
    squad: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "dev"):
        path = tmp_path / "WNUT17" / f"{split}.conll"
        path.parent.mkdir(exist_ok=True)
        path.write_text("the\tO\nold\tB-person\nsailor\tI-person\n\nbuilt\tO\nbridge\tB-location\n")
    given = ["--train", "2", "--dev", "2", "--steps", "1", "--batch", "2", "--length", "32", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", ["wnut_finetune", str(tmp_path), str(squad[1]), *given])
    wnut_finetune.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines[:2]] == ["zoo", "transformers"]
    assert lines[2].startswith("entity-f1: zoo is ") and "of the library's CPU time" in lines[3]


def test_the_difference_over_seeds_has_students_interval() -> None:
    ours, theirs = [50.0, 53.0, 51.0], [51.0, 51.0, 51.0]
    low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    said = finetuning.difference(ours, theirs)
    assert said == f"zoo is +0.3 from the library in the mean over seeds, 95% interval {low:+.1f} to {high:+.1f}"
    assert finetuning.difference([50.0], [51.0]) == "zoo is -1.0 from the library in the mean over seeds"


def test_the_page_tells_of_every_file_and_all_that_it_types_is_there() -> None:
    page = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"`(\w+\.py)`", page)) == {path.name for path in FOLDER.glob("*.py")} - {"__init__.py"}
    for name in re.findall(r"-m benchmarks\.(\w+)", page):
        assert (FOLDER / f"{name}.py").is_file()
    for name in re.findall(r"pytest (benchmarks/\S+)", page):
        assert (ROOT / name).is_file()


STORED = sorted(FOLDER.glob("results/h200-*.json"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: str(file.stem))
def test_stored_results_say_on_what_machine_and_name_rows_of_today(file: Path) -> None:
    machine, *lines = json.loads(file.read_text())
    assert {"device", "driver", "torch", "transformers", "precision", "deterministic"} <= set(machine)
    assert {line["row"] for line in lines} <= {row.name for row in GPU_ROWS}
    assert {line["who"] for line in lines} <= set(WHO)
    assert not re.search(r"/(work|tmp|home|usr)\b", file.read_text())
    assert str(file.relative_to(FOLDER)) in (FOLDER / "README.md").read_text()


def test_a_device_that_is_not_there_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu_check", "--device", "cuda:97"])
    with pytest.raises(SystemExit) as left:
        gpu_check.main()
    assert left.value.code == 2
    said = "--device cuda:97: PyTorch finds no such device here"
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert pytest.main([str(FOLDER / "bench_rows.py"), "--device", "cuda:97", "-p", "no:cacheprovider"]) == 4
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("file", STORED, ids=lambda file: str(file.stem))
def test_the_tables_of_the_page_are_those_of_the_stored_results(file: Path) -> None:
    assert "\n".join([table.HEAD, *table.table(json.loads(file.read_text()))]) in (FOLDER / "README.md").read_text()


def test_a_goal_is_reached_by_speed_and_memory_together() -> None:
    goal = ">= 400 k tokens/s, memory <= 0.65 x"
    peer = {"row": "a", "who": "transformers", "ms": 2.0, "tokens_per_s": 200_000, "peak_GiB": 4.0, "goal": goal}
    for speed, memory, said in ((400_000, 2.6, "yes"), (399_000, 2.6, "no"), (400_000, 2.7, "no")):
        (line,) = table.table([peer | {"who": "zoo", "tokens_per_s": speed, "peak_GiB": memory}, peer])
        assert line.endswith(f"| {said} |")
    (line,) = table.table([peer | {"who": "zoo", "goal": "<= 2 ms"}])
    assert line == "| `a` | <= 2 ms | 2.0 ms | - | - | - | yes |"


def test_sentences_of_squad_are_a_task_whose_answers_hold_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["The old sailor built a bridge.", "He crossed it.", "It was cold.", "The bridge fell.", "He swam."]
    answer = {"answer_start": 4, "text": "old sailor"}
    asked = {"id": "0", "question": "Who built it?", "answers": [answer]}
    articles = [
        {"title": "t", "paragraphs": [{"context": " ".join(texts), "qas": [asked | {"id": str(number)}]}]}
        for number in range(48)
    ]
    (tmp_path / "dev-v1.1.json").write_text(json.dumps({"data": articles}))
    monkeypatch.setattr(sys, "argv", ["squad_sentences", str(tmp_path), "--out", str(tmp_path / "made")])
    squad_sentences.main()
    dataset = read_task_file(tmp_path / "made" / "squad-sentences.toml").load(None)
    assert {split: len(items) for split, items in dataset.splits.items()} == {"train": 40, "dev": 8}
    for items in dataset.splits.values():
        assert all(item.choices[item.label] == texts[0] and {*item.choices} <= {*texts} for item in items)
    assert len({item.label for item in dataset.splits["train"]}) == squad_sentences.N_CHOICES


def test_each_format_is_tried_and_nearer_with_more_in_fp32(capsys: pytest.CaptureFixture[str]) -> None:
    bench_precision.main(["bert-tiny"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["passes"] == "bf16" and rows[-1]["passes"] == "bf16, outputs of attention in fp32"
    assert 0 < rows[-1]["by length"] < rows[0]["by length"] < 0.01


def test_the_least_of_each_version_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = iter([4.0, 3.0, 5.0, 2.0])  # before, now, before, now
    monkeypatch.setattr(bench_versions, "seconds_there", lambda *_: next(told))
    bench_versions.main([str(ROOT), str(ROOT), "--rows", "finetune-tiny"])
    assert json.loads(capsys.readouterr().out) == {
        "row": "finetune-tiny", "before, s": 4.0, "now, s": 2.0, "now / before": 0.5,
    }  # fmt: skip


def test_a_version_works_in_a_process_of_its_own() -> None:
    assert 0 < bench_versions.seconds_there(ROOT, "finetune-tiny", 1) < 60


@pytest.mark.parametrize("row", ["mlm-tiny", "encode-few", "tokenize"])
def test_the_work_of_a_version_can_be_repeated(row: str) -> None:
    assert 0 < bench_versions.least_seconds(row, 1) < 60


def test_a_folder_without_sources_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench_versions.main([str(ROOT), str(tmp_path)])
    assert f"{tmp_path} holds no zoo" in capsys.readouterr().err
