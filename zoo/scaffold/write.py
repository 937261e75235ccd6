"""Writing a new plugin: a package that installs, passes its tests and takes part in a comparison at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import product
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from zoo.core.errors import UnknownName, ZooError
from zoo.core.files import write_folder
from zoo.registry.offers import API_VERSION
from zoo.registry.plugins import installed_plugins

CONTENTS = ("encoder", "objective", "task")
"""What a new plugin may have besides a variant."""

_NAME = re.compile(r"[a-z][a-z0-9]{1,19}")

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "LICENSE": "LICENSE",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "ci.yml",
    "tests/test_{module}.py": "test_plugin.py",
    "{module}/__init__.py": "__init__.py",
    "{module}/variants.py": "variants.py",
}
"""Every plugin's files, each with its template."""

FILES_OF = {
    "encoder": {"{module}/encoder.py": "encoder.py", "{module}/formulas.py": "formulas.py"},
    "objective": {"{module}/objective.py": "objective.py", "{module}/formulas.py": "formulas.py"},
    "task": {"{module}/tasks.py": "tasks.py"},
}
"""What each of the contents adds."""

PAPERS = {"encoder": "Chowdhery et al. 2022, arXiv:2204.02311", "objective": "Peters et al. 2018, arXiv:1802.05365"}
"""The papers of the examples."""

ADJECTIVES = {
    "good": ("good", "warm", "fresh", "lovely", "clean", "kind"),
    "bad": ("bad", "cold", "stale", "awful", "dirty", "rude"),
}
NOUNS = ("the soup", "our room", "the cook", "a waiter", "the bread", "this place", "her coffee", "the host")


def new_plugin(name: str, folder: Path | None = None, contents: Collection[str] = CONTENTS) -> list[Path]:
    """Write a package for a plugin of this name, by default in ./zoo-NAME; the files that were written.

    Raises ZooError if the name cannot be a plugin's or is taken, or the folder exists.
    """
    for part in contents:
        if part not in CONTENTS:
            raise UnknownName("thing that a new plugin may contain", part, CONTENTS)
    _refuse_name(name)
    place = folder or Path(f"zoo-{name}")
    if place.exists() or place.is_symlink():
        raise ZooError(f"{place} exists; give the name of a new folder with --out")
    words = _words(name, contents)
    files = FILES | {path: its for part in CONTENTS if part in contents for path, its in FILES_OF[part].items()}
    loader = PackageLoader("zoo.scaffold")
    templates = Environment(
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    texts = {
        path.format(module=words["module"]): templates.get_template(f"{its}.jinja").render(words)
        for path, its in files.items()
    }
    texts[f"{words['module']}/py.typed"] = ""
    if "task" in contents:
        texts |= {f"{words['module']}/data/{file}": text for file, text in _reviews().items()}

    def fill(temporary: Path) -> None:
        for path, text in texts.items():
            (temporary / path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / path).write_text(text, encoding="utf-8")

    write_folder(place, fill)
    return [place / path for path in sorted(texts)]


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ZooError(
            f"{name!r:.60} cannot be a plugin's name: use 2 to 20 lower-case letters and digits, a letter first; "
            "parts are then called NAME.PART and variants NAME-SIZE"
        )
    for plugin, _ in installed_plugins():
        if plugin.name == name:
            raise ZooError(f"{name!r} is the name of an installed plugin ({plugin.distribution}); choose another")
    if find_spec(f"zoo_{name}") is not None:
        raise ZooError(f"a module zoo_{name} is installed already; choose another name")


def _words(name: str, contents: Collection[str]) -> dict[str, object]:
    """What stands in the templates."""
    try:
        zoo_version = version("encoder-zoo")
    except PackageNotFoundError:
        zoo_version = "0.1"
    return {
        "name": name,
        "title": name.capitalize(),
        "module": f"zoo_{name}",
        "distribution": f"zoo-{name}",
        "task": f"{name}-reviews" if "task" in contents else "micro-acceptability",
        "paper": next((PAPERS[part] for part in PAPERS if part in contents), "Devlin et al. 2019, arXiv:1810.04805"),
        "contents": contents,
        "api_version": API_VERSION,
        "zoo_version": zoo_version,
        "year": date.today().year,
    }


def _reviews() -> dict[str, str]:
    """A training and a development file of made-up reviews, in CSV."""
    rows = [
        f"{noun} was {adjective},{opinion}"
        for noun, (opinion, adjectives) in product(NOUNS, ADJECTIVES.items())
        for adjective in adjectives
    ]
    n_train = len(rows) * 3 // 4  # the last nouns are for development, with as many of either opinion
    files = {"train.csv": rows[:n_train], "dev.csv": rows[n_train:]}
    return {file: "\n".join(["review,opinion", *its]) + "\n" for file, its in files.items()}
