"""What variants in folders are called, side by side and by names of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.checkpoints.conftest import Run
from zoo import Catalog, ZooError
from zoo.weights.folder_names import name_of, told_apart

CATALOG = Catalog.installed()


def copied(made: Path, *places: Path) -> list[str]:
    return [str(shutil.copytree(made, place)) for place in places]


def test_a_folder_is_called_by_as_much_of_its_path_as_it_takes(tmp_path: Path) -> None:
    folders = [tmp_path / path for path in ("run1/a/model", "run2/a/model", "run2/b/model", "else")]
    names = told_apart(folders)
    assert [names[folder] for folder in folders] == ["run1-a-model", "run2-a-model", "b-model", "else"]
    assert told_apart(folders[:1]) == {folders[0]: "a-model"} and name_of(Path("/model")) == "model"


def test_a_link_gives_a_folder_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "site-packages" / "model").mkdir(parents=True)
    (tmp_path / "minilm").symlink_to(tmp_path / "site-packages" / "model")
    assert name_of(tmp_path / "minilm") == "minilm" and name_of(tmp_path / "minilm" / ".." / "minilm") == "minilm"


def test_a_long_name_stays_short_and_its_own(tmp_path: Path) -> None:
    names = {name_of(tmp_path / ("x" * 150 + end)) for end in "ab"}
    assert len(names) == 2 and {len(name) for name in names} == {100}


def test_what_no_name_may_hold_leaves_one_hyphen_and_none_at_the_end(tmp_path: Path) -> None:
    assert name_of(tmp_path / "mpnet é") == "mpnet" and name_of(tmp_path / "my (best) model") == "my-best-model"


def test_checkpoints_of_one_name_stand_side_by_side(made: Path, tmp_path: Path, run: Run) -> None:
    first, second = copied(made, tmp_path / "run1" / "checkpoint-500", tmp_path / "run2" / "checkpoint-500")
    path = tmp_path / "plan.json"
    status, _, err = run("compare", first, second, "--tasks", "micro-acceptability", "--save-plan", path)
    assert status == 0, err
    plan = json.loads(path.read_text())
    assert [v["name"] for v in plan["variants"]] == ["run1-checkpoint-500", "run2-checkpoint-500"]
    assert {name: Path(c["folder"]) for name, c in plan["checkpoints"].items()} == {
        "run1-checkpoint-500": Path(first),
        "run2-checkpoint-500": Path(second),
    }
    status, out, err = run("show", first, f"{second}+dims.dropout=0.5", "--json")
    assert status == 0, err
    (row,) = json.loads(out)
    assert row == {"field": "dims.dropout", "run1-checkpoint-500": 0.0, "run2-checkpoint-500+dims.dropout=0.5": 0.5}


def test_a_name_of_ones_own_stands_for_the_whole_expression(made: Path, tmp_path: Path, run: Run) -> None:
    (folder,) = copied(made, tmp_path / "lr=3" / "a+b")
    assert CATALOG.variant(folder).name == "a+b"
    assert CATALOG.variant(f"mine={folder}").name == "mine"
    assert CATALOG.folder(f"mine={folder}") == Path(folder)
    exchanged = CATALOG.variant(f"mine={folder}+dims.dropout=0.5")
    assert (exchanged.name, exchanged.dims.dropout) == ("mine", 0.5)
    assert CATALOG.variant("small=albert-tiny+dims.n_layers=1").name == "small"
    status, out, err = run("audit", f"mine={folder}", f"other={folder}/model.safetensors", "--json")
    assert status == 0, err
    assert [audit["name"] for audit in json.loads(out)] == ["mine", "other"]


def test_a_name_of_ones_own_stands_for_a_checkpoint_on_the_hub(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.weights.hub.folder_named", lambda name: made)
    assert CATALOG.variant("mine=hub:someone/something@main").name == "mine"


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("bert-tiny", "'bert-tiny' in .* is the name of an installed variant; give another"),
        ("a/b", "'a/b' is not a valid name; use at most 100 letters"),
        ("x" * 101, "is not a valid name"),
        ("-x", "is not a valid name"),
        ("", "'' is not a valid name"),
    ],
)
def test_what_can_be_no_name_is_refused(own: str, told: str, made: Path) -> None:
    with pytest.raises(ZooError, match=told):
        CATALOG.variant(f"{own}={made}")


def test_the_same_name_twice_and_a_baselines_name_are_refused_before_any_work(made: Path, run: Run) -> None:
    status, _, err = run("compare", f"a={made}", "a=albert-tiny", "--tasks", "micro-acceptability")
    assert status == 2 and "variant 'a' is given twice" in err and "for example mine=VARIANT" in err
    status, _, err = run("compare", f"majority={made}", "--tasks", "micro-acceptability")
    assert status == 2 and "'majority' is the name of a baseline" in err
