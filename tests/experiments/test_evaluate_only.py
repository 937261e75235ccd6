"""Models that have a task head already, in a comparison: scored beside the others, and not trained."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import zoo
import zoo_bert
import zoo_roberta
from tests.experiments import toy_task
from zoo import Catalog, ZooError
from zoo.api.comparisons import Comparison
from zoo.experiments.results.records import TaskResult

CATALOG = Catalog.of(zoo_bert, zoo_roberta, toy_task)
SMALL = "+dims.hidden_width=32+dims.ffn_width=48+dims.embedding_width=32+dims.max_length=24"
BERT = f"small=bert-tiny{SMALL}+finetuning.max_length=24+pretraining.sequence_length=24"
KEPT = "finetuned/finetune-small-lamps-s{}"
DEV = toy_task.LAMPS.load(None).splits["dev"]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n\n".join(f"the {a} shows the {b} a lamp.\nthe {b} has a boat." for a in NOUNS for b in NOUNS))
    return path


NOUNS = toy_task.NOUNS


@pytest.fixture(scope="module")
def trained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    out = tmp_path_factory.mktemp("trained") / "run"
    done = compare(text, out, BERT, seeds=2, keep_finetuned=True)
    assert not done.run.failures
    return done


def compare(text: Path, out: Path, *variants: str, **options: Any) -> Comparison:
    budget = {"pretrain_tokens": 1_000, "finetune_steps": 12}
    where = {"workers": 0, "catalog": CATALOG, "corpus": [text], "out": out}
    return zoo.compare(*variants, tasks=["lamps"], **budget, **where, **options)


def scores(comparison: Comparison, system: str) -> list[TaskResult]:
    return list(comparison.run.finetuned(system, "lamps"))


def theirs(folder: Path, labels: tuple[str, ...] = ("no", "yes")) -> Path:
    """A random model as the transformers library writes it, which calls its classes so."""
    torch.manual_seed(3)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *NOUNS, "the", "shows", "a", "lamp", "boat", "."]
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}
    config = transformers.BertConfig(
        **sizes, vocab_size=len(words), max_position_embeddings=24, initializer_range=1.0, **names
    )
    model = transformers.BertForSequenceClassification(config).eval()
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    with torch.no_grad():
        first, second = logits(model, folder).unbind(1)
        model.classifier.bias[0] += (second - first).median()  # so that it predicts both classes
    model.save_pretrained(folder)
    return folder


def logits(model: torch.nn.Module, folder: Path) -> torch.Tensor:
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    return torch.cat([model(**tokenizer(item.first, return_tensors="pt")).logits for item in DEV])


def test_a_kept_model_predicts_what_it_predicted_before(trained: Comparison, text: Path, tmp_path: Path) -> None:
    folders = [str(trained.folder / KEPT.format(seed)) for seed in (0, 1)]
    again = compare(text, tmp_path / "run", evaluate_only=[f"first={folders[0]}", f"second={folders[1]}"])
    assert not again.run.failures
    assert [job.kind for job in again.run.plan.jobs] == ["take_over"] * 2 + ["evaluate"] * 2 + ["baseline"] * 2
    for name, before in zip(("first", "second"), scores(trained, "small"), strict=True):
        (now,) = scores(again, name)
        assert (now.predictions, now.scores, now.steps) == (before.predictions, before.scores, 0)
        assert now.cost.latency_s and now.cost.training_examples_per_s is None


def test_it_stands_beside_what_is_trained_with_a_verdict(trained: Comparison, text: Path, tmp_path: Path) -> None:
    kept = f"kept={trained.folder / KEPT.format(0)}"
    done = compare(text, tmp_path / "run", BERT, seeds=2, evaluate_only=[kept], reuse=[trained.folder])
    assert len(scores(done, "small")) == 2 and len(scores(done, "kept")) == 1
    (difference,) = [d for d in done.statistics.differences if {d.first, d.second} == {"small", "kept"}]
    first, second = (result.main_score for result in scores(done, "small"))
    assert difference.n_seeds == 2 and not difference.fixed
    assert difference.difference == pytest.approx((first + second) / 2 - scores(done, "kept")[0].main_score)
    assert "kept" in (done.folder / "report.md").read_text()
    (beside,) = [d for d in done.statistics.differences if (d.first, d.second) == ("kept", "majority")]
    assert beside.fixed and beside.n_seeds == 1


@pytest.mark.parametrize("labels", [("no", "yes"), ("YES", "No"), ("LABEL_0", "LABEL_1")])
def test_a_hugging_face_folder_is_scored_as_transformers_predicts(
    text: Path, tmp_path: Path, labels: tuple[str, ...]
) -> None:
    folder = theirs(tmp_path / "model", labels)
    (result,) = scores(compare(text, tmp_path / "run", evaluate_only=[f"mine={folder}"]), "mine")
    model = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        meant = [labels[int(row.argmax())].lower() for row in logits(model, folder)]
    ids = {"no": 0, "yes": 1, "label_0": 0, "label_1": 1}
    assert result.predictions["dev"] == [ids[word] for word in meant]
    assert {*result.predictions["dev"]} == {0, 1}


def test_what_cannot_be_evaluated_is_refused_before_anything_is_done(
    trained: Comparison, text: Path, tmp_path: Path
) -> None:
    asked = partial(compare, text, tmp_path / "run")
    with pytest.raises(ZooError, match="has no task head to evaluate; name it without --evaluate-only"):
        asked(evaluate_only=[str(trained.folder / "checkpoints" / "small")])
    strange = theirs(tmp_path / "model", ("spam", "ham"))
    with pytest.raises(ZooError, match="the model's labels are spam, ham, and those of task 'lamps' are no, yes"):
        asked(evaluate_only=[str(strange)])
    with pytest.raises(ZooError, match="takes a folder with a trained model, and 'bert-tiny' is not one"):
        asked(evaluate_only=["bert-tiny"])
    with pytest.raises(ZooError, match="'evaluate_only' is not an option"):
        zoo.ablate("bert-tiny", "roberta-tiny", evaluate_only=[str(strange)], catalog=CATALOG)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_has_changed_is_not_evaluated(trained: Comparison, text: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained.folder / KEPT.format(0), folder)
    plan = zoo.plan_comparison(
        tasks=["lamps"], corpus=[text], evaluate_only=[f"mine={folder}"], workers=0, catalog=CATALOG
    )
    shutil.copytree(trained.folder / KEPT.format(1), folder, dirs_exist_ok=True)
    with pytest.raises(ZooError, match="from which mine starts, is not what was planned"):
        zoo.compare(plan=plan, workers=0, catalog=CATALOG, out=tmp_path / "run")
