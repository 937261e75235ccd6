"""Every released variant of a family with folders counts as the transformers library's own class does."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from zoo import Catalog
from zoo.auditing.closed_form import closed_form
from zoo.auditing.module import module_counts, on_meta

CATALOG = Catalog.installed()
CLASSES = {
    "distilbert": ("DistilBertModel", "DistilBertForMaskedLM"),
    "electra": ("ElectraModel", "ElectraForPreTraining"),
    "openai-gpt": ("OpenAIGPTModel", "OpenAIGPTLMHeadModel"),
    "gpt2": ("GPT2Model", "GPT2LMHeadModel"),
}
"""By format: the encoder alone, and with what a folder holds of pre-training."""


@cache
def released(format: str) -> list[tuple[str, dict[str, Any]]]:
    """The variants that a folder of the format can hold as it was released, with what its config.json says."""
    found = ((v.name, CATALOG.checkpoint_formats[format].config(v)) for v in CATALOG.variants.values())
    return [(name, config) for name, config in found if config and "ours" not in CATALOG.variant(name).paper]


def count(architecture: str, format: str, config: dict[str, Any]) -> int:
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        sizes = {key: value for key, value in config.items() if key != "model_type"}
        model: nn.Module = getattr(transformers, architecture)(transformers.AutoConfig.for_model(format, **sizes))
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("format", CLASSES)
def test_the_formulas_and_the_modules_count_as_the_library(format: str) -> None:
    bare, whole = CLASSES[format]
    assert released(format)
    for name, config in released(format):
        expression = f"{name}+objectives=electra.rtd" if format == "electra" else name
        form = closed_form(CATALOG, CATALOG.variant(expression)).counts
        assert form.encoder == count(bare, format, config), name
        assert form.pretraining == count(whole, format, config), name


@pytest.mark.parametrize(
    ("name", "figure"), [("gpt2", 117), ("gpt2-medium", 345), ("gpt2-large", 762), ("gpt2-xl", 1542)]
)
def test_gpt_2s_paper_counts_the_vocabulary_of_gpt(name: str, figure: int) -> None:
    model = on_meta(CATALOG, CATALOG.variant(f"{name}+dims.vocab_size=40478"))
    assert round(module_counts(model).encoder / 1e6) == figure  # type: ignore[operator]
