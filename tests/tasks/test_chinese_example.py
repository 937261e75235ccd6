"""The example of docs/tagging.md: raw Chinese text, tagged by a model that was trained on the small file beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.pages import ROOT, commands
from tests.typed import typed
from zoo.tasks.record_file import read_task_file
from zoo.tasks.tagging import entities

PAGE = ROOT / "docs" / "tagging.md"
PEOPLE = "docs/examples/people"
LINE = "王小明在北京大学工作，李丽华住在上海。"  # noqa: RUF001


def shown() -> tuple[str, str, list[list[str]]]:
    """The two commands of the page, and the table that the second prints."""
    train, predict = (command for command in commands(PAGE) if command.line.startswith(("zoo compare", "zoo predict")))
    return train.line, predict.line, [line.split("\t") for line in predict.shown]


def test_the_page_finds_persons_organisations_and_places() -> None:
    page = PAGE.read_text()
    columns, *rows = shown()[2]
    assert LINE in page and (ROOT / PEOPLE / "people.toml").read_text() in page
    assert columns == ["index", "start", "end", "word", "prediction", "probability"]
    assert "".join(row[3] for row in rows) == LINE
    assert list(entities([row[4] for row in rows])) == [("PER", 0, 2), ("ORG", 4, 7), ("PER", 11, 13), ("LOC", 16, 17)]


def test_its_files_hold_each_sentence_once() -> None:
    dataset = read_task_file(ROOT / PEOPLE / "people.toml").load(None)
    texts = [item.first for items in dataset.splits.values() for item in items]
    assert len(texts) == len(set(texts)) == 280 and LINE not in texts


@pytest.mark.slow
def test_plain_text_is_tagged_as_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, predict, table = shown()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "chinese.txt").write_text(f"{LINE}\n", encoding="utf-8")
    assert typed(*train.split()[1:], "--workers", "0", cwd=tmp_path).returncode == 0
    done = typed(*predict.split()[1:], cwd=tmp_path)
    made = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [row[:5] for row in made] == [row[:5] for row in table]
