"""Options of a head's kind, which go with it into a folder and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import zoo
from tests.inference.conftest import Make


@pytest.mark.parametrize("to", ["hf", "zoo"])
def test_a_model_divides_plain_text_into_characters_if_its_task_did(to: str, make: Make, tmp_path: Path) -> None:
    model = zoo.load(make("BertForTokenClassification", id2label={0: "O", 1: "B-X"}, label2id={"O": 0, "B-X": 1}))
    assert [row[3] for row in zoo.predict(model, ["ab a"]).rows] == ["ab", "a"]
    (head,) = model.objectives.values()
    head.config = head.config.model_copy(update={"options": {"words": "characters"}})
    zoo.save(model, tmp_path / "saved", to=to)
    assert [row[3] for row in zoo.predict(tmp_path / "saved", ["ab a"]).rows] == ["a", "b", "a"]


def test_an_option_that_no_kind_has_is_refused_by_name(make: Make) -> None:
    folder = make("BertForTokenClassification")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"task_options": {"wrods": "characters"}}))
    with pytest.raises(zoo.ZooError, match="'wrods' is not an option of token-classification; did you mean 'words'"):
        zoo.predict(folder, ["a"])
