"""What every test may ask for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch

from zoo.experiments.plan.corpus import MicroworldCorpus
from zoo.registry import offered
from zoo.registry.plugins import installed_plugins

torch.set_num_threads(1)
"""Two test processes share two cores, and results depend on the number of threads."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

OURS = {"zoo", *(path.parent.name for path in Path(__file__).parents[1].glob("plugins/*/pyproject.toml"))}
STRANGERS = {plugin.name for plugin, _ in installed_plugins()} - OURS
offered.installed_plugins = lambda: [source for source in installed_plugins() if source[0].name not in STRANGERS]
"""Tests in this process know the project's own plugins and those that they make, whatever else is installed; files of
tests ask what there is when they are imported, so that no fixture would do."""


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """What a test's program sets for the log of this process ends with the test."""
    log = logging.getLogger("zoo")
    before = log.level
    yield
    log.setLevel(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora and GLUE files beside the checkout; the test is skipped where it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs real data in a folder shared/data beside the checkout; it is not part of the project")
    return SHARED_DATA


@pytest.fixture
def little_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons in this process read 300 documents of the microworld where they are given no corpus, not 5,000."""
    monkeypatch.setattr("zoo.experiments.plan.make.MicroworldCorpus", partial(MicroworldCorpus, n_documents=300))


def pytest_configure(config: pytest.Config) -> None:
    """Tests keep what they make in pytest's own cache, not in the user's."""
    kept = getattr(config, "cache", None)  # absent with -p no:cacheprovider
    os.environ["XDG_CACHE_HOME"] = str(kept.mkdir("zoo")) if kept else mkdtemp()
