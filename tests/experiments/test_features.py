"""Feature-based variants in a comparison, beside the fine-tuned one."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
import zoo_bert
from tests.experiments import toy_task
from zoo import Catalog
from zoo.api.comparisons import Comparison
from zoo.experiments.report.features import mix_table, mixes_of, trained_table
from zoo.experiments.verify.rerun import reevaluate

CATALOG = Catalog.of(zoo_bert, toy_task)
SMALL = "bert-tiny+dims.hidden_width=32+dims.ffn_width=48+dims.embedding_width=32+dims.max_length=24"
TUNED = f"{SMALL}+finetuning.max_length=24+pretraining.sequence_length=24"
MIX = f"{TUNED}+finetuning.features=mix"
VARIANTS = (f"tuned={TUNED}", f"mix={MIX}", f"lstm={MIX}+finetuning.lstm_width=6")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    nouns = toy_task.NOUNS
    text.write_text("\n\n".join(f"the {a} shows the {b} a lamp.\nthe {b} has a boat." for a in nouns for b in nouns))
    return zoo.compare(
        *VARIANTS, tasks=["lamps"], corpus=[text], out=text.parent / "run", catalog=CATALOG, workers=0,
        pretrain_tokens=1_000, finetune_steps=6, seeds=2, keep_finetuned=True,
    )  # fmt: skip


def test_they_share_the_pretraining_and_say_what_is_trained(done: Comparison) -> None:
    assert not done.failures and len(done.run.pretrained_results) == 1
    sizes = {name: {r.parameters_trained for r in done.run.finetuned(name)} for name in ("tuned", "mix", "lstm")}
    mixed, classifier = 2 + 1 + 1, 32 * 2 + 2
    recurrent = 2 * 4 * 6 * ((32 + 6 + 2) + (12 + 6 + 2))
    assert sizes["mix"] == {mixed + classifier}
    assert sizes["lstm"] == {mixed + recurrent + 12 * 2 + 2}
    rows = trained_table(done.run).by_label
    assert rows["mix"] == ("frozen", "mix", "linear", "70")
    assert rows["lstm"][2] == "BiLSTM, 2 layers of 6 per direction"
    assert rows["tuned"][:2] == ("trained", "last") and max(sizes["tuned"]) > 1_000


def test_learnt_mixes_are_in_results_and_in_a_chart(done: Comparison) -> None:
    mixes = mixes_of(done.run)
    assert list(mixes) == [("lamps", "mix"), ("lamps", "lstm")] and len(mixes["lamps", "mix"]) == 2
    assert all(sum(mix.weights) == pytest.approx(1) and len(mix.weights) == 3 for mix in mixes["lamps", "mix"])
    assert mix_table(mixes).columns[-1] == "layer 2 x 100"
    page = done.render("html", ["features"])
    assert "Learned mix of layers" in page and "<svg" in page


def test_kept_models_predict_again_what_they_predicted(done: Comparison) -> None:
    assert done.folder is not None
    checks = list(reevaluate(done.run, Path(done.folder), CATALOG))
    assert len(checks) >= 6 and {check.finding for check in checks} == {"confirmed"}
