"""The page of the API reference, and the examples of the page on the Python API."""

from __future__ import annotations

import doctest
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo

DOCS = Path(__file__).resolve().parents[2] / "docs"
SENTENCES = [f"The {a} {b}." for a in ("cook", "nurse", "judge", "poet") for b in ("slept", "sang", "left")]


@pytest.fixture(scope="module")
def generator() -> dict[str, object]:
    return runpy.run_path(str(DOCS / "api_reference.py"))


def test_the_reference_is_what_the_docstrings_say(generator: dict[str, Callable[[], str]]) -> None:
    made = generator["page"]()
    assert (DOCS / "api-reference.md").read_text() == made, "make it again: python docs/api_reference.py"


def test_every_public_name_is_in_the_reference(generator: dict[str, tuple[str, ...]]) -> None:
    page = (DOCS / "api-reference.md").read_text()
    assert not [name for name in zoo.__all__ if f"### `{name}" not in page and name not in generator["PLAIN"]]


def test_every_public_function_and_class_has_a_docstring() -> None:
    assert not [name for name in zoo.__all__ if callable(getattr(zoo, name)) and not getattr(zoo, name).__doc__]


@pytest.mark.slow
@pytest.mark.usefixtures("little_text")
def test_the_examples_of_the_page_give_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = ["\n".join(SENTENCES[i:] + SENTENCES[:i]) for i in range(12)]
    (tmp_path / "corpus.txt").write_text("\n\n".join(documents))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "python-api.md").read_text()
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", page, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "python-api.md", None, 0)
    failures: list[str] = []
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=failures.append)
    assert test.examples and not failures, "".join(failures)
