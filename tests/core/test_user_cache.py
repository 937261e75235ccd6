"""What is made once and kept in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.core.user_cache import cache_folder, kept
from zoo.experiments.plan.corpus import MicroworldCorpus
from zoo.registry.catalog import Catalog
from zoo.tasks.microworld import documents
from zoo.tasks.microworld.items import items
from zoo.tasks.starter import ROLES, SIMILARITY

PACKAGE = "zoo.tasks.microworld"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "encoder-zoo" / "made"


def counted(calls: list[int]) -> list[object]:
    calls.append(1)
    return [("a", None), 0.25, 1]


def test_what_was_made_is_not_made_again_and_is_the_same(place: Path) -> None:
    calls: list[int] = []
    first, again = (kept("x", "settings", PACKAGE, lambda: counted(calls)) for _ in range(2))
    assert first == again == [["a", None], 0.25, 1] and len(calls) == 1
    kept("x", "others", PACKAGE, lambda: counted(calls))
    kept("x", "settings", "zoo.tasks.metrics", lambda: counted(calls))
    assert len(calls) == 3 and len(list(place.iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"no digest", b"\xff\n[]", b"cut"])
def test_a_damaged_file_is_made_again(place: Path, damage: bytes) -> None:
    calls: list[int] = []
    kept("x", "settings", PACKAGE, lambda: counted(calls))
    (file,) = place.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-3] if damage == b"cut" else damage)
    kept("x", "settings", PACKAGE, lambda: counted(calls))
    assert len(calls) == 2 and file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_only_the_making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    calls: list[int] = []
    for _ in range(2):
        assert kept("x", "settings", PACKAGE, lambda: counted(calls))[1] == 0.25
    assert len(calls) == 2


def test_the_folder_is_in_the_users_cache_if_no_other_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder("made") == Path.home() / ".cache" / "encoder-zoo" / "made"


@pytest.mark.parametrize("task", [ROLES, SIMILARITY], ids=lambda task: task.name)
def test_items_from_the_cache_are_those_that_were_made(place: Path, task: object) -> None:
    assert isinstance(task, type(ROLES))
    few = task.model_copy(update={"n_train": 7, "n_dev": 5})
    made, written, read = items(few.form, "dev", 5, few.seed, few.difficulty), few._make(), few._make()
    assert made == written.splits["dev"] == read.splits["dev"] and written.content_hash == read.content_hash
    assert [type(item.label) for item in read.splits["dev"]] == [type(item.label) for item in made]
    assert len(list(place.iterdir())) == 1


def test_text_from_the_cache_is_what_was_made(place: Path) -> None:
    corpus, catalog = MicroworldCorpus(n_documents=4, seed=3), Catalog.of()
    assert [*corpus.documents(catalog)] == [*corpus.documents(catalog)] == documents(4, 3)
    assert len(list(place.iterdir())) == 1
