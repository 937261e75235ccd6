"""What every test may ask for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from zoo.experiments.plan.corpus import MicroworldCorpus

torch.set_num_threads(1)
"""Two test processes share two cores, and results depend on the number of threads."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
