"""Losses with dropout beside the transformers library's: other draws, the same distribution."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from scipy import stats

import zoo
from tests.parity.test_task_kinds import CASES, WORDS, tag_targets, tokenized
from zoo.core.specs import HeadConfig
from zoo.tasks.kinds import task_kind

N = 250
CASE = CASES["token-classification"]


def saved(folder: Path, hidden: float, attention: float, head: float) -> Path:
    """A model whose losses vary much with what is dropped."""
    transformers.logging.disable_progress_bar()
    torch.manual_seed(7)
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 18}
    rates = {"hidden_dropout_prob": hidden, "attention_probs_dropout_prob": attention, "classifier_dropout": head}
    config = transformers.BertConfig(**sizes, **rates, initializer_range=0.5, vocab_size=len(WORDS))
    config.id2label = dict(enumerate(CASE.labels))
    config.label2id = {label: place for place, label in enumerate(CASE.labels)}
    transformers.BertForTokenClassification(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return folder


def ours(folder: Path) -> list[float]:
    model = zoo.load(folder).train()
    kind = task_kind(HeadConfig(kind="token-classification", labels=CASE.labels))
    items, _ = kind.encode(CASE.items, model.text_tokenizer, 32)
    batch = kind.batch(items, [item.label for item in CASE.items])
    torch.manual_seed(1)
    return [model(batch)["task"].loss.item() for _ in range(N)]


def theirs(folder: Path) -> list[float]:
    made, inputs = tokenized(transformers.BertTokenizerFast(str(folder / "vocab.txt")), CASE)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder).train()
    torch.manual_seed(2)
    return [model(**inputs, labels=tag_targets(made)).loss.item() for _ in range(N)]


@pytest.mark.parametrize("rates", [(0.3, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.3)])
@torch.no_grad()
def test_losses_with_dropout_are_distributed_as_the_librarys(rates: tuple[float, ...], tmp_path: Path) -> None:
    folder = saved(tmp_path, *rates)
    one, other = ours(folder), theirs(folder)
    assert stats.ks_2samp(one, other).pvalue > 0.01
