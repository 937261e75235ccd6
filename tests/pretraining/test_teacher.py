"""`zoo pretrain` beside a teacher in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.pretraining.conftest import SMALL

pytestmark = pytest.mark.slow

Arguments = Callable[..., list[str]]
Zoo = Callable[[list[str]], int]

TAUGHT = SMALL.replace("width=32", "width=16") + "+distillation.phase=pretraining+distillation.hidden=1"
TAUGHT += "+distillation.attention=1+distillation.layer_map=uniform"


@pytest.fixture
def teacher(arguments: Arguments, zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert zoo(arguments(tmp_path / "teacher", steps=3)) == 0
    return Path("teacher") / "model"


def test_a_narrower_student_resumes_to_the_same_bits_and_is_saved_without_its_matrices(
    arguments: Arguments, zoo: Zoo, teacher: Path, tmp_path: Path
) -> None:
    variant = f"pupil={TAUGHT}+distillation.teacher={teacher}"
    whole = arguments(tmp_path / "whole", "--checkpoint-every", "2", variant=variant, steps=6)
    assert zoo(whole) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "stopped")
    shutil.rmtree(tmp_path / "stopped" / "model")
    shutil.rmtree(tmp_path / "stopped" / "checkpoints" / "step-0000000006")
    again = arguments(tmp_path / "stopped", "--checkpoint-every", "2", variant=variant, steps=6)
    assert zoo(again) == 0
    one, other = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "stopped"))
    assert not any("projection" in name for name in one) and one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    made = json.loads((tmp_path / "whole" / "run.json").read_text())["teacher"]
    assert made["source"] == str(teacher.resolve()) and len(made["content_hash"]) == 64


def test_a_teacher_that_is_no_folder_is_refused(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variant = f"pupil={TAUGHT}+distillation.teacher=bert-mini"
    assert zoo(arguments(tmp_path / "run", variant=variant)) == 2
    assert "distillation.teacher=bert-mini is not a folder with a trained model" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_teacher_without_the_layers_asked_for_is_refused_before_anything_is_written(
    arguments: Arguments, zoo: Zoo, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variant = f"pupil={TAUGHT.replace('uniform', '1,9')}+distillation.teacher={teacher}"
    assert zoo(arguments(tmp_path / "run", variant=variant)) == 2
    assert "the teacher has no layer 9 but layers 1 to" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
