"""What several tests of the runner compare."""

from __future__ import annotations

import pytest

from zoo.tasks.microworld import documents

SMALL = ["albert-tiny", "--tasks", "micro-sentiment", "--pretrain-tokens", "3000", "--finetune-steps", "3"]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments of a comparison of six jobs on little text."""
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("\n\n".join("\n".join(document) for document in documents(300, seed=0)))
    return [*SMALL, "--corpus", str(text), "--seeds", "3"]
