"""A key that config.json leaves out means what it means to the transformers library, for every key and family."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import zoo
from zoo.core.errors import ZooError
from zoo.heads import TaskHead
from zoo.weights.match import head_use

Save = Callable[..., Path]

CATALOG = zoo.Catalog.installed()
FAMILIES = {"bert": "Bert", "roberta": "Roberta", "albert": "Albert"}
HEADS = ("classification", "token-classification", "question-answering", "multiple-choice")


def parsed(family: str, config: dict[str, Any]) -> tuple[object, ...]:
    """All that the zoo takes from a config."""
    format = CATALOG.checkpoint_formats[family]
    variant = format.variant(config, "x", "config.json")
    return variant, *(head_use(format, config, (head,), variant.dims.dropout, "config.json") for head in HEADS)


def defaults(family: str) -> dict[str, Any]:
    config = getattr(transformers, f"{FAMILIES[family]}Config")()
    found: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_each_key_that_is_absent_means_its_default(family: str) -> None:
    full = defaults(family)
    expected = parsed(family, full)
    assert len(full) > 20
    for key in set(full) - {"model_type"}:
        assert parsed(family, {k: v for k, v in full.items() if k != key}) == expected, key
    assert parsed(family, {"model_type": family}) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_the_defaults_are_the_reference_librarys(family: str) -> None:
    config = getattr(transformers, f"{FAMILIES[family]}Config")()
    variant = CATALOG.checkpoint_formats[family].variant({"model_type": family}, "x", "config.json")
    dims = variant.dims
    assert (dims.vocab_size, dims.hidden_width, dims.n_layers) == (
        config.vocab_size, config.hidden_size, config.num_hidden_layers
    )  # fmt: skip
    assert (dims.n_heads, dims.ffn_width, dims.norm_eps) == (
        config.num_attention_heads, config.intermediate_size, config.layer_norm_eps
    )  # fmt: skip
    assert (dims.activation, dims.dropout, dims.attention_dropout) == (
        config.hidden_act, config.hidden_dropout_prob, config.attention_probs_dropout_prob
    )  # fmt: skip
    assert dims.embedding_width == getattr(config, "embedding_size", config.hidden_size)
    offset = config.pad_token_id + 1 if family == "roberta" else 0
    assert dims.max_length == config.max_position_embeddings - offset
    assert variant.embedding.options.get("n_segments", 1 if family == "roberta" else 2) == config.type_vocab_size


@pytest.mark.parametrize("head", ["SequenceClassification", "TokenClassification", "MultipleChoice"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("absent", [(), ("hidden_dropout_prob",), ("classifier_dropout", "classifier_dropout_prob")])
def test_a_heads_dropout_is_the_reference_librarys(family: str, head: str, absent: tuple[str, ...], save: Save) -> None:
    key = "classifier_dropout_prob" if family == "albert" else "classifier_dropout"
    folder = save(f"{FAMILIES[family]}For{head}", hidden_dropout_prob=0.25, **{key: 0.375}, pad_token_id=1)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k not in absent}))
    reference = getattr(transformers, f"{FAMILIES[family]}For{head}").from_pretrained(folder)
    expected = getattr(reference, "dropout", None) or reference.classifier.dropout
    found = zoo.load(folder).objective("task")
    assert isinstance(found, TaskHead) and found.config.pooling.dropout == expected.p


@pytest.mark.parametrize("family", [*FAMILIES.values(), "DistilBert", "Electra"])
def test_what_a_head_of_answers_drops_is_the_reference_librarys(family: str, save: Save) -> None:
    folder = save(f"{family}ForQuestionAnswering", hidden_dropout_prob=0.25, qa_dropout=0.375, pad_token_id=1)
    reference = transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    rates = [module.p for module in reference.children() if isinstance(module, torch.nn.Dropout)]
    head = zoo.load(folder).objective("task")
    assert isinstance(head, TaskHead) and head.dropout.p == sum(rates) == (0.375 if family == "DistilBert" else 0.0)


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({}, ("LABEL_0", "LABEL_1")),
        ({"id2label": None}, ("LABEL_0", "LABEL_1")),
        ({"id2label": None, "num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"id2label": {"1": "b", "0": "a"}}, ("a", "b")),
        ({"id2label": {"1": "b", "0": "a"}, "num_labels": 2}, ("a", "b")),
        ({"id2label": {"1": "b", "0": "a"}, "num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_labels_that_are_absent_are_the_reference_librarys(
    family: str, changes: dict[str, Any], labels: tuple[str, ...]
) -> None:
    config = getattr(transformers, f"{FAMILIES[family]}Config").from_dict(dict(changes))
    assert tuple(config.id2label[index] for index in range(config.num_labels)) == labels
    use = head_use(CATALOG.checkpoint_formats[family], changes, ("classification",), 0.1, "config.json")
    assert use is not None and use.labels == labels and use.kind == "classification"


def test_one_label_is_a_regression_as_in_the_reference_library() -> None:
    use = head_use(CATALOG.checkpoint_formats["bert"], {"num_labels": 1}, ("classification",), 0.1, "config.json")
    assert use is not None and use.kind == "regression"


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("roberta", {"pad_token_id": None}, "pad_token_id cannot be None"),
        ("roberta", {"pad_token_id": True}, "pad_token_id cannot be True"),
        ("roberta", {"max_position_embeddings": None}, "max_position_embeddings cannot be None"),
        ("bert", {"hidden_size": None}, "hidden_size cannot be used"),
        ("albert", {"embedding_size": None}, "embedding_size cannot be used"),
    ],
)
def test_what_the_reference_library_cannot_use_is_refused(family: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        CATALOG.checkpoint_formats[family].variant(changes, "x", "config.json")
    CATALOG.checkpoint_formats["bert"].variant({"pad_token_id": None}, "x", "config.json")  # of no consequence there
