"""Small checkpoints to load and to break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

SIZES = {"hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 22, "vocab_size": 37}

Save = Callable[..., Path]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    yield
    transformers.logging.set_verbosity_warning()


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a checkpoint of a class of the transformers library, with random weights, and give its folder."""

    def save(name: str = "BertForMaskedLM", shard: str = "1GB", **config: Any) -> Path:
        torch.manual_seed(0)
        family = name.split("For")[0].removesuffix("Model")
        settings = getattr(transformers, f"{family}Config")(**{**SIZES, "max_position_embeddings": 17, **config})
        folder = tmp_path / name
        getattr(transformers, name)(settings).save_pretrained(folder, max_shard_size=shard)
        return folder

    return save
