"""What a plan holds of a checkpoint's folder: all that can change a result, each file by its own hash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from tests.experiments.synthetic_runs import CATALOG, PLACE
from zoo import ZooError
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.make import check_plan, make_plan, planned_checkpoint, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.planned import PlannedCheckpoint

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
BESIDE = {
    "vocab.txt": "\n".join(WORDS) + "\n",
    "tokenizer_config.json": '{"do_lower_case": true}',
    "special_tokens_map.json": "{}",
    "added_tokens.json": "{}",
    "modules.json": "[]",
    "sentence_bert_config.json": "{}",
    "1_Pooling/config.json": "{}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sentence encoder in shards, with all that may lie beside it, and what changes no result."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "m", max_shard_size="5kB")
    for name, content in {**BESIDE, "README.md": "none", "trainer_state.bin": "none"}.items():
        (tmp_path / "m" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "m" / name).write_text(content)
    return tmp_path / "m"


def plan_of(folder: Path) -> Plan:
    variant = with_budget(CATALOG.variant(str(folder)), None, 1)
    variant = variant.model_copy(update={"finetuning": variant.finetuning.model_copy(update={"max_length": 16})})
    return make_plan(CATALOG, [variant], ["lamps"], n_seeds=1, folders={variant.name: folder})


def test_every_shard_and_every_file_that_is_read_is_covered(folder: Path) -> None:
    files = set(planned_checkpoint(CATALOG, folder).files)
    shards = {path.name for path in folder.glob("*.safetensors")}
    assert len(shards) > 1
    assert files == {*shards, *BESIDE, "config.json", "model.safetensors.index.json"}


def vocabulary(folder: Path) -> None:
    words = [*WORDS[:5], *reversed(WORDS[5:])]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")


def shard(folder: Path) -> None:
    path = max(folder.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def added(folder: Path) -> None:
    (folder / "tokenizer.json").unlink(missing_ok=True)
    (folder / "special_tokens_map.json").write_text('{"cls_token": "[CLS]"}')


def config(folder: Path) -> None:
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "hidden_dropout_prob": 0.3}))


def pooling(folder: Path) -> None:
    (folder / "1_Pooling" / "config.json").unlink()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (vocabulary, "vocab.txt"),
        (shard, ".safetensors"),
        (added, "special_tokens_map.json"),
        (config, "config.json"),
        (pooling, "1_Pooling/config.json"),
    ],
)
def test_a_changed_file_is_named_and_makes_other_jobs(
    change: Callable[[Path], None], name: str, folder: Path, tmp_path: Path
) -> None:
    plan = plan_of(folder)
    check_plan(CATALOG, plan)
    (folder / "README.md").write_text("changes nothing")
    check_plan(CATALOG, plan)
    change(folder)
    with pytest.raises(ZooError, match="from which m starts, is not what was planned") as refusal:
        check_plan(CATALOG, plan)
    assert name in str(refusal.value) and "\n" not in str(refusal.value)
    now = plan_of(folder)
    jobs = [job for job in plan.jobs if job.kind != "baseline"]
    assert all(cache_key(plan, job, PLACE) != cache_key(now, job, PLACE) for job in jobs)


def test_where_a_folder_lies_changes_nothing(folder: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "m"))
    here, there = plan_of(folder), plan_of(moved)
    assert here.content_hash == there.content_hash
    assert [cache_key(here, c, PLACE) for c in here.jobs] == [cache_key(there, c, PLACE) for c in there.jobs]
    assert isinstance(here.checkpoints["m"], PlannedCheckpoint)
