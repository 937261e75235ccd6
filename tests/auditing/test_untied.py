"""An output layer with a table of its own is counted by every source, as it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import zoo
from zoo.auditing import audit as session
from zoo.auditing.audit import Audit

CATALOG = zoo.Catalog.installed()
SIZES = {"hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 22, "vocab_size": 37}
EMBEDDED = {"Bert": 15, "Roberta": 15, "Albert": 11}


def saved(family: str, folder: Path, **config: Any) -> Any:
    """A reference model with an output layer, written as the reference library does."""
    torch.manual_seed(0)
    sizes = {**SIZES, "max_position_embeddings": 17, "pad_token_id": 1, "embedding_size": 11, **config}
    model = getattr(transformers, f"{family}ForMaskedLM")(getattr(transformers, f"{family}Config")(**sizes))
    model.save_pretrained(folder)
    return model


def audit(path: Path | str) -> Audit:
    found = session.audited(CATALOG, str(path), session.Settings(module=True))
    assert found.error is None
    return found


def assert_all_say(found: Audit, count: int) -> None:
    assert found.agrees and found.counts.mlm == count
    assert found.sources.closed_form and found.sources.closed_form.mlm == count
    assert found.sources.module and found.sources.module.mlm == count


@pytest.mark.parametrize("family", EMBEDDED)
def test_every_source_counts_what_is_computed_with(family: str, tmp_path: Path) -> None:
    """The reference library's class holds one bias more, which its forward pass never uses."""
    model = saved(family, tmp_path, tie_word_embeddings=False)
    ids = torch.arange(5, 9)[None]
    model(ids, labels=ids).loss.backward()
    untouched = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    used = sum(parameter.numel() for parameter in model.parameters() if parameter.grad is not None)
    assert [name.rpartition(".")[2] for name in untouched] == ["bias"]

    found = audit(tmp_path)
    assert_all_say(found, used)
    assert found.sources.checkpoint and found.sources.checkpoint.mlm == used
    assert used == sum(parameter.numel() for parameter in zoo.load(tmp_path).parameters())
    assert found.file and not found.file.stored_twice and not found.file.unknown
    assert found.notes == (
        f"37 of {used + 37:,} stored values are never used, as the output layer that is not tied has a bias of its "
        f"own: {untouched.pop()}",
    )


@pytest.mark.parametrize("family", EMBEDDED)
def test_other_values_make_it_untied_whatever_the_config_says(family: str, tmp_path: Path) -> None:
    tied = sum(parameter.numel() for parameter in saved(family, tmp_path).parameters())
    assert_all_say(audit(tmp_path), tied)
    tensors = load_file(tmp_path / "model.safetensors")
    table = next(name for name in tensors if name.endswith("word_embeddings.weight"))
    decoder = {"Bert": "cls.predictions.", "Roberta": "lm_head.", "Albert": "predictions."}[family] + "decoder.weight"
    save_file({**tensors, decoder: tensors[table].clone()}, tmp_path / "model.safetensors")
    assert_all_say(audit(tmp_path), tied)
    save_file({**tensors, decoder: tensors[table] + 1}, tmp_path / "model.safetensors")
    found = audit(tmp_path)
    assert_all_say(found, tied + 37 * EMBEDDED[family])
    assert found.sources.checkpoint and found.sources.checkpoint.mlm == found.counts.mlm
    beside = audit(tmp_path / "model.safetensors")
    assert (beside.counts, beside.sources.checkpoint) == (found.counts, found.sources.checkpoint)


@pytest.mark.parametrize("name", ["bert-tiny+objectives=bert.mlm", "roberta-tiny", "albert-tiny+objectives=bert.mlm"])
def test_an_exchange_in_a_record_counts_alike(name: str, tmp_path: Path) -> None:
    expression = f"{name}+objectives.bert.mlm.tied=false+dims.n_layers=1"
    model = CATALOG.build(CATALOG.variant(expression))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert_all_say(audit(expression), count)
    for to in ("hf", "zoo"):
        zoo.save(model, tmp_path / to, to=to)  # type: ignore[arg-type]
        found = audit(tmp_path / to)
        assert_all_say(found, count)
        assert found.sources.checkpoint and found.sources.checkpoint.mlm == count


def test_a_table_stored_apart_is_no_departure_where_it_is_counted() -> None:
    tied, untied = audit("bert-base-uncased"), audit("bert-base-uncased+objectives.bert.mlm.tied=false")
    assert (untied.counts.mlm or 0) - (tied.counts.mlm or 0) == 30_522 * 768
    assert (untied.counts.encoder, untied.counts.encoder_pooler) == (tied.counts.encoder, tied.counts.encoder_pooler)
    assert any(row.component == "output table" for row in untied.breakdown)


def test_a_task_head_is_not_counted_as_the_masked_language_head_whose_names_it_shares(tmp_path: Path) -> None:
    ids = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 1)
    config = transformers.ModernBertConfig(**SIZES | {"hidden_size": 20, "num_attention_heads": 2}, **ids)
    model = transformers.ModernBertForSequenceClassification(config)
    model.save_pretrained(tmp_path)
    found = audit(tmp_path)
    assert found.agrees and found.sources.checkpoint
    assert found.sources.checkpoint.encoder == model.model.num_parameters()
    assert found.sources.checkpoint.mlm is None and found.sources.checkpoint.pretraining is None
